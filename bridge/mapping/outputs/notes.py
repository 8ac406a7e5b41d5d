"""The Seller's notes on a WorkOrder.

A WFM sends its remark again with every snapshot and changes it in place; a MEF note has an id and a date and stays. So
a note's id is made of its job and text, a known note keeps its first date, and earlier remarks stay in the list.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from bridge.domain.model import Job, JobRef
from bridge.mapping import document
from bridge.mapping.formats.values import Misread, Values, as_text
from bridge.mapping.outputs.entries import Build, Entries, entries_getter
from bridge.mapping.outputs.sources import moment_getter, text_getter, value_getter
from bridge.mapping.reading.columns import Lookups
from bridge.mef.enums import BuyerSeller
from bridge.mef.models import Note

Notes = Entries[Note]


def notes_getter(remarks: Sequence[document.Remark], pack: document.PackDocument) -> Notes:
    """Make a function that gives a job's notes: the known ones, then what a message adds."""
    tell = notes_teller("work_order.note", remarks, pack)

    def get(values: Values, job: Job) -> tuple[Note, ...]:
        notes = {note.id: note for note in job.work_order.details.note} if job.work_order else {}
        for note in tell(values, job):
            notes.setdefault(note.id, note)
        return tuple(notes.values())

    return get


def notes_teller(where: str, remarks: Sequence[document.Remark], pack: document.PackDocument) -> Notes:
    """Make a function that gives the notes a message tells."""
    entries = tuple(_notes_of(f"{where}[{index}]", one, pack) for index, one in enumerate(remarks))
    return lambda values, job: tuple(note for notes in entries for note in notes(values, job))


def _notes_of(where: str, remark: document.Remark, pack: document.PackDocument) -> Notes:
    return entries_getter(remark, pack, lambda lookups: _builder(where, remark, lookups))


def _builder(where: str, remark: document.Remark, lookups: Lookups) -> Build[Note]:
    text = value_getter(remark.text, lookups)
    author = text_getter(f"{where}.author", remark.author, lookups)
    date = moment_getter(f"{where}.date", remark.date, lookups)

    def build(values: Values, job: Job) -> Note | None:
        found = text(values)
        if found is None:
            return None
        return _note(job.ref, as_text(found), author(values), _required(where, date(values)))

    return build


def _required(where: str, date: datetime | None) -> datetime:
    if date is None:
        raise Misread(f"{where}.date is absent")
    return date


def _note(job: JobRef, text: str, author: str, date: datetime) -> Note:
    return Note(id=_note_id(job, text), author=author, date=date, source=BuyerSeller.SELLER, text=text)


def _note_id(job: JobRef, text: str) -> str:
    return "note-" + hashlib.sha256("\0".join((job.pack, job.key, text)).encode()).hexdigest()[:20]
