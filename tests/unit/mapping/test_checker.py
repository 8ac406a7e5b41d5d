"""Broken packs: all problems at once, each at its line and column, with a message that says what to write."""

import pytest

from bridge.mapping.loader import load_pack, make_pack
from bridge.yaml_source import Finding, InvalidDocument, parse_yaml
from tests.unit.mapping.builders import ACME, TOY

HERE = "^"  # marks where in the broken text the problem is; taken out before the text is read

WHO = '  who: {path: "$.who", empty: absent}\n'
DESK = '    - {role: technicalContact, name: Toy, number: "1", email_address: toy@toy.example}\n'


def items(inside: str, rest: str = "") -> str:
    """The fields of the small pack with a list of items."""
    return (
        WHO
        + f"  techs: {{path: $.techs, type: items, fields: {{tech: {{path: $.id, required: true}}{inside}}}{rest}}}\n"
    )


BOOK_EACH = """\
  book:
    exchange: x
    routing_key: y
    body: {of: {each: contacts, item: ^{value: each.organization}}}
    reply: {status: $.rc, accepted: [ok], refused: refusals}
  cancel:
"""
_ROWS = TOY.index('      - {crew: "1"')
TO_ROWS = TOY[TOY.index("table: crews}") + len("table: crews}") : _ROWS]

# what stands in the small pack, what is written instead with ^ where the problem is, its kind and message
BROKEN = {
    "an unknown key": ("urgent: {path:", "urgent: {^paht:", "unknown-key", "unknown key 'paht'; did you mean 'path'?"),
    "an unknown key at the top": (
        "policies: {",
        "^polices: {",
        "unknown-key",
        "unknown key 'polices'; did you mean 'policies'?",
    ),
    "each of nothing": (
        "[visit, 1,",
        "[{each: ^visits, item: 1}, 1,",
        "wrong-value",
        "expected 'notes', 'periods' or 'contacts', got 'visits'",
    ),
    "each without its item": ("[visit, 1,", "[^{each: periods}, 1,", "missing-key", "the key 'item' is missing"),
    "an item that is misspelled": (
        "[visit, 1,",
        "[{each: periods, item: 1, ^omitt: true}, 1,",
        "wrong-value",
        "'omit'?",
    ),
    "each in another": (
        "[visit, 1,",
        "[^{each: periods, item: {to: {each: periods, item: 1}}}, 1,",
        "wrong-value",
        "what is written for each cannot hold another each",
    ),
    "a body that is each": (
        "    body: {visit",
        "    body: ^{each: notes, visit",
        "wrong-value",
        "expected a mapping with",
    ),
    "each of what a command has not": (
        "[visit, 1,",
        "[{each: ^notes, item: {value: each.text}}, 1,",
        "misplaced",
        "notes are there in book and reschedule only",
    ),
    "an attribute of others": (
        "[visit, 1,",
        "[{each: periods, item: {value: ^each.text}}, 1,",
        "unknown-attribute",
        "there is no attribute 'each.text'; did you mean 'each.start'?",
    ),
    "each where there is none": (
        "[visit, 1,",
        "[{value: ^each.start}, 1,",
        "misplaced",
        "each.start is there only in the item of something with each: notes, periods, contacts",
    ),
    "an attribute that a contact may lack": (
        "  cancel:\n",
        BOOK_EACH,
        "may-be-absent",
        "each.organization may be absent in book; give a default",
    ),
    "an unknown key in a template": (
        "from: {value: window.start}",
        'from: {value: window.start, ^fromat: "%c"}',
        "wrong-value",
        "unknown key 'fromat'; did you mean 'format'?",
    ),
    "a code without quotes": (
        'crew: "1"',
        "crew: ^1",
        "wrong-type",
        "expected text, got the number 1; put it in quotes",
    ),
    "a path that is none": ('"$.urgent"', '^"urgent"', "wrong-value", "it starts with $; write $.urgent"),
    "a path of several values": ('"$.urgent"', '^"$..urgent"', "wrong-value", "write a path of names and indexes only"),
    "a path that filters": ('"$.urgent"', "^\"$[?match(@.a, 'x')]\"", "wrong-value", "cannot be asked for; a filter"),
    "an unknown zone": ("America/New_York", "^America/NewYork", "wrong-value", "; did you mean 'America/New_York'?"),
    "a bad format": ('"%d.%m.%Y %H:%M"', '^"%d.%m.%Q"', "wrong-value", "is not a date format"),
    "a format of nothing": ('"%d.%m.%Y %H:%M"', '^"100 %%"', "wrong-value", "writes no part of a date or time"),
    "a format in letters": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        'start: {path: "$.from", format: ^"dd.MM.yyyy HH:mm"}',
        "wrong-value",
        "write something like '%d.%m.%Y %H:%M'",
    ),
    "a format without time that is read": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        'start: {path: "$.from", format: ^"%Y-%m-%d"}',
        "wrong-value",
        "loses a part of the date or time",
    ),
    "an unknown type": ("type: boolean", "type: ^bool", "wrong-value", "got 'bool'; did you mean 'boolean'?"),
    "an unknown state": ("{work_order: open,", "{work_order: ^opened,", "wrong-value", "did you mean 'open'?"),
    "an unknown status": (
        "{appointment: confirmed,",
        "{appointment: ^confirm,",
        "wrong-value",
        "did you mean 'confirmed'?",
    ),
    "two outcomes": ("{park: Who?}", "^{park: Who?, ignore: Nobody}", "wrong-value", "write a goal, or ignore: <why>"),
    "a wait without a state": (
        "{appointment: confirmed, on_illegal: keep}",
        "^{appointment_required: true, wait_seconds: 30}",
        "wrong-value",
        "wait_seconds is for a state; write work_order or appointment beside it",
    ),
    "a wait for what is ignored": (
        "{park: Who?}",
        "^{ignore: Nobody, wait_seconds: 30}",
        "wrong-value",
        "write a goal, or ignore: <why>",
    ),
    "a wait for what creates": (
        "{appointment: confirmed, on_illegal: keep}",
        "^{work_order: open, creates: true, wait_seconds: 30}",
        "wrong-value",
        "what creates a WorkOrder never waits; leave wait_seconds or creates out",
    ),
    "a move of a visit that is over": (
        "{appointment: confirmed, on_illegal: keep}",
        "^{appointment: cancelled, moved_by: agreement}",
        "wrong-value",
        "moved_by is about the window of a visit; write appointment: confirmed, inProgress or completed beside it",
    ),
    "a move by somebody else": (
        "{appointment: confirmed, on_illegal: keep}",
        "{appointment: confirmed, moved_by: ^buyer}",
        "wrong-value",
        "expected 'seller' or 'agreement', got 'buyer'",
    ),
    "a wait of no time": (
        "{appointment: confirmed, on_illegal: keep}",
        "{appointment: confirmed, wait_seconds: ^0}",
        "wrong-value",
        "expected a number not less than 1, got the number 0",
    ),
    "a wait of hours": (
        "{appointment: confirmed, on_illegal: keep}",
        "{appointment: confirmed, wait_seconds: ^7200}",
        "wrong-value",
        "expected a number not greater than 3600, got the number 7200",
    ),
    "a wait in words": (
        "{appointment: confirmed, on_illegal: keep}",
        "{appointment: confirmed, wait_seconds: ^30 s}",
        "wrong-type",
        "expected a whole number",
    ),
    "no outcome": ("{park: Who?}", "^{}", "wrong-value", "write a goal, or ignore: <why>"),
    "two conditions in a cell": ("{not: moved}", "^{not: moved, present: true}", "wrong-value", "write one condition"),
    "an unknown command": ("  cancel:", "  ^cancle:", "wrong-value", "did you mean 'cancel'?"),
    "a field of no source": (
        "{routing_key: true}",
        "^{default: x}",
        "wrong-source",
        "write exactly one of path, header",
    ),
    "a field of two sources": (
        "{routing_key: true}",
        '^{routing_key: true, path: "$.k"}',
        "wrong-source",
        "exactly one",
    ),
    "an option of another type": (
        'urgent: {path: "$.urgent",',
        'urgent: {path: "$.urgent", ^split: ",",',
        "misplaced",
        "split belongs to type list; this field is of type boolean",
    ),
    "a code without codes": (
        'who: {path: "$.who",',
        'who: ^{path: "$.who", type: code,',
        "missing-key",
        "a code needs values or a table",
    ),
    "a field of an unknown table": (
        "table: crews}\n  who",
        "table: ^crew}\n  who",
        "unknown-table",
        "did you mean 'crews'?",
    ),
    "a spelling of both": (
        "type: boolean,",
        "type: boolean, yes: [Y], no: ^[N, Y],",
        "duplicate-code",
        "cannot mean both yes and no",
    ),
    "a datetime without format": (
        '{path: "$.at", type: datetime, nulls: absent, format: "%Y-%m-%dT%H:%M:%S%z"}',
        '^{path: "$.at", type: datetime, nulls: absent}',
        "missing-key",
        "a datetime needs a format",
    ),
    "a datetime without zone": (
        '{path: "$.at", type: datetime, nulls: absent, format: "%Y-%m-%dT%H:%M:%S%z"}',
        '^{path: "$.at", type: datetime, nulls: absent, format: "%Y-%m-%dT%H:%M:%S"}',
        "missing-key",
        "a datetime needs a zone",
    ),
    "a default that is none of the codes": (
        'who: {path: "$.who",',
        'who: {path: "$.who", type: code, values: [a], default: ^b,',
        "unknown-code",
        "'b' is no value of this field",
    ),
    "a default of a required field": (
        "type: code, required: true,",
        "type: code, required: true, ^default: made,",
        "misplaced",
        "a required field cannot have a default",
    ),
    "a default of the wrong type": ("default: 2}", 'default: ^"2"}', "unknown-code", "'2' is no value of this field"),
    "deltas that are two things": (
        "occurred_at: at",
        "occurred_at: at\n  deltas: ^{every: true, unless: [{path: $.kind, fits: whole}]}",
        "wrong-value",
        "write one of every, only and unless",
    ),
    "complete messages by no test": (
        "occurred_at: at",
        "occurred_at: at\n  deltas: {unless: [^{fits: whole}]}",
        "wrong-value",
        "write exactly one of path, header or routing_key",
    ),
    "deltas by an unknown key": (
        "occurred_at: at",
        "occurred_at: at\n  deltas: {^except: [{path: $.kind, fits: whole}]}",
        "unknown-key",
        "unknown key 'except'",
    ),
    "occurred_at of an unknown field": ("occurred_at: at", "occurred_at: ^att", "unknown-field", "did you mean 'at'?"),
    "occurred_at that is no time": ("occurred_at: at", "occurred_at: ^who", "wrong-type", "who is text"),
    "a row without its key": ('{crew: "2", name', "^{name", "missing-key", "the row has no crew, the key of its table"),
    "a code twice": ('crew: "2"', 'crew: ^"1"', "duplicate-code", "'1' stands in row 1 of this table already"),
    "on_miss without a default row": (
        "on_miss: default\n    default: {name: The crew, side: seller}",
        "on_miss: ^default",
        "missing-key",
        "on_miss: default needs a row under default",
    ),
    "a default row that is never used": (
        "on_miss: default\n    default: {name: The crew",
        "on_miss: park\n    ^default: {name: The crew",
        "unused",
        "write on_miss: default as well",
    ),
    "a rule on an unknown field": (
        "when: {kind: made}",
        "when: {^knid: made}",
        "unknown-field",
        "did you mean 'kind'?",
    ),
    "a rule on an unknown column": ("crew.side:", "^crew.sied:", "unknown-column", "did you mean 'side'?"),
    "a rule on a column of no table": ("crew.side:", "^who.side:", "unknown-column", "field who has no table"),
    "a rule on an unknown code": (
        "when: {kind: made}",
        "when: {kind: ^mada}",
        "unknown-code",
        "kind is never 'mada'; did",
    ),
    "a rule on a value no row has": (
        "crew.side: buyer",
        "crew.side: ^byer",
        "unknown-code",
        "crew.side is never 'byer'",
    ),
    "a rule on an unknown MEF status": (
        "appointment_status: {present: false}",
        "appointment_status: ^confirmd",
        "unknown-code",
        "did you mean 'confirmed'?",
    ),
    "a rule on text for a boolean": ("urgent: false}", 'urgent: ^"no"}', "wrong-type", "'no' can never come"),
    "a rule on a number for text": (
        "who: {present: true}",
        "who: ^5",
        "wrong-type",
        "who is text; 5 can never come; put it in quotes",
    ),
    "a rule on a list's value": ("who: {present: true}", "tasks: ^x", "wrong-type", "or {empty: …} can be asked"),
    "a range of a text": (
        "who: {present: true}",
        "who: ^{at_least: 5}",
        "wrong-type",
        "who is text; a range is of whole numbers or of moments",
    ),
    "a range of a state": (
        "appointment_status: {present: false}",
        "appointment_status: ^{below: 5}",
        "wrong-type",
        "appointment_status is code; a range is of whole numbers or of moments",
    ),
    "a range of moments of a number": (
        "hours: [1, 2]",
        'hours: ^{above: "2026-03-01T00:00:00Z"}',
        "wrong-type",
        "hours is integer; write its bounds as whole numbers",
    ),
    "a range of numbers of a moment": (
        "hours: [1, 2]",
        "at: ^{above: 5}",
        "wrong-type",
        "at is datetime; write its bounds as moments",
    ),
    "words of a number": ("hours: [1, 2]", "hours: ^{starts_with: a}", "wrong-type", "only texts and codes have words"),
    "a rule twice": ("rule: ended-early", "rule: ^made", "duplicate-rule", "rule 1 is called 'made' too"),
    "a rule that is never reached": (
        "  - rule: ended-early",
        "  - ^rule: again\n    when: {kind: [made], who: x}\n    then: {ignore: x}\n  - rule: ended-early",
        "unreachable",
        "rule 'made' takes every message that 'again' fits; move it before, or take it out",
    ),
    "appointment_required of a text": (
        "appointment_required: {value: urgent}",
        "appointment_required: {value: ^who}",
        "wrong-type",
        "expected true or false; who is text",
    ),
    "an output of an unknown field": ("{value: street}", "{value: ^streat}", "unknown-field", "did you mean 'street'?"),
    "an output that may be absent": ("{value: street}", "^{value: who}", "may-be-absent", "who may be absent"),
    "a column that not every row has": (
        "buyer: the-buyer",
        "buyer: ^{value: crew.mail}",
        "may-be-absent",
        "crew.mail may be absent",
    ),
    "an output of the wrong type": (
        "amount: {value: hours}",
        "amount: {value: ^street}",
        "wrong-type",
        "expected a whole number or a duration; street is text",
    ),
    "a window of texts": ("start: {value: at}", "start: {value: ^who}", "wrong-type", "expected a date and time"),
    "a literal of the wrong type": (
        "amount: {value: hours}",
        "amount: ^two",
        "wrong-type",
        "a whole number or a duration, got 'two'",
    ),
    "an empty literal": ("buyer: the-buyer", 'buyer: ^""', "wrong-type", "expected text, got ''"),
    "an unknown guard": ("if_present: who", "if_present: ^whom", "unknown-field", "did you mean 'who'?"),
    "an attribute the place lacks": ("city: Gdynia", "^cty: Gdynia", "unknown-attribute", "did you mean 'city'?"),
    "a place without an attribute": ("{id: {value: who}}", "^{}", "missing-key", "a GeographicSiteRef needs id"),
    "no technical contact": (
        "- {role: technicalContact, name: Toy",
        "^- {role: technician, name: Toy",
        "missing-key",
        "the standard requires a contact with role technicalContact",
    ),
    "an unknown value in a template": (
        "{value: window.start}",
        "{value: ^window.begin}",
        "unknown-value",
        "did you mean 'window.end'?",
    ),
    "an unknown token": (
        '{value: visit, default: "?"}',
        "{value: ^slot.nr, default: x}",
        "unknown-token",
        "number, area",
    ),
    "an unknown role": (
        '{value: visit, default: "?"}',
        "{value: ^contact.buyerAppointmentContakt.name, default: x}",
        "unknown-role",
        "did you mean 'buyerAppointmentContact'?",
    ),
    "a template value that may be absent": (
        '{value: visit, default: "?"}',
        "^{value: visit}",
        "may-be-absent",
        "visit may be absent in cancel; give a default",
    ),
    "a format of a text": ('{value: visit, default: "?"}', '{value: job, ^format: "%c"}', "misplaced", "job is none"),
    "a zone without format": (
        "{value: window.start}",
        "{value: window.start, ^zone: UTC}",
        "misplaced",
        "needs a format",
    ),
    "a format without zone": (
        '{value: window.end, format: "%d.%m.%Y %H:%M", zone: America/New_York}',
        '^{value: window.end, format: "%d.%m.%Y %H:%M"}',
        "missing-key",
        "a zone is needed",
    ),
    "a table without column": (
        "{value: work_order, table: crews, column: name}",
        "^{value: work_order, table: crews}",
        "missing-key",
        "go together",
    ),
    "an unknown table in a template": ("table: crews, column", "table: ^crws, column", "unknown-table", "'crews'?"),
    "an unknown column in a template": ("column: name", "column: ^nam", "unknown-column", "did you mean 'name'?"),
    "a column that may be absent": ("column: name", "column: ^mail", "may-be-absent", "not every row of table crews"),
    "a search without slots": (
        (
            'slots:\n        each: $.slots\n        start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}\n'
            '        end: {path: "$.to", format: "%Y-%m-%dT%H:%M:%S%z"}\n        token: {number: $.nr, area: $.area}'
        ),
        "slots: ^null",
        "missing-key",
        "the reply of search needs slots",
    ),
    "a slot without zone": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        'start: ^{path: "$.from", format: "%Y-%m-%dT%H:%M:%S"}',
        "missing-key",
        "a zone is needed",
    ),
    "a slot of an unknown zone": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: ^Europe/Warsow}",
        "wrong-value",
        "'Europe/Warsow' is not a time zone",
    ),
    "a slot of two zones": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: ^{path: $.tz, minutes: $.offset}}",
        "wrong-value",
        "write a zone such as Europe/Warsaw, field.<name>, {path: …} or {minutes: …}",
    ),
    "a zone of half a table": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: ^{path: $.tz, table: crews}}",
        "wrong-value",
        "path, table and column go together",
    ),
    "a zone of an unknown table": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: {path: $.tz, table: ^crew, column: name}}",
        "unknown-table",
        "did you mean 'crews'?",
    ),
    "a zone of an unknown column": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: {path: $.tz, table: crews, column: ^nam}}",
        "unknown-column",
        "did you mean 'name'?",
    ),
    "a zone that not every row has": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: {path: $.tz, table: crews, column: ^mail}}",
        "may-be-absent",
        "not every row of table crews has mail",
    ),
    "a start that is not before something": (
        'start: {path: "$.from", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "start: {path: $.from, format: iso, zone: UTC, ^not_before: start}",
        "unknown-key",
        "unknown key 'not_before'",
    ),
    "an end that is not before itself": (
        'end: {path: "$.to", format: "%Y-%m-%dT%H:%M:%S%z"}',
        "end: {path: $.to, format: iso, zone: UTC, not_before: ^end}",
        "wrong-value",
        "expected 'start'",
    ),
    "a preference without an order": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        prefer: ^{path: $.score}",
        "missing-key",
        "order",
    ),
    "an unknown order": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        prefer: {path: $.score, order: ^low}",
        "wrong-value",
        "expected 'lowest' or 'highest'",
    ),
    "an unknown way with what lies outside": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        partly: ^cut",
        "wrong-value",
        "expected 'drop' or 'clip'",
    ),
    "a shortest piece of what is not cut": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        ^shortest: 30",
        "misplaced",
        "write partly: clip as well",
    ),
    "a shortest piece of no length": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        partly: clip\n        shortest: ^0",
        "wrong-value",
        "1",
    ),
    "an unknown key around the slots": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        within: [{list: $.days, ^were: {}}]",
        "unknown-key",
        "did you mean 'where'?",
    ),
    "a list around the slots that is no path": (
        "token: {number: $.nr, area: $.area}",
        "token: {number: $.nr, area: $.area}\n        within: [^days]",
        "wrong-value",
        "it starts with $",
    ),
    "items without fields": (
        WHO,
        WHO + "  techs: ^{path: $.techs, type: items}\n",
        "missing-key",
        "items need fields: what is read of each item",
    ),
    "an unknown key of an item's field": (WHO, items(", a: {^paht: $.a}"), "unknown-key", "did you mean 'path'?"),
    "an item's field that reads the whole message": (
        WHO,
        items(", a: ^{header: x}"),
        "wrong-source",
        "write exactly one of path, value, join, same or first",
    ),
    "an item's field called as one of the message": (
        WHO,
        items(", ^crew: {path: $.crew}"),
        "duplicate-name",
        "there is a field crew of the whole message",
    ),
    "items of items": (
        WHO,
        items(", a: {path: $.a, type: ^items, fields: {b: {path: $.b}}}"),
        "misplaced",
        "items have no items of their own",
    ),
    "an item's field with a table that is none": (
        WHO,
        items(", a: {path: $.a, type: code, table: ^crew}"),
        "unknown-table",
        "did you mean 'crews'?",
    ),
    "an item's field of an unknown one": (WHO, items(", a: {value: ^tehc}"), "unknown-field", "did you mean 'tech'?"),
    "a key without deltas": (WHO, items("", ", ^key: tech"), "misplaced", "and inbound: {deltas: true}"),
    "where of another type": (
        WHO,
        WHO + "  x: {path: $.x, ^where: {$.a: b}}\n",
        "misplaced",
        "where belongs to type list or items",
    ),
    "fields of another type": (
        WHO,
        WHO + "  x: {path: $.x, ^fields: {a: {path: $.a}}}\n",
        "misplaced",
        "fields belongs to type items",
    ),
    "a code of items that have none": (
        WHO,
        items("") + "  all: {of: ^techs.tech, precedence: [a]}\n",
        "wrong-type",
        "expected a code of which all values are known",
    ),
    "a precedence with an unknown code": (
        WHO,
        items(", st: {path: $.st, type: code, values: [begun, done]}")
        + "  all: {of: techs.st, precedence: [begun, ^don]}\n",
        "unknown-code",
        "did you mean 'done'?",
    ),
    "a precedence that lacks a code": (
        WHO,
        items(", st: {path: $.st, type: code, values: [begun, done]}")
        + "  all: {of: techs.st, precedence: ^[begun]}\n",
        "missing-code",
        "precedence lacks done",
    ),
    "an entry for each of no items": (
        DESK,
        DESK + '    - {each: ^who, role: technician, name: T, number: "1", email_address: t}\n',
        "wrong-type",
        "expected a field of type items; who is text",
    ),
    "an entry when an unknown field fits": (
        DESK,
        DESK + '    - {when: {^knd: made}, role: technician, name: T, number: "1", email_address: t}\n',
        "unknown-field",
        "did you mean 'kind'?",
    ),
    "an entry when an unknown code comes": (
        DESK,
        DESK + '    - {when: {kind: ^mad}, role: technician, name: T, number: "1", email_address: t}\n',
        "unknown-code",
        "kind is never 'mad'",
    ),
    "a code that is another one, loosely": (
        "values: [made, moved, ended]}",
        "values: [made, moved, ended, ^Made], loose: true}",
        "duplicate-code",
        "'Made' and 'made' are the same with loose: true; take one of them out, or loose",
    ),
    "a code with blanks and zeros that is another one, loosely": (
        "values: [made, moved, ended]}",
        'values: [made, moved, ended, "07", ^" 7"], loose: true}',
        "duplicate-code",
        "' 7' and '07' are the same with loose: true",
    ),
    "a row that is another one, loosely": (
        f"crews}}{TO_ROWS}",
        f"crews, loose: ^true}}{TO_ROWS}      - {{crew: '01', name: Other, side: buyer}}\n",
        "duplicate-code",
        "'1' and '01' are the same with loose: true; take one of them out, or loose",
    ),
    "a synonym that is a code": (
        "values: [made, moved, ended]}",
        "values: [made, moved, ended], synonyms: {^made: moved}}",
        "duplicate-code",
        "'made' is a code itself, which would be read as 'moved'; take it out of synonyms or of the codes",
    ),
    "a synonym that is a code, loosely": (
        "values: [made, moved, ended]}",
        "values: [made, moved, ended], loose: true, synonyms: {^MADE: moved}}",
        "duplicate-code",
        "'MADE' is the same as the code 'made' with loose: true, which would be read as 'moved'",
    ),
    "a synonym of two codes, loosely": (
        "values: [made, moved, ended]}",
        "values: [made, moved, ended], loose: true, synonyms: {new: made, ^New: moved}}",
        "duplicate-code",
        "'New' and 'new' are the same with loose: true; take one of them out",
    ),
    "a list that cannot be merged": (
        "  duration: {amount: {value: hours}",
        "  merge: [^notes]\n  duration: {amount: {value: hours}",
        "wrong-value",
        "expected 'contacts', 'place' or 'related_entity'",
    ),
    "slots of a cancel": (
        "accepted: [ok], refused: refusals}",
        (
            'accepted: [ok], refused: refusals, slots: ^{each: $.s, start: {path: $.f, format: "%Y-%m-%dT%H:%M:%S%z"},'
            ' end: {path: $.t, format: "%Y-%m-%dT%H:%M:%S%z"}}}'
        ),
        "misplaced",
        "only the reply of search has slots",
    ),
    "a cancel without a reply": (
        TOY[TOY.index("exchange: toy.other") :],
        "^exchange: toy.other\n    routing_key: undo\n    body: {}\n",
        "missing-key",
        "cancel needs a reply",
    ),
    "an unknown refusal table": (
        "refused: refusals\n      slots",
        "refused: ^refusal\n      slots",
        "unknown-table",
        "?",
    ),
    "a refusal table without default": (
        "accepted: [ok], refused: refusals}",
        "accepted: [ok], refused: ^strict}",
        "missing-key",
        "table strict needs on_miss: default",
    ),
    "a refusal of an unknown code": (
        "code: otherIssue",
        "code: ^otherIsue",
        "unknown-code",
        "did you mean 'otherIssue'?",
    ),
    "a refusal without a reason": (
        "{code: otherIssue, reason: No}",
        "^{code: otherIssue}",
        "missing-key",
        "needs reason",
    ),
    "a refusal with a long reason": ("reason: No", "reason: ^" + "No" * 128, "wrong-value", "at most 255 characters"),
    "a refusal with a bad pointer": ("reason: No}", "reason: No, path: ^validFor}", "wrong-value", "a JSON Pointer"),
}


def parse(text: str) -> tuple[str, int, int]:
    """Give the text without the mark, and the line and column where it was."""
    before, mark, after = text.partition(HERE)
    assert mark, "no mark"
    return before + after, before.count("\n") + 1, len(before) - before.rfind("\n")


def findings_of(text: str) -> tuple[Finding, ...]:
    with pytest.raises(InvalidDocument) as caught:
        make_pack(parse_yaml(text, "pack.yaml"))
    return caught.value.findings


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pack_is_reported_where_it_is_broken_with_what_to_write(name: str) -> None:
    old, new, kind, message = BROKEN[name]
    assert TOY.count(old) == 1, f"{old!r} stands {TOY.count(old)} times in the small pack"
    text, line, column = parse(TOY.replace(old, new))
    found = findings_of(text)
    assert [(one.line, one.column, one.kind) for one in found] == [(line, column, kind)], found
    assert message in found[0].message


def test_all_problems_of_a_pack_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = TOY.replace("occurred_at: at", "occurred_at: att").replace("{kind: made}", "{kind: mada}")
    text = text.replace("{value: street}", "{value: streat}").replace("column: name", "column: nam")
    found = findings_of(text)
    assert [one.kind for one in found] == ["unknown-field", "unknown-code", "unknown-field", "unknown-column"]
    assert [one.line for one in found] == sorted(one.line for one in found)


def test_all_problems_of_shape_are_reported_at_once() -> None:
    text = TOY.replace("occurred_at: at", "occured_at: at").replace("type: boolean", "type: bool")
    text = text.replace("work_order: open", "work_order: opn").replace('format: "%d.%m.%Y %H:%M"', 'format: "%Q"')
    assert [one.kind for one in findings_of(text)] == ["unknown-key", "wrong-value", "wrong-value", "wrong-value"]


def test_a_finding_reads_file_line_column_kind_message() -> None:
    (finding,) = findings_of(TOY.replace("occurred_at: at", "occurred_at: att"))
    assert str(finding) == "pack.yaml:8:16: unknown-field: there is no field 'att'; did you mean 'at'?"


def test_one_mistake_in_a_name_is_reported_once_for_each_use_and_not_as_other_problems() -> None:
    found = findings_of(TOY.replace("\n  crews:\n", "\n  crew_list:\n"))
    assert {one.kind for one in found} == {"unknown-table"}


@pytest.mark.parametrize(
    ("earlier", "later", "dead"),
    [
        ("a", "a", True),
        ("[a, b]", "a", True),
        ("[a, b]", "[b, c]", False),
        ("a", "[a, b]", False),
        ("{present: true}", "[a, b]", True),
        ("{present: false}", "a", False),
        ("{not: c}", "[a, b]", True),
        ("{not: [a, c]}", "[a, b]", False),
        ("{not: a}", "{not: [a, b]}", True),
        ("{not: [a, b]}", "{not: a}", False),
        ("{not: a}", "{present: false}", True),
        ("{present: true}", "{not: a}", False),
        ("{present: true}", "{present: false}", False),
        ("a", "{present: true}", False),
    ],
)
def test_a_rule_is_dead_when_every_value_it_fits_is_taken_before(earlier: str, later: str, dead: bool) -> None:
    rules = "".join(
        f"  - {{rule: {name}, when: {{who: {cell}}}, then: {{ignore: x}}}}\n"
        for name, cell in (("earlier", earlier), ("later", later))
    )
    text = TOY.replace("work_order:\n  buyer", rules + "work_order:\n  buyer")
    if dead:
        assert [one.kind for one in findings_of(text)] == ["unreachable"]
    else:
        make_pack(parse_yaml(text, "pack.yaml"))


BOOK = (
    "commands:\n  book:\n    exchange: x\n    routing_key: y\n    body: {}\n"
    "    reply: {status: $.rc, accepted: [ok], refused: refusals}\n"
)


def test_a_booking_that_nobody_could_take_back_is_refused() -> None:
    text = TOY.replace("commands:\n", BOOK).replace("  cancel:", "  note:")
    found = [one for one in findings_of(text) if one.kind == "missing-command"]
    assert [(one.line, one.column) for one in found] == [(text[: text.index("book:")].count("\n") + 1, 3)]
    assert "book needs cancel" in found[0].message


def test_a_window_that_was_never_offered_cannot_be_searched_without_search() -> None:
    text = TOY.replace("commands:\n", BOOK).replace("  search:", "  reschedule:").replace("refuse, on", "search, on")
    assert any("book needs search" in one.message for one in findings_of(text))


def test_a_ticket_status_without_a_code_is_refused() -> None:
    ticket = (
        "commands:\n  ticket:\n    exchange: x\n    routing_key: y\n"
        "    body: {s: {value: ticket_status, table: strict, column: name}}\n"
    )
    (finding,) = findings_of(TOY.replace("commands:\n", ticket))
    assert finding.kind == "missing-code"
    assert finding.message == "table strict has no row for pending, inProgress, resolved"


def test_a_directory_without_a_pack_is_told() -> None:
    with pytest.raises(InvalidDocument, match="No such file"):
        load_pack(ACME / "nowhere")


def test_the_pack_in_the_box_has_no_problem() -> None:
    assert load_pack(ACME).name == "acme-wfm"
