"""Alembic's entry: migrates over the connection that bridge.store.migration hands in, inside its transaction."""

from alembic import context

from bridge.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
