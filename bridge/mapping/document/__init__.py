"""The pack file, declared once: every key that an operator may write, strict at every level.

Short forms (a plain value, a list) are widened to their long form before validation, so that a problem always carries
the place where it was written. What a name refers to is `checker`'s business.
"""

from bridge.mapping.document.base import BOUNDS, Cell, Key, Strict, Text, Value, Words
from bridge.mapping.document.commands import CommandSpec
from bridge.mapping.document.fields import SOURCES, FieldSpec, FieldType, FieldZone, Table
from bridge.mapping.document.inbound import Deltas, Forget, IgnoreRule, Inbound, MessageTest, Unpack, Version, Xml
from bridge.mapping.document.outputs import (
    AppointmentSection,
    Contact,
    Duration,
    Entity,
    Entry,
    FixedPerson,
    Item,
    Person,
    Place,
    Remark,
    SellerContact,
    Unit,
    Window,
    WorkOrderSection,
)
from bridge.mapping.document.pack import Lifecycle, PackDocument, Policies
from bridge.mapping.document.replies import (
    Around,
    Dictionary,
    Prefer,
    Replies,
    Reply,
    ReplyEnd,
    ReplyMoment,
    ReplyWindow,
    ReplyZone,
    Slots,
)
from bridge.mapping.document.rules import Attribution, ReasonTest, Rule, Then

__all__ = [
    "BOUNDS",
    "SOURCES",
    "AppointmentSection",
    "Around",
    "Attribution",
    "Cell",
    "CommandSpec",
    "Contact",
    "Deltas",
    "Dictionary",
    "Duration",
    "Entity",
    "Entry",
    "FieldSpec",
    "FieldType",
    "FieldZone",
    "FixedPerson",
    "Forget",
    "IgnoreRule",
    "Inbound",
    "Item",
    "Key",
    "Lifecycle",
    "MessageTest",
    "PackDocument",
    "Person",
    "Place",
    "Policies",
    "Prefer",
    "ReasonTest",
    "Remark",
    "Replies",
    "Reply",
    "ReplyEnd",
    "ReplyMoment",
    "ReplyWindow",
    "ReplyZone",
    "Rule",
    "SellerContact",
    "Slots",
    "Strict",
    "Table",
    "Text",
    "Then",
    "Unit",
    "Unpack",
    "Value",
    "Version",
    "Window",
    "Words",
    "WorkOrderSection",
    "Xml",
]
