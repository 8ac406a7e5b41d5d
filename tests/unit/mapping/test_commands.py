"""Commands: byte for byte what the WFM gets."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.domain.model import CommandId, CommandKind, JobRef, TicketStatus
from bridge.mapping.commands.command import Rendered, Unrenderable, compile_template
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.document.commands import TemplateValue
from bridge.mapping.pack import NoSuchCommand
from bridge.mef.models import RelatedContactInformation
from tests.unit.mapping.builders import WINDOW, acme, appointment, toy, toy_with, window, work_order


def buyer_contact(role: str, name: str) -> RelatedContactInformation:
    return RelatedContactInformation(role=role, name=name, number=f"+48 {name}", email_address="x@example.com")


CONTEXT = CommandContext(
    command=CommandId("c-1"),
    job=JobRef("acme-wfm", "J-4711"),
    work_order=work_order(),
    appointment=appointment(),
    visit="V-0001",
    window=WINDOW,
    slot={"id": "S-17"},
    contacts=(buyer_contact("buyerAppointmentContact", "Jo Doe"), buyer_contact("appointmentPlaceContact", "Zoë")),
    note="Mind the dog",
    ticket="TT-99",
    ticket_status=TicketStatus.IN_PROGRESS,
    now=datetime(2026, 3, 5, 12, tzinfo=UTC),
)
WFM = "acme.wfm.commands"


@pytest.mark.parametrize(
    ("kind", "routing_key", "body", "reply_expected"),
    [
        (
            CommandKind.SEARCH,
            "cmd.search",
            '{"CMD":"FINDSLOT","REF":"c-1","JOB_NO":"J-4711","FROM":"2026-03-06 08:00","TO":"2026-03-06 12:00"}',
            True,
        ),
        (
            CommandKind.BOOK,
            "cmd.book",
            (
                '{"CMD":"BOOKVIS","REF":"c-1","JOB_NO":"J-4711","SLOT_ID":"S-17","FROM":"2026-03-06 08:00",'
                '"TO":"2026-03-06 12:00","CONTACT":"Zoë","PHONE":"+48 Zoë","REMARK":"Mind the dog"}'
            ),
            True,
        ),
        (
            CommandKind.RESCHEDULE,
            "cmd.move",
            (
                '{"CMD":"MOVEVIS","REF":"c-1","JOB_NO":"J-4711","VISIT_NO":"V-0001","SLOT_ID":"S-17",'
                '"FROM":"2026-03-06 08:00","TO":"2026-03-06 12:00"}'
            ),
            True,
        ),
        (CommandKind.CANCEL, "cmd.cancel", '{"CMD":"CANVIS","REF":"c-1","JOB_NO":"J-4711","VISIT_NO":"V-0001"}', True),
        (CommandKind.NOTE, "cmd.note", '{"CMD":"ADDNOTE","REF":"c-1","JOB_NO":"J-4711","TEXT":"Mind the dog"}', False),
        (
            CommandKind.TICKET,
            "cmd.ticket",
            '{"CMD":"TTSTAT","REF":"c-1","JOB_NO":"J-4711","TT_NO":"TT-99","STATUS":"WORK"}',
            False,
        ),
    ],
)
def test_each_command_is_written_byte_for_byte(
    kind: CommandKind, routing_key: str, body: str, reply_expected: bool
) -> None:
    assert acme().has_command(kind)
    assert acme().render(kind, CONTEXT) == Rendered(
        exchange=WFM,
        routing_key=routing_key,
        body=body.encode(),
        content_type="application/json",
        reply_expected=reply_expected,
    )


def test_what_is_absent_is_written_as_its_default() -> None:
    bare = replace(CONTEXT, slot={}, contacts=(), note=None, visit=None)
    assert acme().render(CommandKind.BOOK, bare).body == (
        b'{"CMD":"BOOKVIS","REF":"c-1","JOB_NO":"J-4711","SLOT_ID":"","FROM":"2026-03-06 08:00",'
        b'"TO":"2026-03-06 12:00","CONTACT":"","PHONE":"","REMARK":""}'
    )
    assert b'"VISIT_NO":""' in acme().render(CommandKind.CANCEL, bare).body


def test_the_first_present_value_is_taken() -> None:
    only = replace(CONTEXT, contacts=CONTEXT.contacts[:1])
    assert b'"CONTACT":"Jo Doe","PHONE":"+48 Jo Doe"' in acme().render(CommandKind.BOOK, only).body


@pytest.mark.parametrize(
    ("status", "code"),
    [(TicketStatus.PENDING, b"PEND"), (TicketStatus.IN_PROGRESS, b"WORK"), (TicketStatus.RESOLVED, b"RSLV")],
)
def test_a_table_gives_the_wfms_own_code(status: TicketStatus, code: bytes) -> None:
    body = acme().render(CommandKind.TICKET, replace(CONTEXT, ticket_status=status)).body
    assert body.endswith(b'"STATUS":"' + code + b'"}')


def test_a_template_nests_literals_of_every_type_and_times_in_any_zone() -> None:
    summer = replace(CONTEXT, window=window("2026-07-06T07:00:00Z", "2026-07-07T03:30:00Z"))
    assert toy().render(CommandKind.SEARCH, summer).body == (
        b'{"when":{"from":"2026-07-06T07:00:00.000Z","to":"06.07.2026 23:30"},'
        b'"kinds":["visit",1,true,null],"asked":"2026-03-05T12:00:00+0000"}'
    )


def test_a_code_that_the_table_does_not_know_takes_the_default_row() -> None:
    assert toy().render(CommandKind.CANCEL, CONTEXT).body == b'{"visit":"V-0001","crew":"The crew"}'


def test_a_token_goes_back_as_it_came() -> None:
    pack = toy_with(('{visit: {value: visit, default: "?"},', "{number: {value: slot.number, default: 0},"))
    assert b'"number":17' in pack.render(CommandKind.CANCEL, replace(CONTEXT, slot={"number": 17})).body
    assert b'"number":"S"' in pack.render(CommandKind.CANCEL, replace(CONTEXT, slot={"number": "S"})).body
    assert b'"number":0' in pack.render(CommandKind.CANCEL, replace(CONTEXT, slot={})).body


@pytest.mark.parametrize(
    ("kind", "broken", "reason"),
    [
        (CommandKind.SEARCH, replace(CONTEXT, window=None), "window.start is absent, and the pack gives no default"),
        (CommandKind.TICKET, replace(CONTEXT, ticket=None), "ticket is absent"),
        (CommandKind.NOTE, replace(CONTEXT, note="\ud800"), "cannot be written as JSON"),
    ],
)
def test_a_command_that_cannot_be_written_says_why(kind: CommandKind, broken: CommandContext, reason: str) -> None:
    with pytest.raises(Unrenderable, match=reason):
        acme().render(kind, broken)


def test_a_code_without_a_row_cannot_be_written() -> None:
    entry = TemplateValue.model_validate({"value": "work_order", "table": "crews", "column": "name"})
    with pytest.raises(Unrenderable, match='table crews has no name for "wo-1"'):
        compile_template(entry, {"crews": lambda _: None}, None, {})(CONTEXT)


def test_a_pack_says_which_commands_it_has_and_where_they_go() -> None:
    assert not toy().has_command(CommandKind.BOOK)
    assert {command.exchange for command in toy().commands.values()} == {"toy.commands", "toy.other"}
    assert {command.exchange for command in acme().commands.values()} == {WFM}
    assert (acme().inbound.exchange, acme().inbound.bindings) == ("acme.wfm.events", ("job.#",))
    with pytest.raises(NoSuchCommand, match="pack toy has no command book"):
        toy().render(CommandKind.BOOK, CONTEXT)
    assert (toy().unoffered_window, acme().unoffered_window) == ("refuse", "search")
