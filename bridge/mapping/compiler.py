"""From a checked document to closures. Nothing here can fail on a document that the checker has passed."""

import hashlib
import json

from bridge.mapping.commands import compile_command
from bridge.mapping.document import PackDocument
from bridge.mapping.fields import compile_field
from bridge.mapping.messages import compile_identity
from bridge.mapping.pack import Inbound, Pack
from bridge.mapping.rules import compile_rules
from bridge.mapping.sources import Lookups
from bridge.mapping.tables import table_lookup
from bridge.mapping.translator import Translator
from bridge.mapping.visits import VisitBuilder, compile_visit
from bridge.mapping.work_orders import compile_work_order


def compile_pack(document: PackDocument, data: object) -> Pack:
    """Compile a checked document; `data` is the plain data it was made of, whose hash goes into the version."""
    version = f"{document.version}+{content_hash(data)}"
    tables = {name: table_lookup(table) for name, table in document.tables.items()}
    visit = compile_visit(document.appointment, _field_lookups(document, tables))
    return Pack(
        name=document.pack,
        version=version,
        inbound=Inbound(document.inbound.exchange, document.inbound.bindings),
        seller_contact=visit.seller_contact,
        unoffered_window=document.policies.unoffered_window,
        identity=compile_identity(document.pack, document.inbound),
        translator=_translator(document, version, tables, visit),
        commands={
            kind: compile_command(command, tables, version, document.zone)
            for kind, command in document.commands.items()
        },
    )


def content_hash(data: object) -> str:
    """Give eight hex digits that change with any value of a pack, but not with its comments and layout."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:8]


def _translator(document: PackDocument, version: str, tables: Lookups, visit: VisitBuilder) -> Translator:
    lookups = _field_lookups(document, tables)
    return Translator(
        version=version,
        fields=tuple(
            compile_field(name, spec, document.tables, document.zone) for name, spec in document.fields.items()
        ),
        rules=compile_rules(document.rules, lookups, document.policies.on_illegal),
        work_order=compile_work_order(document.work_order, lookups),
        visit=visit,
        occurred_at=document.inbound.occurred_at,
    )


def _field_lookups(document: PackDocument, tables: Lookups) -> Lookups:
    """Give the look-up of each field that has a table."""
    return {name: tables[spec.table] for name, spec in document.fields.items() if spec.table is not None}
