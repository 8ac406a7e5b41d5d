"""Rows to values and back, nothing else: pure, and lossless in both directions.

A row is a plain mapping of column names. What no query looks into is kept as JSON text: values of the standard under
their wire names, with moments to the microsecond (the wire's milliseconds would lose some); what a WFM sent, as it sent
it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson
from pydantic import TypeAdapter

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    JobRef,
    MessageId,
    OfferedSlot,
    Outcome,
    Transition,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.flows.ports import (
    BusMessage,
    Delivery,
    JournalEntry,
    OutboxEntry,
    RecordedEntry,
    Subscription,
    SubscriptionId,
    WfmMessage,
)
from bridge.mef.enums import Api, AppointmentStatus, EventType, Irp, WorkOrderState
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    GeographicAddressRef,
    GeographicSiteRef,
    Note,
    Place,
    RelatedContactInformation,
    TimePeriod,
)

T = TypeVar("T")

SITE = "site"
ADDRESS = "address"


class Row(Protocol):
    """Column values by name: SQLAlchemy's row mappings, or a plain dictionary."""

    def __getitem__(self, name: str, /) -> Any:
        """Take one."""


_DETAILS: TypeAdapter[WorkOrderDetails] = TypeAdapter(WorkOrderDetails)
_PLACE: TypeAdapter[Place] = TypeAdapter(Place)
_CONTACTS: TypeAdapter[tuple[RelatedContactInformation, ...]] = TypeAdapter(tuple[RelatedContactInformation, ...])
_NOTES: TypeAdapter[tuple[Note, ...]] = TypeAdapter(tuple[Note, ...])
_ATTACHMENTS: TypeAdapter[tuple[AttachmentValue, ...]] = TypeAdapter(tuple[AttachmentValue, ...])
_REQUEST: TypeAdapter[AppointmentCreate | AppointmentUpdate] = TypeAdapter(AppointmentCreate | AppointmentUpdate)


def _model_text(adapter: TypeAdapter[T], value: T) -> str:
    return orjson.dumps(adapter.dump_python(value, by_alias=True, exclude_none=True)).decode()


def plain_text(value: object) -> str:
    """Write plain JSON that a WFM or an operator made; integers of any size and any string survive."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def plain(text: str) -> Any:
    """Read what `plain_text` wrote."""
    return json.loads(text)


def _plain(value: object) -> object:
    """Give JSON a form for what it lacks: any mapping, and moments."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _period(start: datetime | None, end: datetime | None) -> TimePeriod | None:
    if start is None or end is None:
        return None
    return TimePeriod(start_date_time=start, end_date_time=end)


def _ends(period: TimePeriod | None) -> tuple[datetime | None, datetime | None]:
    return (None, None) if period is None else (period.start_date_time, period.end_date_time)


def _place_ref(place: Place) -> tuple[str, str] | None:
    """Tell which site or address a place refers to, if it refers to one (O3, O4)."""
    if isinstance(place, GeographicSiteRef):
        return SITE, place.id
    if isinstance(place, GeographicAddressRef):
        return ADDRESS, place.id
    return None


# WorkOrders


def work_order_row(value: WorkOrder) -> dict[str, object]:
    """Make the row of `work_orders`."""
    return {
        "id": value.id,
        "pack": value.job.pack,
        "job_key": value.job.key,
        "buyer": value.buyer,
        "state": value.state.value,
        "appointment_required": value.appointment_required,
        "details": _model_text(_DETAILS, value.details),
        "appointments": plain_text(value.appointments),
        "created_at": value.created_at,
        "changed_at": value.changed_at,
    }


def work_order(row: Row) -> WorkOrder:
    """Read a row of `work_orders`."""
    return WorkOrder(
        id=WorkOrderId(row["id"]),
        job=JobRef(row["pack"], row["job_key"]),
        buyer=BuyerId(row["buyer"]),
        state=WorkOrderState(row["state"]),
        appointment_required=row["appointment_required"],
        details=_DETAILS.validate_json(row["details"]),
        appointments=tuple(map(AppointmentId, plain(row["appointments"]))),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


def entity_rows(value: WorkOrder) -> list[dict[str, object]]:
    """Make the rows of `work_order_entities`, one for each different entity."""
    entities = dict.fromkeys((entity.id, entity.referred_type) for entity in value.details.related_entity)
    return [{"work_order_id": value.id, "entity_id": id_, "referred_type": type_} for id_, type_ in entities]


def place_rows(value: WorkOrder) -> list[dict[str, object]]:
    """Make the rows of `work_order_places`, one for each different site or address referred to."""
    refs = dict.fromkeys(ref for ref in map(_place_ref, value.details.place) if ref)
    return [{"work_order_id": value.id, "kind": kind, "place_id": id_} for kind, id_ in refs]


# Appointments


def appointment_row(value: Appointment) -> dict[str, object]:
    """Make the row of `appointments`."""
    kind, place_id = _place_ref(value.place) or (None, None)
    disregarded_from, disregarded_to = _ends(value.disregarded_window)
    return {
        "id": value.id,
        "work_order_id": value.work_order,
        "buyer": value.buyer,
        "status": value.status.value,
        "valid_from": value.valid_for.start_date_time,
        "valid_to": value.valid_for.end_date_time,
        "place": _model_text(_PLACE, value.place),
        "place_kind": kind,
        "place_id": place_id,
        "contacts": _model_text(_CONTACTS, value.contacts),
        "note": _model_text(_NOTES, value.note),
        "attachment": _model_text(_ATTACHMENTS, value.attachment),
        "visit": value.visit,
        "disregarded_from": disregarded_from,
        "disregarded_to": disregarded_to,
        "created_at": value.created_at,
        "changed_at": value.changed_at,
    }


def appointment(row: Row) -> Appointment:
    """Read a row of `appointments`."""
    return Appointment(
        id=AppointmentId(row["id"]),
        work_order=WorkOrderId(row["work_order_id"]),
        buyer=BuyerId(row["buyer"]),
        status=AppointmentStatus(row["status"]),
        valid_for=TimePeriod(start_date_time=row["valid_from"], end_date_time=row["valid_to"]),
        place=_PLACE.validate_json(row["place"]),
        contacts=_CONTACTS.validate_json(row["contacts"]),
        note=_NOTES.validate_json(row["note"]),
        attachment=_ATTACHMENTS.validate_json(row["attachment"]),
        visit=row["visit"],
        disregarded_window=_period(row["disregarded_from"], row["disregarded_to"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


# Commands and slots


def command_row(value: Command) -> dict[str, object]:
    """Make the row of `commands`, without its answer."""
    window_from, window_to = _ends(value.window)
    return {
        "id": value.id,
        "kind": value.kind.value,
        "pack": value.job.pack,
        "job_key": value.job.key,
        "work_order_id": value.work_order,
        "buyer": value.buyer,
        "state": value.state.value,
        "appointment_id": value.appointment,
        "window_from": window_from,
        "window_to": window_to,
        "request": None if value.request is None else _model_text(_REQUEST, value.request),
        "visit": value.visit,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "correlation_id": value.correlation_id,
        "tries": value.tries,
        "try_again_at": value.try_again_at,
        "echo_until": value.echo_until,
    }


def command(row: Row) -> Command:
    """Read a row of `commands`."""
    appointment_id = row["appointment_id"]
    return Command(
        id=CommandId(row["id"]),
        kind=CommandKind(row["kind"]),
        job=JobRef(row["pack"], row["job_key"]),
        work_order=WorkOrderId(row["work_order_id"]),
        buyer=BuyerId(row["buyer"]),
        state=CommandState(row["state"]),
        appointment=None if appointment_id is None else AppointmentId(appointment_id),
        window=_period(row["window_from"], row["window_to"]),
        request=None if row["request"] is None else _REQUEST.validate_json(row["request"]),
        visit=row["visit"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        correlation_id=row["correlation_id"],
        tries=row["tries"],
        try_again_at=row["try_again_at"],
        echo_until=row["echo_until"],
    )


def slot_row(work_order_id: WorkOrderId, slot: OfferedSlot, expires_at: datetime) -> dict[str, object]:
    """Make the row of `offered_slots`."""
    return {
        "work_order_id": work_order_id,
        "window_from": slot.window.start_date_time,
        "window_to": slot.window.end_date_time,
        "token": plain_text(slot.token),
        "expires_at": expires_at,
    }


def slot(row: Row) -> OfferedSlot:
    """Read a row of `offered_slots`."""
    window = TimePeriod(start_date_time=row["window_from"], end_date_time=row["window_to"])
    return OfferedSlot(window, plain(row["token"]))


# The journal


def journal_row(entry: JournalEntry) -> dict[str, object]:
    """Make the row of `journal`, without its number. A job belongs to the pack that its message came by."""
    raw = entry.raw
    return {
        "pack": raw.pack,
        "message_id": entry.message,
        "job_key": None if entry.job is None else entry.job.key,
        "body": raw.body,
        "routing_key": raw.routing_key,
        "headers": plain_text(raw.headers),
        "correlation_id": raw.correlation_id,
        "received_at": raw.received_at,
        **verdict(entry),
    }


def verdict(entry: JournalEntry) -> dict[str, object]:
    """Make the columns of `journal` that say what became of a message."""
    return {
        "outcome": entry.outcome.value,
        "reason": entry.reason,
        "rule": entry.rule,
        "pack_version": entry.pack_version,
        "transitions": plain_text([asdict(hop) for hop in entry.transitions]),
        "flags": plain_text(entry.flags),
        "explanation": plain_text(entry.explanation),
        "due_at": entry.due_at,
    }


def recorded(row: Row) -> RecordedEntry:
    """Read a row of `journal`."""
    raw = WfmMessage(
        pack=row["pack"],
        body=row["body"],
        routing_key=row["routing_key"],
        headers=plain(row["headers"]),
        correlation_id=row["correlation_id"],
        received_at=row["received_at"],
    )
    entry = JournalEntry(
        message=None if row["message_id"] is None else MessageId(row["message_id"]),
        job=None if row["job_key"] is None else JobRef(row["pack"], row["job_key"]),
        raw=raw,
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        rule=row["rule"],
        pack_version=row["pack_version"],
        transitions=tuple(Transition(**hop) for hop in plain(row["transitions"])),
        flags=tuple(plain(row["flags"])),
        explanation=plain(row["explanation"]),
        due_at=row["due_at"],
    )
    return RecordedEntry(row["number"], entry)


# Listeners and deliveries


def subscription_row(value: Subscription) -> dict[str, object]:
    """Make the row of `subscriptions`."""
    return {
        "id": value.id,
        "api": value.api.value,
        "irp": value.irp.value,
        "buyer": value.buyer,
        "callback": value.callback,
        "query": value.query,
        "event_types": plain_text(sorted(value.event_types)),
        "buyer_param": value.buyer_param,
        "seller_param": value.seller_param,
        "created_at": value.created_at,
    }


def subscription(row: Row) -> Subscription:
    """Read a row of `subscriptions`."""
    return Subscription(
        id=SubscriptionId(row["id"]),
        api=Api(row["api"]),
        irp=Irp(row["irp"]),
        buyer=BuyerId(row["buyer"]),
        callback=row["callback"],
        query=row["query"],
        event_types=frozenset(map(EventType, plain(row["event_types"]))),
        buyer_param=row["buyer_param"],
        seller_param=row["seller_param"],
        created_at=row["created_at"],
    )


def delivery(row: Row) -> Delivery:
    """Read a row of `deliveries` joined with its `notifications` and `subscriptions` rows."""
    return Delivery(
        number=row["number"],
        event_id=row["event_id"],
        event_type=EventType(row["event_type"]),
        event_time=row["event_time"],
        resource_id=row["resource_id"],
        subscription=subscription(row),
        attempts=row["attempts"],
        correlation_id=row["correlation_id"],
    )


# The outbox


def job_lane(job: JobRef) -> str:
    """Name the lane in which a job's messages leave in order; the length keeps two names from running together."""
    return f"{len(job.pack)}:{job.pack}:{job.key}"


def outbox_row(message: BusMessage) -> dict[str, object]:
    """Make the row of `outbox`, without its number and its progress. A message's job is one of its own pack's."""
    return {
        "lane": None if message.job is None else job_lane(message.job),
        "pack": message.pack,
        "job_key": None if message.job is None else message.job.key,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "body": message.body,
        "content_type": message.content_type,
        "headers": plain_text(message.headers),
        "message_id": message.message_id,
        "correlation_id": message.correlation_id,
        "reply_expected": message.reply_expected,
    }


def outbox_entry(row: Row) -> OutboxEntry:
    """Read a row of `outbox`."""
    message = BusMessage(
        pack=row["pack"],
        exchange=row["exchange"],
        routing_key=row["routing_key"],
        body=row["body"],
        content_type=row["content_type"],
        headers=plain(row["headers"]),
        message_id=row["message_id"],
        correlation_id=row["correlation_id"],
        reply_expected=row["reply_expected"],
        job=None if row["job_key"] is None else JobRef(row["pack"], row["job_key"]),
    )
    return OutboxEntry(row["number"], message, row["attempts"])
