"""What is stored comes back the same: every value, to the microsecond, whatever text it holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

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
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, RecordedEntry, WfmMessage
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.mef.enums import Api, AppointmentStatus, BuyerSeller, EventType, Irp, TimeDurationUnits, WorkOrderState
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    FieldedAddress,
    GeographicAddressRef,
    GeographicSiteRef,
    GeographicSubAddress,
    MefByteSize,
    MefGeographicPoint,
    MefModel,
    MefSubUnit,
    Note,
    Place,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
    TimePeriod,
    WorkOrderRef,
)
from bridge.store import commands as command_rows
from bridge.store import jobs as job_rows
from bridge.store import journal as journal_rows
from bridge.store import listeners, ordering
from bridge.store import outbox as outbox_rows
from bridge.store.columns import Json
from bridge.store.tables import appointments, commands, journal, offered_slots, outbox, subscriptions, work_orders
from tests.unit.examples import examples

M = TypeVar("M", bound=MefModel)


def model(kind: type[M], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    """Make values of the standard by Python names; `builds` would add those of the wire."""
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
any_text = st.text(st.characters(), max_size=8)
moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
)
periods = model(TimePeriod, start_date_time=moments, end_date_time=moments)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(any_text, json_values, max_size=4)
sub_units = model(MefSubUnit, sub_unit_number=words, sub_unit_type=words)
addresses = model(
    FieldedAddress,
    city=words,
    country=words,
    street_name=words,
    role=words,
    geographic_sub_address=st.none()
    | model(
        GeographicSubAddress,
        sub_unit=st.none() | st.tuples(model(MefSubUnit, sub_unit_number=words, sub_unit_type=words)),
    ),
)
places: st.SearchStrategy[Place] = st.one_of(
    addresses,
    model(GeographicSiteRef, id=words, role=words),
    model(GeographicAddressRef, id=words, role=words),
    model(MefGeographicPoint, spatial_ref=words, x=words, y=words, role=words),
)
contacts = st.lists(
    model(
        RelatedContactInformation,
        role=words,
        name=words,
        number=words,
        email_address=words,
        postal_address=st.none() | addresses,
    ),
    min_size=1,
    max_size=2,
).map(tuple)
notes = st.lists(
    model(Note, id=words, author=words, date=moments, source=st.sampled_from(BuyerSeller), text=words), max_size=2
).map(tuple)
attachments = st.lists(
    model(
        AttachmentValue,
        author=words,
        name=words,
        source=st.sampled_from(BuyerSeller),
        url=words,
        creation_date=st.none() | moments,
        size=st.none() | model(MefByteSize),
    ),
    max_size=2,
).map(tuple)
entities = st.lists(model(RelatedEntity, id=words, role=words, referred_type=words), min_size=1, max_size=3).map(tuple)
jobs = st.builds(JobRef, any_text, any_text)
work_order_values = st.builds(
    WorkOrder,
    id=any_text.map(WorkOrderId),
    job=jobs,
    buyer=any_text.map(BuyerId),
    state=st.sampled_from(WorkOrderState),
    appointment_required=st.booleans(),
    details=st.builds(
        WorkOrderDetails,
        place=st.lists(places, max_size=2).map(tuple),
        duration=model(
            TimeDuration,
            time_duration_value=st.integers(0, 999),
            time_duration_units=st.sampled_from(TimeDurationUnits),
        ),
        contacts=contacts,
        related_entity=entities,
        task=st.lists(words, max_size=2).map(tuple),
        note=notes,
        planned_execution_date=st.none() | moments,
    ),
    appointments=st.lists(any_text.map(AppointmentId), max_size=3).map(tuple),
    created_at=moments,
    changed_at=moments,
)
appointment_values = st.builds(
    Appointment,
    id=any_text.map(AppointmentId),
    work_order=any_text.map(WorkOrderId),
    buyer=any_text.map(BuyerId),
    status=st.sampled_from(AppointmentStatus),
    valid_for=periods,
    place=places,
    contacts=contacts,
    note=notes,
    attachment=attachments,
    visit=st.none() | any_text,
    disregarded_window=st.none() | periods,
    created_at=moments,
    changed_at=moments,
)
requests = st.one_of(
    st.none(),
    model(
        AppointmentCreate,
        related_contact_information=contacts,
        valid_for=periods,
        work_order=model(WorkOrderRef, id=words),
        note=st.none() | notes,
    ),
    model(AppointmentUpdate, valid_for=st.none() | periods, note=st.none() | notes, related_place=st.none() | places),
)
command_values = st.builds(
    Command,
    id=any_text.map(CommandId),
    kind=st.sampled_from(CommandKind),
    job=jobs,
    work_order=any_text.map(WorkOrderId),
    buyer=any_text.map(BuyerId),
    state=st.sampled_from(CommandState),
    appointment=st.none() | any_text.map(AppointmentId),
    window=st.none() | periods,
    request=requests,
    visit=st.none() | any_text,
    created_at=moments,
    expires_at=moments,
    correlation_id=any_text,
)
headers = st.dictionaries(any_text, any_text, max_size=2)
messages = st.builds(
    WfmMessage,
    pack=any_text,
    body=st.binary(max_size=8),
    routing_key=any_text,
    headers=headers,
    correlation_id=any_text,
    received_at=moments,
)
hops = st.builds(Transition, any_text, any_text, st.none() | any_text, any_text)


@st.composite
def entries(draw: st.DrawFn) -> JournalEntry:
    """Make a journal entry; its job is one of the pack that the message came by."""
    raw = draw(messages)
    return JournalEntry(
        message=draw(st.none() | any_text.map(MessageId)),
        job=draw(st.none() | any_text.map(lambda key: JobRef(raw.pack, key))),
        raw=raw,
        outcome=draw(st.sampled_from(Outcome)),
        reason=draw(any_text),
        rule=draw(st.none() | any_text),
        pack_version=draw(any_text),
        transitions=tuple(draw(st.lists(hops, max_size=2))),
        flags=tuple(draw(st.lists(any_text, max_size=2))),
        explanation=draw(records),
    )


@st.composite
def bus_messages(draw: st.DrawFn) -> BusMessage:
    """Make a message for the WFM; its job is one of its own pack."""
    pack = draw(any_text)
    return BusMessage(
        pack=pack,
        exchange=draw(any_text),
        routing_key=draw(any_text),
        body=draw(st.binary(max_size=8)),
        content_type=draw(any_text),
        headers=draw(headers),
        message_id=draw(any_text),
        correlation_id=draw(any_text),
        reply_expected=draw(st.booleans()),
        job=draw(st.none() | any_text.map(lambda key: JobRef(pack, key))),
    )


subscription_values = st.builds(
    Subscription,
    id=any_text.map(SubscriptionId),
    api=st.sampled_from(Api),
    irp=st.sampled_from(Irp),
    buyer=any_text.map(BuyerId),
    callback=any_text,
    query=st.none() | any_text,
    event_types=st.frozensets(st.sampled_from(EventType)),
    buyer_param=st.none() | any_text,
    seller_param=st.none() | any_text,
    created_at=moments,
)


HEALTH = {"failing_since", "disabled_at", "disabled_because"}  # of a listener, not of its registration

DIALECTS = (sqlite.dialect(), postgresql.dialect())


def through(kind: TypeEngine[Any], value: object) -> Any:
    """Give a value as it comes back from a column, the same from both databases."""
    if not isinstance(kind, TypeDecorator):
        return value
    found = []
    for dialect in DIALECTS:
        write, read = kind.bind_processor(dialect), kind.result_processor(dialect, None)
        stored = write(value) if write else value
        found.append(read(stored) if read else stored)
    assert found[0] == found[1]
    return found[0]


def kept(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row as it comes back from its table."""
    return {name: through(table.c[name].type, value) for name, value in row.items()}


@examples(40)
@given(value=work_order_values)
def test_a_work_order_comes_back_the_same(value: WorkOrder) -> None:
    row = job_rows.work_order_row(value)
    assert set(row) == set(work_orders.c.keys())
    assert job_rows.work_order(kept(work_orders, row)) == value


@examples(40)
@given(value=appointment_values)
def test_an_appointment_comes_back_the_same(value: Appointment) -> None:
    row = job_rows.appointment_row(value)
    assert set(row) == set(appointments.c.keys())
    assert job_rows.appointment(kept(appointments, row)) == value


@examples(40)
@given(value=command_values)
def test_a_command_comes_back_the_same(value: Command) -> None:
    row = command_rows.command_row(value)
    assert set(row) == set(commands.c.keys())
    assert command_rows.command(kept(commands, row)) == value


@examples(40)
@given(value=entries())
def test_a_journal_entry_comes_back_the_same(value: JournalEntry) -> None:
    row = journal_rows.journal_row(value)
    assert set(row) == set(journal.c.keys()) - {"number"}
    assert journal_rows.recorded(kept(journal, row | {"number": 7})) == RecordedEntry(7, value)


@examples(40)
@given(value=subscription_values)
def test_a_subscription_comes_back_the_same(value: Subscription) -> None:
    row = listeners.subscription_row(value)
    assert set(row) == set(subscriptions.c.keys()) - HEALTH
    assert listeners.subscription(kept(subscriptions, row)) == value


@examples(40)
@given(value=bus_messages())
def test_an_outgoing_message_comes_back_the_same(value: BusMessage) -> None:
    row = outbox_rows.outbox_row(value)
    assert set(row) <= set(outbox.c.keys())
    entry = outbox_rows.outbox_entry(kept(outbox, row | {"number": 7, "attempts": 2}))
    assert (entry.number, entry.attempts, entry.message) == (7, 2, value)


@examples(40)
@given(window=periods, token=records, expires_at=moments)
def test_an_offered_slot_comes_back_the_same(window: TimePeriod, token: dict[str, Any], expires_at: datetime) -> None:
    row = command_rows.slot_row(WorkOrderId("wo-1"), OfferedSlot(window, token), expires_at)
    assert set(row) == set(offered_slots.c.keys())
    assert command_rows.slot(kept(offered_slots, row)) == OfferedSlot(window, token)


@examples(40)
@given(value=json_values)
def test_plain_json_comes_back_the_same(value: object) -> None:
    """Integers beyond 64 bits, infinity, lone surrogates and NUL included."""
    assert through(Json(), value) == value


def test_plain_json_takes_any_mapping_and_moments() -> None:
    value = {"m": MappingProxyType({"a": 1}), "t": datetime(2026, 3, 5, tzinfo=UTC), "s": (1, 2)}
    assert through(Json(), value) == {"m": {"a": 1}, "t": "2026-03-05T00:00:00+00:00", "s": [1, 2]}


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        through(Json(), {"a": {1, 2}})


def test_the_null_of_json_is_not_the_lack_of_a_value() -> None:
    for dialect in DIALECTS:
        assert Json().bind_processor(dialect)(None) == "null"
        assert Json(optional=True).bind_processor(dialect)(None) is None


@examples(40)
@given(first=jobs, second=jobs)
def test_two_jobs_never_share_an_ordering_key(first: JobRef, second: JobRef) -> None:
    assert (ordering.of_job(first) == ordering.of_job(second)) == (first == second)


@pytest.mark.parametrize(("first", "second"), [(("a", "b:c"), ("a:b", "c")), (("1:a", ""), ("", "1:a:"))])
def test_names_with_colons_do_not_run_together(first: tuple[str, str], second: tuple[str, str]) -> None:
    assert ordering.of_job(JobRef(*first)) != ordering.of_job(JobRef(*second))


@examples(40)
@given(value=work_order_values)
def test_each_entity_and_place_is_indexed_once(value: WorkOrder) -> None:
    doubled = replace(
        value,
        details=replace(
            value.details,
            related_entity=value.details.related_entity * 2,
            place=(*value.details.place, GeographicSiteRef(id="S", role="a"), GeographicSiteRef(id="S", role="b")),
        ),
    )
    assert job_rows.entity_rows(doubled) == job_rows.entity_rows(value)
    found = job_rows.place_rows(doubled)
    assert found.count({"work_order_id": value.id, "kind": "site", "place_id": "S"}) == 1
