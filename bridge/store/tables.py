"""The tables. Two rules of the standard and of the bridge are constraints here, so that no bug above can break them:
one open Appointment per WorkOrder (R20), and one booking under way per WorkOrder.

In `deliveries` and `outbox`, what must leave in order shares an `ordering_key`. Only the first pending row of a key has
a `next_attempt_at`; those behind it have none until it is settled. So whatever has a `next_attempt_at` may be sent at
that moment, and a dead listener with 100,000 rows behind its first ones costs nothing to skip. No row of a disabled
listener has one.
"""

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

from bridge.domain.model import WorkOrderDetails
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    Note,
    Place,
    RelatedContactInformation,
)
from bridge.store.columns import Json, Model, Number, Plain, Utc

ID = Plain
WORD = String(64)

BALLAST_BYTES: Final = 8192
"""A page of PostgreSQL: what finds no room for it would find none for a message."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that `where` holds for; both databases read the same predicate."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(where))


work_orders = Table(
    "work_orders",
    metadata,
    Column("id", ID, primary_key=True),
    Column("pack", Plain, nullable=False),
    Column("job_key", Plain, nullable=False),
    Column("buyer", Plain, nullable=False),
    Column("state", WORD, nullable=False),
    Column("appointment_required", Boolean, nullable=False),
    Column("details", Model(TypeAdapter(WorkOrderDetails)), nullable=False),
    Column("appointments", Json(), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Index("ix_work_orders_buyer", "buyer", "created_at", "id"),
    Index("ix_work_orders_state", "buyer", "state", "created_at", "id", "appointment_required"),
    Index(
        "ix_work_orders_required",
        "buyer",
        "created_at",
        "id",
        "state",
        postgresql_where=text("appointment_required"),
        sqlite_where=text("appointment_required = 1"),
    ),
    Index("ix_work_orders_job", "pack", "job_key"),
)

work_order_entities = Table(
    "work_order_entities",
    metadata,
    Column("work_order_id", ID, ForeignKey("work_orders.id"), primary_key=True),
    Column("entity_id", Plain, primary_key=True),
    Column("referred_type", Plain, primary_key=True),
    Index("ix_work_order_entities_entity", "entity_id", "referred_type"),
)

work_order_places = Table(
    "work_order_places",
    metadata,
    Column("work_order_id", ID, ForeignKey("work_orders.id"), primary_key=True),
    Column("kind", WORD, primary_key=True),
    Column("place_id", Plain, primary_key=True),
    Index("ix_work_order_places_place", "place_id", "kind"),
)

appointments = Table(
    "appointments",
    metadata,
    Column("id", ID, primary_key=True),
    Column("work_order_id", ID, ForeignKey("work_orders.id"), nullable=False),
    Column("buyer", Plain, nullable=False),
    Column("status", WORD, nullable=False),
    Column("valid_from", Utc, nullable=False),
    Column("valid_to", Utc, nullable=False),
    Column("place", Model(TypeAdapter(Place)), nullable=False),
    Column("place_kind", WORD),
    Column("place_id", Plain),
    Column("contacts", Model(TypeAdapter(tuple[RelatedContactInformation, ...])), nullable=False),
    Column("note", Model(TypeAdapter(tuple[Note, ...])), nullable=False),
    Column("attachment", Model(TypeAdapter(tuple[AttachmentValue, ...])), nullable=False),
    Column("visit", Plain),
    Column("disregarded_from", Utc),
    Column("disregarded_to", Utc),
    Column("created_at", Utc, nullable=False),
    Column("changed_at", Utc, nullable=False),
    Index("ix_appointments_work_order", "work_order_id"),
    Index("ix_appointments_buyer", "buyer", "created_at", "id"),
    Index("ix_appointments_status", "buyer", "status", "created_at", "id"),
    Index("ix_appointments_ends", "buyer", "valid_to"),
    _partial_index("ix_appointments_place", "buyer", "place_id", "created_at", "id", where="place_id IS NOT NULL"),
    _partial_index(
        "uq_appointments_one_open", "work_order_id", where="status IN ('confirmed', 'inProgress')", unique=True
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("pack", Plain, primary_key=True),
    Column("key", Plain, primary_key=True),
    Column("work_order_id", ID, ForeignKey("work_orders.id")),
    Column("versions", Json(), nullable=False),
    Column("record", Json(), nullable=False),
    Column("told", Json(), nullable=False, server_default="{}"),
    Column("revision", Number, nullable=False, server_default="0"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("pack", Plain, primary_key=True),
    Column("message_id", Plain, primary_key=True),
    Column("received_at", Utc, nullable=False),
    Index("ix_inbox_received", "received_at"),
)

journal = Table(
    "journal",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("pack", Plain, nullable=False),
    Column("message_id", Plain),
    Column("job_key", Plain),
    Column("body", LargeBinary, nullable=False),
    Column("routing_key", Plain, nullable=False),
    Column("headers", Json(), nullable=False),
    Column("correlation_id", Plain, nullable=False),
    Column("received_at", Utc, nullable=False),
    Column("outcome", WORD, nullable=False),
    Column("reason", Plain, nullable=False),
    Column("rule", Plain),
    Column("pack_version", Plain, nullable=False),
    Column("transitions", Json(), nullable=False),
    Column("flags", Json(), nullable=False),
    Column("explanation", Json(finite=True), nullable=False),
    Column("due_at", Utc),
    Index("ix_journal_outcome", "outcome", "number"),
    Index("ix_journal_received", "received_at"),
    Index("ix_journal_job", "pack", "job_key", "number"),
    _partial_index("ix_journal_waiting", "pack", "job_key", "number", where="outcome = 'waiting'"),
    _partial_index("ix_journal_parked", "pack", "message_id", where="outcome = 'parked'"),
    _partial_index("ix_journal_due", "due_at", where="due_at IS NOT NULL"),
    sqlite_autoincrement=True,
)

commands = Table(
    "commands",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", WORD, nullable=False),
    Column("pack", Plain, nullable=False),
    Column("job_key", Plain, nullable=False),
    Column("work_order_id", ID, ForeignKey("work_orders.id"), nullable=False),
    Column("buyer", Plain, nullable=False),
    Column("state", WORD, nullable=False),
    Column("appointment_id", ID),
    Column("window_from", Utc),
    Column("window_to", Utc),
    Column("request", Model(TypeAdapter(AppointmentCreate | AppointmentUpdate))),
    Column("visit", Plain),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("correlation_id", Plain, nullable=False),
    Column("answer", Json(optional=True)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("try_again_at", Utc),
    Column("echo_until", Utc),
    Column("settled_at", Utc),
    Index("ix_commands_job", "pack", "job_key"),
    Index("ix_commands_newest", "buyer", "state", "kind", "created_at", "id"),
    _partial_index("ix_commands_try_again", "try_again_at", where="try_again_at IS NOT NULL"),
    _partial_index("ix_commands_overdue", "expires_at", where="state = 'pending'"),
    _partial_index(
        "uq_commands_one_booking", "work_order_id", where="kind = 'book' AND state = 'pending'", unique=True
    ),
)

offered_slots = Table(
    "offered_slots",
    metadata,
    Column("work_order_id", ID, ForeignKey("work_orders.id"), primary_key=True),
    Column("window_from", Utc, primary_key=True),
    Column("window_to", Utc, primary_key=True),
    Column("token", Json(), nullable=False),
    Column("expires_at", Utc, nullable=False),
    Index("ix_offered_slots_expires", "expires_at"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("api", WORD, nullable=False),
    Column("irp", WORD, nullable=False),
    Column("buyer", Plain, nullable=False),
    Column("callback", Plain, nullable=False),
    Column("query", Plain),
    Column("event_types", Json(), nullable=False),
    Column("buyer_param", Plain),
    Column("seller_param", Plain),
    Column("created_at", Utc, nullable=False),
    Column("failing_since", Utc),
    Column("disabled_at", Utc),
    Column("disabled_because", Plain),
    Index("ix_subscriptions_buyer", "buyer"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("event_id", ID, primary_key=True),
    Column("event_type", WORD, nullable=False),
    Column("resource_id", ID, nullable=False),
    Column("buyer", Plain, nullable=False),
    Column("event_time", Utc, nullable=False),
    Column("correlation_id", Plain, nullable=False),
    Column("position", Integer, nullable=False),
    Index("ix_notifications_resource", "resource_id", "event_time", "position"),
    Index("ix_notifications_time", "event_time"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("event_id", ID, ForeignKey("notifications.event_id"), nullable=False),
    Column("subscription_id", ID, nullable=False),
    Column("ordering_key", Plain, nullable=False),
    Column("state", WORD, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Utc),
    Column("lease_until", Utc),
    Column("claimed_by", ID),
    Column("begun_at", Utc),
    Index("ix_deliveries_event", "event_id"),
    _partial_index("ix_deliveries_discarded", "number", where="state = 'discarded'"),
    _partial_index("ix_deliveries_pending", "ordering_key", "number", where="state = 'pending'"),
    _partial_index("ix_deliveries_listener", "subscription_id", "number", where="state = 'pending'"),
    _partial_index(
        "ix_deliveries_due", "subscription_id", "next_attempt_at", "number", where="next_attempt_at IS NOT NULL"
    ),
    _partial_index("ix_deliveries_next", "next_attempt_at", where="next_attempt_at IS NOT NULL"),
    _partial_index("ix_deliveries_leased", "subscription_id", "lease_until", where="lease_until IS NOT NULL"),
    _partial_index("uq_deliveries_first", "ordering_key", where="next_attempt_at IS NOT NULL", unique=True),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("delivery", Number, ForeignKey("deliveries.number"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("status", Integer),
    Column("error", Plain),
    Column("elapsed", Double, nullable=False),
    Column("excerpt", Plain),
    Index("ix_attempts_delivery", "delivery"),
    sqlite_autoincrement=True,
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ordering_key", Plain),
    Column("pack", Plain, nullable=False),
    Column("job_key", Plain),
    Column("exchange", Plain, nullable=False),
    Column("routing_key", Plain, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("content_type", Plain, nullable=False),
    Column("headers", Json(), nullable=False),
    Column("message_id", Plain, nullable=False),
    Column("correlation_id", Plain, nullable=False),
    Column("reply_expected", Boolean, nullable=False),
    Column("state", WORD, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Utc),
    Column("lease_until", Utc),
    Column("error", Plain),
    Column("attempted_at", Utc),
    Column("claimed_by", ID),
    _partial_index("ix_outbox_sent", "attempted_at", where="state = 'sent'"),
    _partial_index("ix_outbox_pending", "ordering_key", "number", where="state = 'pending'"),
    _partial_index("ix_outbox_due", "next_attempt_at", "number", where="next_attempt_at IS NOT NULL"),
    _partial_index("uq_outbox_first", "ordering_key", where="next_attempt_at IS NOT NULL", unique=True),
    sqlite_autoincrement=True,
)

refused_requests = Table(
    "refused_requests",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False),
    Column("requester", Plain, nullable=False),
    Column("buyer", Plain),
    Column("operation", Plain, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", Plain, nullable=False),
    Column("work_order_id", Plain),
    Column("appointment_id", Plain),
    Column("correlation_id", Plain, nullable=False),
    Index("ix_refused_requests_at", "at"),
    _partial_index("ix_refused_requests_work_order", "work_order_id", where="work_order_id IS NOT NULL"),
    _partial_index("ix_refused_requests_appointment", "appointment_id", where="appointment_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

trace_contexts = Table(
    "trace_contexts",
    metadata,
    Column("correlation_id", Plain, primary_key=True),
    Column("context", Json(), nullable=False),
    Column("at", Utc, nullable=False),
    Index("ix_trace_contexts_at", "at"),
)

requests = Table(
    "requests",
    metadata,
    Column("requester", Plain, primary_key=True),
    Column("operation", Plain, primary_key=True),
    Column("key", Plain, primary_key=True),
    Column("fingerprint", WORD, nullable=False),
    Column("effect", ID, nullable=False),
    Column("instance", Plain, nullable=False),
    Column("claim", Plain),
    Column("claimed_until", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("status", Integer),
    Column("headers", Json(optional=True)),
    Column("body", LargeBinary),
    Index("ix_requests_expires", "expires_at"),
)

processes = Table(
    "processes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("instance", Plain, nullable=False),
    Column("beats", Number, nullable=False),
    Column("ballast", LargeBinary, nullable=False),
    Column("packs", Json(optional=True)),
    Column("deployed", Json(optional=True)),
)

activations = Table(
    "activations",
    metadata,
    Column("pack", Plain, primary_key=True),
    Column("id", ID, nullable=False),
    Column("base", Plain, nullable=False),
    Column("text", Plain, nullable=False),
    Column("version", Plain, nullable=False),
    Column("who", Plain, nullable=False),
    Column("note", Plain, nullable=False),
    Column("at", Utc, nullable=False),
    Column("ended_at", Utc),
)

partitionings = Table(
    "partitionings",
    metadata,
    Column("pack", Plain, primary_key=True),
    Column("partitions", Number, nullable=False),
    Column("divided_by", Plain, nullable=False, server_default="job"),
    Column("next_partitions", Number, nullable=False, server_default="0"),  # 0: no change is under way
    Column("next_divided_by", Plain, nullable=False, server_default=""),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("ends_at", Utc, nullable=False),
    Index("ix_ended_sessions_ends", "ends_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False),
    Column("who", Plain, nullable=False),
    Column("role", WORD, nullable=False),
    Column("act", WORD, nullable=False),
    Column("thing", Plain, nullable=False),
    Column("note", Plain, nullable=False),
    Column("outcome", Plain, nullable=False),
    sqlite_autoincrement=True,
)
