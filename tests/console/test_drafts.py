"""How a draft becomes the pack that runs, and when it does not."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.app.drafts import KEPT, PackDrafts
from bridge.app.pack_reload import start_reloading
from bridge.app.process import new_id, now
from bridge.errors import PermanentError
from bridge.flows.live_packs import LivePacks
from bridge.flows.work import Workshop
from bridge.mapping.loader import load_pack
from bridge.settings import Settings
from bridge.store import SqlStore, new_store, open_store
from tests.console.pictures import mended
from tests.console.scene import PACK, ROOT


@dataclass
class Place:
    """A bridge's pack, and what is done with drafts of it. `reload` may be made to fail."""

    store: SqlStore
    packs: LivePacks
    directory: Path
    is_refused: bool = False
    drafts: PackDrafts = field(init=False)

    def __post_init__(self) -> None:
        settings = Settings.model_construct(packs=(self.directory,))
        reload = start_reloading(settings, self.packs, lambda _loop, _name: None)

        async def take_up() -> bool:
            return not self.is_refused and await reload()

        workshop = Workshop(self.store, self.packs, now, new_id)
        self.drafts = PackDrafts(self.store, self.packs, (self.directory,), workshop, take_up)

    @property
    def file(self) -> Path:
        return self.directory / "pack.yaml"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A copy of a pack that runs."""
    directory = shutil.copytree(ROOT / "mappings" / PACK, tmp_path / PACK)
    store = await open_store(f"sqlite:///{tmp_path / 'bridge.sqlite3'}", new_id=new_id)
    yield Place(store, LivePacks({PACK: load_pack(directory)}), directory)
    await store.close()


async def test_a_good_draft_is_put_in_place_and_runs(place: Place) -> None:
    source, running = await place.drafts.source(PACK), place.packs[PACK].version
    version = await place.drafts.activate(PACK, mended(source.text), source.digest)
    assert version == place.packs[PACK].version != running
    assert place.file.read_text() == mended(source.text)
    assert (place.directory / KEPT).read_text() == source.text
    assert sorted(path.name for path in place.directory.iterdir()) == ["README.md", "cases", "pack.yaml", KEPT]


async def test_mistakes_are_told_by_line_and_nothing_is_put_in_place(place: Place) -> None:
    source = await place.drafts.source(PACK)
    wrong = source.text.replace("then: {work_order: open,", "then: {work_order: opened,", 1)
    checked = await place.drafts.check(PACK, wrong)
    assert checked.pack is None
    line = wrong[: wrong.index("opened")].count("\n") + 1
    assert [(one.file, one.line, one.kind) for one in checked.findings] == [("pack.yaml", line, "wrong-value")]
    with pytest.raises(PermanentError, match="has mistakes"):
        await place.drafts.activate(PACK, wrong, source.digest)
    assert place.file.read_text() == source.text


async def test_a_pack_that_was_changed_meanwhile_is_not_overwritten(place: Place) -> None:
    source = await place.drafts.source(PACK)
    place.file.write_text(source.text + "# somebody else\n")
    with pytest.raises(PermanentError, match="was changed since you began"):
        await place.drafts.activate(PACK, mended(source.text), source.digest)
    assert place.file.read_text().endswith("# somebody else\n")


async def test_what_the_bridge_refuses_is_taken_back(place: Place) -> None:
    source, running = await place.drafts.source(PACK), place.packs[PACK].version
    needs_restart = mended(source.text).replace('bindings: ["job.#"]', 'bindings: ["work.#"]', 1)
    with pytest.raises(PermanentError, match="goes on as before"):
        await place.drafts.activate(PACK, needs_restart, source.digest)
    assert (place.file.read_text(), place.packs[PACK].version) == (source.text, running)


async def test_where_other_processes_run_the_pack_nothing_is_activated(place: Place, tmp_path: Path) -> None:
    other = new_store(f"sqlite:///{tmp_path / 'bridge.sqlite3'}", new_id=new_id, instance="bridge-2")
    await other.open()
    other.processes.packs = lambda: {PACK: "1.0+00000000"}
    await other.processes.beat()
    source = await place.drafts.source(PACK)
    assert "bridge-2" in (await place.drafts.obstacle(PACK) or "")
    with pytest.raises(PermanentError, match=r"Other processes run this pack, too \(bridge-2\)"):
        await place.drafts.activate(PACK, mended(source.text), source.digest)
    assert place.file.read_text() == source.text
    await other.close()  # which says that the process ends
    assert await place.drafts.obstacle(PACK) is None


async def test_a_file_that_cannot_be_written_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.app.drafts.os.access", lambda *_: False)  # root may write anywhere
    assert (await place.drafts.obstacle(PACK) or "").startswith("The bridge may not write ")


async def test_a_draft_may_not_become_another_pack(place: Place) -> None:
    source = await place.drafts.source(PACK)
    renamed = source.text.replace("pack: acme-wfm", "pack: other", 1)
    checked = await place.drafts.check(PACK, renamed)
    assert checked.pack is None
    assert [str(one) for one in checked.findings] == [
        "pack.yaml:5:7: wrong-value: the pack's name is acme-wfm, and must stay so; got 'other'"
    ]
    with pytest.raises(PermanentError, match="has mistakes"):
        await place.drafts.activate(PACK, renamed, source.digest)
    with pytest.raises(PermanentError, match="does not run a pack 'other'"):
        await place.drafts.source("other")


async def test_a_draft_of_a_pack_that_extends_another_is_checked_with_it(tmp_path: Path, place: Place) -> None:
    above = tmp_path / "sites" / "north"
    above.mkdir(parents=True)
    text = f"extends: ../../{PACK}\npack: acme-north\nversion: '2'\n"
    (above / "pack.yaml").write_text(text)
    place.packs = LivePacks({"acme-north": load_pack(above)})
    drafts = PackDrafts(place.store, place.packs, (above,), Workshop(place.store, place.packs, now, new_id), _never)
    checked = await drafts.check("acme-north", text + "zone: Europe/Berlin\n")
    assert checked.findings == ()
    assert checked.pack is not None
    wrong = await drafts.check("acme-north", text + "zone: Nowhere\n")
    assert [(one.file, one.line) for one in wrong.findings] == [("pack.yaml", 4)]


@pytest.mark.parametrize("line", ["extends: /etc", "extends: ../../..", "tables: {t: {key: a, file: /etc/shadow.csv}}"])
async def test_a_draft_reads_no_files_of_elsewhere(place: Place, line: str) -> None:
    with pytest.raises(PermanentError, match="not in the directories of the pack"):
        await place.drafts.check(PACK, f"{line}\npack: {PACK}\n")


async def test_the_cases_of_the_pack_are_run_by_the_draft(place: Place) -> None:
    source = await place.drafts.source(PACK)
    good = await place.drafts.check(PACK, source.text, with_cases=True)
    assert good.cases is not None
    assert (good.cases.held, good.cases.failed, good.cases.hold) == (8, (), True)
    told = (await place.drafts.check(PACK, mended(source.text), with_cases=True)).cases
    assert told is not None
    assert (told.held, told.hold) == (7, False)
    (failed,) = told.failed
    assert (failed.file, failed.case) == ("codes-nobody-mapped.yaml", "Codes that no table knows are parked")
    assert failed.differences[0].startswith("step 1 at cases/codes-nobody-mapped.yaml:4 (")
    assert [line.split()[0:2] for line in failed.differences[1:4]] == [["parked:"], ["-", "expected"], ["+", "came"]]
    assert (await place.drafts.check(PACK, source.text)).cases is None
    assert (await place.drafts.check(PACK, "pack: x", with_cases=True)).cases is None


async def test_cases_that_cannot_be_run_are_said(place: Place) -> None:
    text = (await place.drafts.source(PACK)).text
    (place.directory / "cases" / "cancelled-jobs.yaml").write_text("case: x\n")
    told = (await place.drafts.check(PACK, text, with_cases=True)).cases
    assert told is not None
    assert told.obstacle.startswith("cases/cancelled-jobs.yaml:1:1: missing-key:")
    assert not told.hold
    shutil.rmtree(place.directory / "cases")
    told = (await place.drafts.check(PACK, text, with_cases=True)).cases
    assert told is not None
    assert told.obstacle == "cases: there are no cases (*.yaml); a pack without cases proves nothing"


async def _never() -> bool:
    return False
