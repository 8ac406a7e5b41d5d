"""What a pack can say of its WFM's habits: each has an example in the docs that is played, and a mistake that is told.

A mistake is a piece of the small pack that is written otherwise; `^` marks where the problem is reported.
"""

import pytest

from tests.unit.mapping.builders import TOY
from tests.unit.mapping.test_checker import findings_of, parse
from tests.unit.mapping.test_docs_steps import STEPS

PLAYED = {
    "a message says whether it is complete": ("complete-messages", "whole-lists"),
    "codes that say nothing, and events that take back": ("taken-back", "late-fields"),
    "what this message writes": ("what-it-writes",),
    "age that is local and visible": ("late-fields", "two-objects", "late-states", "judged-since", "nothing-new"),
    "before a booking": ("before-a-booking", "at-the-yes", "in-a-queue", "overtaken"),
    "moved by agreement": ("moves",),
    "replies that are yes only when they say yes": ("verdicts",),
    "job context where values are read": ("told-before", "visit-contacts", "whose-wish"),
    "the contacts of an Appointment": ("visit-contacts",),
    "small words": ("paths", "filters", "sorted", "compared", "if-any", "written-for-each", "others"),
}
"""Each kind of words, with the examples of the docs that play it."""

AT = "  occurred_at: at\n"
WHO = '  who: {path: "$.who", empty: absent}\n'
MOVED = "{appointment: confirmed, on_illegal: keep}"
REPLY = "    reply: {status: $.rc, accepted: [ok], refused: refusals}"
FROM = 'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}'
STREET = 'street: {path: "$.street", default: Main Street 1}'
DESK = '    - {role: technicalContact, name: Toy, number: "1", email_address: toy@toy.example}'
PORTER = "{role: appointmentPlaceContact, name: Porter, "

# what stands in the small pack, what is written instead with ^ where the problem is, its kind and message
BROKEN: dict[str, list[tuple[str, str, str, str]]] = {
    "a message says whether it is complete": [
        (
            AT,
            AT + "  deltas: ^{only: [{path: $.a, fits: x}], unless: [{path: $.a, fits: y}]}\n",
            "wrong-value",
            "write one of every, only and unless",
        ),
        (
            WHO,
            WHO.replace("empty: absent", "nulls: ^keep"),
            "misplaced",
            "nulls: keep needs inbound: {deltas: true}",
        ),
    ],
    "codes that say nothing, and events that take back": [
        (
            WHO,
            WHO.replace("empty: absent", "^keep: [x]"),
            "misplaced",
            "keep belongs to type code; this field is of type text",
        ),
        (
            AT,
            AT + "  deltas: true\n  forgets: [{path: $.e, fits: x, fields: ^[whom]}]\n",
            "unknown-field",
            "there is no field 'whom'; did you mean 'who'?",
        ),
        (
            WHO,
            WHO.replace("absent", "absent, ^belongs_to: crew"),
            "misplaced",
            "every message is complete, and tells crew anew",
        ),
    ],
    "what this message writes": [
        (
            WHO,
            WHO + "  told: {^writes: who}\n",
            "misplaced",
            "a complete message says all there is: ask whether a field is present; writes needs deltas",
        ),
        (
            WHO,
            WHO + "  gone: {^empties: who}\n",
            "misplaced",
            "empties needs deltas",
        ),
    ],
    "age that is local and visible": [
        (AT, AT + "  version: ^[$.rev, rev]\n", "wrong-value", "'rev' is not a JSONPath; it starts with $"),
        (AT, AT + "  versions: {visit: {path: $.rev, optional: ^perhaps}}\n", "wrong-type", "expected true or false"),
    ],
    "before a booking": [
        ("occurred_at: at", "occurred_at: ^att", "unknown-field", "there is no field 'att'; did you mean 'at'?"),
        (
            REPLY,
            REPLY.replace("refusals}", "refusals, version: ^rev}"),
            "wrong-value",
            "'rev' is not a JSONPath; it starts with $",
        ),
    ],
    "moved by agreement": [
        (
            MOVED,
            "^{appointment: missed, moved_by: agreement}",
            "wrong-value",
            "moved_by is about the window of a visit; write appointment: confirmed, inProgress or completed beside it",
        ),
        (MOVED, "{appointment: confirmed, moved_by: ^both}", "wrong-value", "expected 'seller' or 'agreement'"),
    ],
    "replies that are yes only when they say yes": [
        (
            REPLY,
            REPLY.replace(
                "status: $.rc, accepted: [ok]", "status: $.rc, accepted: {when: ^{$.error: {present: false}}}"
            ),
            "empty-reply",
            "an empty reply would be a yes; ask for something that must be there",
        ),
        (
            REPLY,
            "    reply: {status: $.rc, accepted: [ok], refused: {table: refusals, codes: ^[ok]}}",
            "duplicate-code",
            "'ok' is an accepted code, too; a reply cannot be a yes and a no",
        ),
        (
            "    key: rc\n",
            "    key: ^code\n",
            "duplicate-key",
            "code is what the Buyer is told here; give the column of the WFM's own codes another name",
        ),
    ],
    "job context where values are read": [
        (
            FROM,
            'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S", zone: ^field.who.zone}',
            "unknown-column",
            "field who has no table, so there is no who.zone",
        ),
        (
            "    default: {name: Toy",
            "    default: {name: ^{value: who}",
            "may-be-absent",
            "who may be absent, and the standard requires a value",
        ),
    ],
    "the contacts of an Appointment": [
        (
            "role: buyerAppointmentContact, name",
            "role: ^buyersContact, name",
            "wrong-value",
            "there is no role 'buyersContact' of an Appointment's contacts; did you mean 'buyerAppointmentContact'?",
        ),
        (
            DESK,
            DESK.replace("technicalContact", "^buyerAppointmentContact"),
            "wrong-value",
            "which has technicalContact and technician; write it under appointment: contacts",
        ),
        (PORTER, PORTER + '^phone: "1", ', "unknown-key", "unknown key 'phone'; known here: if_present, when, each"),
    ],
    "small words": [
        ('"$.street"', '^"$stret.name"', "wrong-value", "begins with $stret, which is none of paths"),
        ('"$.street"', '^"$.parts[?@.a == 1 || @.b == 2].x"', "wrong-value", "a filter asks if a member is there"),
        (WHO, WHO + "  both: {same: [who, ^urgent]}\n", "wrong-type", "they are never the same"),
        ("who: {present: true}", "at: ^{empty: true}", "wrong-type", "at is of type datetime, which is never empty"),
        (
            'tasks: {path: "$.tasks", type: list}',
            'tasks: {path: "$.tasks", type: list, sort_by: ^nr}',
            "wrong-value",
            "'nr' is not a JSONPath",
        ),
        (
            MOVED,
            "^{appointment: confirmed, appointment_if_any: missed}",
            "wrong-value",
            "write appointment or appointment_if_any, not both",
        ),
        ("kinds: [visit, 1, true, null]", "kinds: ^{each: periods}", "missing-key", "the key 'item' is missing"),
        (
            STREET,
            STREET.replace("1}", "1, ^ignore_others: No}"),
            "misplaced",
            "ignore_others belongs to type code; this field is of type text",
        ),
        (
            "  task: {value: tasks, default: Look}\n",
            "  task: {value: tasks, default: Look}\n  bookable: {value: ^who}\n",
            "wrong-type",
            "expected true or false; who is text",
        ),
    ],
}


def test_every_kind_of_words_is_played_in_the_docs_and_has_a_mistake() -> None:
    assert BROKEN.keys() == PLAYED.keys()
    assert {name for names in PLAYED.values() for name in names} <= STEPS.keys()


@pytest.mark.parametrize(
    ("old", "new", "kind", "message"),
    [case for cases in BROKEN.values() for case in cases],
    ids=[f"{kind} {number}" for kind, cases in BROKEN.items() for number in range(len(cases))],
)
def test_a_word_that_is_used_wrongly_is_told_where_it_stands(old: str, new: str, kind: str, message: str) -> None:
    assert TOY.count(old) == 1, f"{old!r} stands {TOY.count(old)} times in the small pack"
    text, line, column = parse(TOY.replace(old, new))
    found = findings_of(text)
    assert [(one.line, one.column, one.kind) for one in found] == [(line, column, kind)], found
    assert message in found[0].message
