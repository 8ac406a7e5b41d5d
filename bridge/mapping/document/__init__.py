"""The pack file, declared once: every key that an operator may write, strict at every level.

Short forms (a plain value, a list) are widened to their long form before validation, so that a problem always carries
the place where it was written. What a name refers to is `checker`'s business.
"""

from bridge.mapping.document.base import Key, Strict, Text, Value
from bridge.mapping.document.cells import BOUNDS, Cell, Words
from bridge.mapping.document.commands import CommandSpec, Reply
from bridge.mapping.document.fields import FieldSpec, FieldType, FieldZone
from bridge.mapping.document.inbound import IgnoreRule, Inbound, Unpack, Version, Xml
from bridge.mapping.document.made import SOURCES
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
from bridge.mapping.document.replies import Replies
from bridge.mapping.document.rules import Attribution, ReasonTest, Rule, Then
from bridge.mapping.document.slots import Around, Dictionary, Prefer, Slots
from bridge.mapping.document.tables import Table
from bridge.mapping.document.windows import ReplyEnd, ReplyMoment, ReplyWindow, ReplyZone

__all__ = [
    "BOUNDS",
    "SOURCES",
    "AppointmentSection",
    "Around",
    "Attribution",
    "Cell",
    "CommandSpec",
    "Contact",
    "Dictionary",
    "Duration",
    "Entity",
    "Entry",
    "FieldSpec",
    "FieldType",
    "FieldZone",
    "FixedPerson",
    "IgnoreRule",
    "Inbound",
    "Item",
    "Key",
    "Lifecycle",
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
