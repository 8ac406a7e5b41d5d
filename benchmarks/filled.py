"""Fills a database with WorkOrders and Appointments of any number, by SQL alone: a million take a minute or two.

Each WorkOrder has a site and a trouble ticket of its own, every second one a completed Appointment and the command that
booked it. Seven of ten are completed; the other states have few each, `planned` one of ten. All belong to one Buyer. A
second apart in creation.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]
import orjson

from bridge.domain.model import WorkOrderDetails
from bridge.localenv.postgres import asyncpg_url
from bridge.mef.enums import BuyerSeller, TimeDurationUnits
from bridge.mef.models import GeographicSiteRef, Note, RelatedContactInformation, RelatedEntity, TimeDuration
from bridge.mef.moments import parse_moment
from bridge.store import sqlite, upgrade
from bridge.store.engine import BUSY_TIMEOUT_S
from bridge.store.tables import work_orders

BUYER: Final = "acme-buyer"
BEGUN: Final = "2020-01-01T00:00:00Z"
_BEGUN_S: Final = 1577836800  # the same, as seconds since 1970
CONTACTS: Final = tuple(
    RelatedContactInformation(role=role, name="Jo Doe", number="+48 22 1234567", email_address="jo.doe@acme.test")
    for role in ("buyerAppointmentContact", "appointmentPlaceContact", "sellerAppointmentContact")
)
_COUNT: Final = ":count"
_COUNTED: Final = (
    "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :count) SELECT n FROM counted"
)
# Where numbers come from, a number with its leading zeros, and the moment so many seconds after the beginning.
_WORDS: Final = {
    "postgresql": (
        "generate_series(1, :count) AS numbers(n)",
        "lpad(n::text, 8, '0')",
        f"to_timestamp({_BEGUN_S} + n + {{plus}})",
    ),
    "sqlite": (
        f"({_COUNTED}) AS numbers",
        "printf('%08d', n)",
        f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', {_BEGUN_S} + n + {{plus}}, 'unixepoch')",
    ),
}


def work_order_id(number: int) -> str:
    """The id of the WorkOrder with a number, from 1 on."""
    return f"wo-{number:08d}"


def appointment_id(number: int) -> str:
    """The id of the Appointment of the WorkOrder with this (even) number."""
    return f"ap-{number:08d}"


async def fill(url: str, count: int) -> None:
    """Make the tables in an empty database, and `count` WorkOrders."""
    await upgrade(url)
    statements = _statements("sqlite" if url.startswith("sqlite") else "postgresql", count)
    if url.startswith("sqlite"):
        path = str(Path(url.removeprefix("sqlite:///")))
        connection = await sqlite.connect(path, synchronous="NORMAL", wait_s=BUSY_TIMEOUT_S)
        try:
            for statement in (*statements, "ANALYZE"):
                await connection.cursor().execute(statement)
        finally:
            await connection.close()
        return
    server = await asyncpg.connect(asyncpg_url(url))
    try:
        for statement in (*statements, "VACUUM ANALYZE"):
            await server.execute(statement)
    finally:
        await server.close()


def _statements(kind: str, count: int) -> tuple[str, ...]:
    numbers, padded, moment = _WORDS[kind]
    at, half = moment.format(plus=0), f"{numbers} WHERE n % 2 = 0"
    order, visit = f"'wo-' || {padded}", f"'ap-' || {padded}"
    site, entity = {"kind": "'site'", "place_id": f"'SITE-' || {padded}"}, {"entity_id": f"'TT-' || {padded}"}
    whose = {"buyer": f"'{BUYER}'", "created_at": at, "changed_at": at}
    orders = {
        "id": order,
        "pack": "'acme-wfm'",
        "job_key": "'J-' || n",
        "state": "CASE n % 10 WHEN 0 THEN 'open' WHEN 1 THEN 'planned' WHEN 2 THEN 'cancelled' ELSE 'completed' END",
        "appointment_required": "n % 10 = 0",
        "details": f"replace('{_details()}', '#', {padded})",
        "appointments": f"CASE WHEN n % 2 = 0 THEN '[\"' || {visit} || '\"]' ELSE '[]' END",
    }
    visits = {
        "id": visit,
        "work_order_id": order,
        "status": "CASE n % 10 WHEN 0 THEN 'confirmed' ELSE 'completed' END",
        "valid_from": moment.format(plus=86_400),
        "valid_to": moment.format(plus=100_800),
        "place": f"replace('{_json(_site())}', '#', {padded})",
        "place_kind": site["kind"],
        "place_id": site["place_id"],
        "contacts": f"'{_json(CONTACTS)}'",
        "note": "'[]'",
        "attachment": "'[]'",
    }
    asked = {
        "id": f"'co-' || {padded}",
        "kind": "CASE n % 20 WHEN 0 THEN 'reschedule' ELSE 'book' END",
        "pack": "'acme-wfm'",
        "job_key": "'J-' || n",
        "work_order_id": order,
        "buyer": f"'{BUYER}'",
        "state": "CASE n % 1000 WHEN 0 THEN 'refused' ELSE 'accepted' END",
        "created_at": at,
        "expires_at": moment.format(plus=30),
        "correlation_id": f"'corr-' || {padded}",
    }
    return (
        _insert("work_orders", orders | whose, numbers, count),
        _insert("work_order_places", {"work_order_id": order} | site, numbers, count),
        _insert(
            "work_order_entities", {"work_order_id": order, "referred_type": "'TroubleTicket'"} | entity, numbers, count
        ),
        _insert("appointments", visits | whose, half, count),
        _insert("commands", asked, half, count),
    )


def _insert(table: str, columns: Mapping[str, str], numbers: str, count: int) -> str:
    names, values = ", ".join(columns), ", ".join(columns.values())
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {numbers}".replace(_COUNT, str(count))  # noqa: S608


def _site() -> GeographicSiteRef:
    return GeographicSiteRef(id="SITE-#", role="INSTALL_LOCATION")


def _details() -> str:
    """What the bridge would store of it, with # for the number."""
    details = WorkOrderDetails(
        place=(_site(),),
        duration=TimeDuration(time_duration_value=120, time_duration_units=TimeDurationUnits.MIN),
        contacts=CONTACTS,
        related_entity=(RelatedEntity(id="TT-#", role="parentTroubleTicket", referred_type="TroubleTicket"),),
        task=("Replace the SFP", "Measure the line"),
        note=(Note(id="1", author="Jo", date=parse_moment(BEGUN), source=BuyerSeller.SELLER, text="Key at the desk."),),
        planned_execution_date=parse_moment(BEGUN),
    )
    write = work_orders.c.details.type.adapter.dump_python
    text: str = orjson.dumps(write(details, by_alias=True, exclude_none=True)).decode()
    assert not re.search(r"['\\]", text)
    return text


def _json(value: object) -> str:
    values = value if isinstance(value, tuple) else (value,)
    texts = [each.model_dump_json(by_alias=True, exclude_none=True) for each in values]
    return f"[{','.join(texts)}]" if isinstance(value, tuple) else texts[0]
