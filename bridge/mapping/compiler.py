"""From a checked document to closures. Nothing here can fail on a document that the checker has passed."""

import hashlib
import json

from bridge.mapping.commands.command import compile_command
from bridge.mapping.commands.correlation import compile_correlation, compile_replies
from bridge.mapping.commands.remembered import compile_remembered
from bridge.mapping.document import PackDocument
from bridge.mapping.formats.paths import Find, compile_path
from bridge.mapping.outputs.visits import VisitBuilder, compile_visit
from bridge.mapping.outputs.work_orders import compile_work_order
from bridge.mapping.pack import Inbound, Pack
from bridge.mapping.reading.ages import own_fields, window_fields
from bridge.mapping.reading.columns import field_lookups
from bridge.mapping.reading.fields import compile_fields
from bridge.mapping.reading.messages import compile_identity
from bridge.mapping.reading.tables import table_lookup
from bridge.mapping.rules import compile_rules
from bridge.mapping.translator import Translator


def compile_pack(document: PackDocument, data: object) -> Pack:
    """Compile a checked document; `data` is the plain data it was made of, whose hash goes into the version."""
    version = f"{document.version}+{content_hash(data)}"
    tables = {name: table_lookup(table) for name, table in document.tables.items()}
    fields = compile_remembered(document)
    visit = compile_visit(document)
    return Pack(
        name=document.pack,
        version=version,
        inbound=Inbound(document.inbound.exchange, document.inbound.bindings),
        seller_contact=visit.seller_contact,
        unoffered_window=document.policies.unoffered_window,
        identity=compile_identity(document),
        translator=_translator(document, version, visit),
        commands={
            kind: compile_command(command, document, tables, fields, version)
            for kind, command in document.commands.items()
        },
        replies=compile_replies(document.replies) if document.replies is not None else None,
        correlation=compile_correlation(document),
    )


def content_hash(data: object) -> str:
    """Give eight hex digits that change with any value of a pack, but not with its comments and layout."""
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:8]


def _translator(document: PackDocument, version: str, visit: VisitBuilder) -> Translator:
    lookups = field_lookups(document)
    return Translator(
        version=version,
        fields=compile_fields(document),
        rules=compile_rules(document.rules, lookups, document.policies.on_illegal),
        work_order=compile_work_order(document),
        visit=visit,
        occurred_at=document.inbound.occurred_at,
        changed_names=_finder(document.inbound.changed_names),
        deltas=document.inbound.deltas,
        own_fields=own_fields(document),
        window_fields=window_fields(document),
    )


def _finder(path: str | None) -> Find | None:
    return compile_path(path) if path is not None else None
