"""What only the last example of docs/packs.md has does as it says."""

from typing import Any

import orjson
import pytest

from bridge.domain.model import CommandKind, Job, JobRef
from bridge.mapping.pack import Reading, Skipped, UnofferedWindow
from tests.unit.mapping.patches import fields_of, known_job, outcome
from tests.unit.mapping.test_docs_examples import pack_of

MESSAGE = {"region": "N", "order": 7, "status": "begun", "level": 9}


@pytest.mark.parametrize(
    ("change", "rule"),
    [({}, "high"), ({"level": 5}, "middle"), ({"level": 3}, "middle"), ({"level": 2}, "low")],
)
def test_the_other_keys_decide(change: dict[str, Any], rule: str) -> None:
    assert outcome(pack_of("rest"), {**MESSAGE, **change}, known_job()) == rule


def test_the_other_keys_read() -> None:
    pack = pack_of("rest")
    reading = pack.read(orjson.dumps({**MESSAGE, "visit": {"rev": 3}}), "", {})
    assert isinstance(reading, Reading)
    assert (reading.job.key, reading.versions, reading.ties_are_stale) == ("N/7", {"visit": 3}, True)
    assert isinstance(pack.read(orjson.dumps(MESSAGE), "", {"x-about": "job.TEST"}), Skipped)
    values = fields_of(pack, {**MESSAGE, "urgent": "Y", "parts": "a, b", "at": "2026-03-05 13:04", "minutesEast": 60})
    assert values["urgent"] is True
    assert values["parts"] == ["a", "b"]
    assert values["label"] == "job: 9"
    assert values["at"] == "2026-03-05T12:04:00+00:00"
    assert "parked" in outcome(pack, {**MESSAGE, "local": "2026-10-25 02:30"})


def test_the_other_keys_make() -> None:
    pack = pack_of("rest")
    assert pack.has_command(CommandKind.TICKET)
    refuse: UnofferedWindow = "refuse"
    assert pack.unoffered_window == refuse
    reading = pack.read(orjson.dumps(MESSAGE), "", {})
    assert isinstance(reading, Reading)
    told: Any = pack.translate(reading, Job(ref=JobRef("toy", "N/7")))
    (contact,) = told.update.details.contacts
    assert (contact.name, contact.number_extension, contact.organization) == ("Dispatch", "17", "Larch")
