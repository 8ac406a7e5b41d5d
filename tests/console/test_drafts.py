"""How a draft is checked, how it becomes the pack that runs, and when it does not; and when it does no more."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridge.app.pack_activations import PackActivations, running_packs
from bridge.app.pack_drafts import PackDrafts
from bridge.app.process import new_id, now
from bridge.console.activations import Running
from bridge.errors import PermanentError
from bridge.flows.live_packs import LivePacks
from bridge.flows.operator import Standing
from bridge.flows.work import Workshop
from bridge.mapping.loader import load_pack
from bridge.settings import Settings
from bridge.store import SqlStore, new_store
from tests.console.pictures import mended
from tests.console.scene import PACK, ROOT


@dataclass
class Place:
    """A process of the bridge with files of its own, and what is done with drafts of their pack."""

    store: SqlStore
    directory: Path
    packs: LivePacks = field(init=False)
    drafts: PackDrafts = field(init=False)
    activations: PackActivations = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Load the files, as at a start."""
        settings = Settings.model_construct(packs=(self.directory,))
        self.packs = LivePacks({PACK: load_pack(self.directory)})
        workshop = Workshop(self.store, self.packs, now, new_id)
        self.drafts = PackDrafts(self.store, self.packs, {PACK: self.directory}, workshop)
        self.activations = PackActivations(settings, self.packs, self.store)
        self.store.processes.packs = lambda: {PACK: self.version}
        self.store.processes.deployed = lambda: {PACK: self.packs.deployed[PACK].version}

    @property
    def file(self) -> Path:
        return self.directory / "pack.yaml"

    @property
    def version(self) -> str:
        return self.packs[PACK].version

    @property
    def deployed(self) -> str:
        return load_pack(self.directory).version

    async def deploy(self, text: str) -> None:
        """Put another file in place and have it taken up; look twice, since others may have ended what ends here."""
        self.file.write_text(text)
        assert await self.activations.reload.reload()
        await self.store.processes.tell()
        await self.activations.look()
        await self.activations.look()

    async def activate(self, text: str | None = None) -> str:
        """Activate a draft, as ada; the usual one if no text is given."""
        source = await self.activations.source(PACK)
        return await self.activations.activate(PACK, text or mended(source.text), source.digest, "ada", "LEFT is new")

    async def running(self) -> Running:
        found = await self.activations.running(PACK)
        assert found is not None
        return found


class Bridges:
    """Processes on one database."""

    def __init__(self, tmp_path: Path) -> None:
        self._tmp_path = tmp_path
        self.places: list[Place] = []

    async def start(self) -> Place:
        """Start another one, on a copy of the pack."""
        name = f"bridge-{len(self.places) + 1}"
        store = new_store(f"sqlite:///{self._tmp_path / 'bridge.sqlite3'}", new_id=new_id, instance=name)
        await store.open()
        place = Place(store, shutil.copytree(ROOT / "mappings" / PACK, self._tmp_path / name))
        await store.processes.tell()
        await place.activations.look()
        self.places.append(place)
        return place


@pytest.fixture
async def bridges(tmp_path: Path) -> AsyncIterator[Bridges]:
    started = Bridges(tmp_path)
    yield started
    for place in started.places:
        await place.store.close()


@pytest.fixture
async def place(bridges: Bridges) -> Place:
    """One that runs."""
    return await bridges.start()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody of these processes looks by itself, so that nobody is to be waited for."""
    monkeypatch.setattr("bridge.app.pack_activations.PATIENCE_S", 0.0)


async def test_a_good_draft_runs_and_the_file_stays_as_it_is(place: Place) -> None:
    was, running = place.file.read_text(), place.version
    version = await place.activate()
    assert version == place.version != running
    assert place.file.read_text() == was
    found = await place.running()
    assert (found.standing, found.activation.base, found.activation.version) == (Standing.RUNS, running, version)
    assert (found.activation.who, found.activation.note) == ("ada", "LEFT is new")
    assert (found.followed, found.awaited, found.elsewhere) == (["bridge-1"], [], [])
    assert (await place.activations.source(PACK)).text == mended(was)


async def test_every_process_with_the_same_files_runs_it_and_goes_back(bridges: Bridges) -> None:
    one, other = await bridges.start(), await bridges.start()
    base = one.version
    version = await one.activate()
    assert (await one.running()).awaited == ["bridge-2"]
    await other.activations.look()
    assert other.version == version
    assert (await one.running()).followed == ["bridge-1", "bridge-2"]
    assert (await bridges.start()).version == version
    assert await other.activations.take_back(PACK) == base
    await one.activations.look()
    assert (one.version, other.version) == (base, base)
    assert await one.activations.running(PACK) is None
    with pytest.raises(PermanentError, match="no activated draft of acme-wfm any more"):
        await one.activations.take_back(PACK)


async def test_it_survives_a_restart_and_a_reload_of_the_same_files(place: Place) -> None:
    version = await place.activate()
    place.start()
    assert place.version != version
    await place.activations.look()
    assert place.version == version
    assert await place.activations.reload.reload()
    assert place.version == version


async def test_what_is_deployed_later_wins_and_is_said_once(place: Place, capsys: Any) -> None:
    version = await place.activate()
    await place.deploy(place.file.read_text().replace('version: "1.0"', 'version: "1.1"', 1))
    assert place.version == place.deployed
    found = await place.running()
    assert (found.standing, found.activation.version) == (Standing.OVERTAKEN, version)
    said = capsys.readouterr()
    assert (said.out + said.err).count("activation.overtaken") == 1
    assert (said.out + said.err).count("activation.ended") == 1


@pytest.mark.parametrize("later", ["the draft", "something else"])
async def test_a_deployment_that_is_rolled_back_does_not_bring_it_again(place: Place, later: str) -> None:
    was, base = place.file.read_text(), place.version
    await place.activate()
    await place.deploy(mended(was) if later == "the draft" else was.replace('version: "1.0"', 'version: "1.1"', 1))
    await place.deploy(was)
    assert place.version == base


async def test_it_goes_on_where_a_rolling_deployment_has_not_come_yet(bridges: Bridges) -> None:
    one, other = await bridges.start(), await bridges.start()
    version = await one.activate()
    await other.activations.look()
    await one.deploy(one.file.read_text().replace('version: "1.0"', 'version: "1.1"', 1))
    other.start()
    await other.activations.look()
    assert (one.version, other.version) == (one.deployed, version)
    assert [each.instance for each in (await other.running()).elsewhere] == ["bridge-1"]
    assert "other files of this pack, which would win there: bridge-1" in (await other.activations.obstacle(PACK) or "")
    with pytest.raises(PermanentError, match="Deploy them first"):
        await other.activate((await other.activations.source(PACK)).text + "# more")
    shutil.copy(one.file, other.file)
    await other.deploy(one.file.read_text())
    assert (await other.running()).activation.ended_at is not None


async def test_what_was_deployed_as_the_draft_is_needed_no_more_and_nothing_is_said(place: Place, capsys: Any) -> None:
    version = await place.activate()
    await place.deploy(mended(place.file.read_text()))
    assert place.version == version
    assert await place.activations.running(PACK) is None
    said = capsys.readouterr()
    assert "activation.overtaken" not in said.out + said.err


async def test_a_process_that_cannot_take_it_up_says_so_and_goes_on(bridges: Bridges, capsys: Any) -> None:
    one, other = await bridges.start(), await bridges.start()
    (one.directory / "crews.csv").write_text("crew,name\n1,First\n")
    table = "tables:\n  crews: {key: crew, on_miss: keep, file: crews.csv}"
    was = other.version
    version = await one.activate(one.file.read_text().replace("tables:", table, 1))
    await other.activations.look()
    assert (one.version, other.version) == (version, was)
    assert one.activations.problems == []
    assert other.activations.problems == [
        f"acme-wfm: the draft that ada activated ({version}) does not run here; the log says why (packs.refused)"
    ]
    assert (await one.running()).awaited == ["bridge-2"]
    said = capsys.readouterr()
    assert "there is no file crews.csv" in said.out + said.err


async def test_a_replay_by_the_command_line_goes_by_the_activated_draft(place: Place) -> None:
    version = await place.activate()
    packs = await running_packs(Settings.model_construct(packs=(place.directory,)), place.store)
    assert packs[PACK].version == version != place.deployed


async def test_mistakes_are_told_by_line_and_nothing_is_activated(place: Place) -> None:
    source = await place.activations.source(PACK)
    wrong = source.text.replace("then: {work_order: open,", "then: {work_order: opened,", 1)
    checked = await place.drafts.check(PACK, wrong)
    assert checked.pack is None
    line = wrong[: wrong.index("opened")].count("\n") + 1
    assert [(one.file, one.line, one.kind) for one in checked.findings] == [("pack.yaml", line, "wrong-value")]
    with pytest.raises(PermanentError, match="has mistakes"):
        await place.activate(wrong)
    assert await place.activations.running(PACK) is None


async def test_a_draft_of_what_runs_no_more_is_refused(bridges: Bridges) -> None:
    one, other = await bridges.start(), await bridges.start()
    source = await other.activations.source(PACK)
    version = await one.activate()
    with pytest.raises(PermanentError, match="was changed since you began"):
        await other.activations.activate(PACK, source.text + "# later", source.digest, "bob", "mine")
    assert (await other.running()).activation.who == "ada"
    assert other.version == version
    second = await other.activate((await other.activations.source(PACK)).text.replace('"1.0"', '"1.0.1"', 1))
    await one.activations.look()
    assert one.version == second != version


async def test_what_needs_a_restart_is_refused_before_anything_is_kept(place: Place) -> None:
    text, running = place.file.read_text(), place.version
    with pytest.raises(PermanentError, match="exchange or bindings have changed; restart"):
        await place.activate(mended(text).replace('bindings: ["job.#"]', 'bindings: ["work.#"]', 1))
    assert place.version == running
    assert await place.activations.running(PACK) is None


async def test_what_changes_nothing_is_refused(place: Place) -> None:
    text = place.file.read_text()
    with pytest.raises(PermanentError, match="The draft changes nothing"):
        await place.activate(text + "# a comment\n")
    await place.activate()
    with pytest.raises(PermanentError, match="take the activated one back"):
        await place.activate(text)


async def test_files_that_nobody_has_taken_up_yet_are_taken_up_first(place: Place) -> None:
    running = place.version
    place.file.write_text(place.file.read_text().replace('version: "1.0"', 'version: "1.1"', 1))
    with pytest.raises(PermanentError, match="Its files were changed and not taken up yet"):
        await place.activate()
    assert place.version == running


async def test_an_activation_leaves_files_alone_that_nobody_has_taken_up_yet(bridges: Bridges) -> None:
    one, other = await bridges.start(), await bridges.start()
    other.file.write_text(other.file.read_text().replace('version: "1.0"', 'version: "1.1"', 1))
    version = await one.activate()
    await other.activations.look()
    assert other.version == version


async def test_the_pack_may_be_mounted_as_kubernetes_does(place: Place) -> None:
    """A ConfigMap has links to a directory that is exchanged; nothing of it is written."""
    mounted = place.directory / "..2026_03_05"
    mounted.mkdir()
    place.file.rename(mounted / "pack.yaml")
    (place.directory / "..data").symlink_to(mounted.name)
    place.file.symlink_to("..data/pack.yaml")
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in place.directory.rglob("*"))
    version = await place.activate()
    assert place.version == version != place.deployed
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in place.directory.rglob("*")) == before


async def test_where_there_is_no_room_to_check_it_the_bridge_starts_by_its_files_and_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    await place.activate()
    place.start()

    def full(**_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bridge.app.draft_check.tempfile.TemporaryDirectory", full)
    await place.activations.look()
    assert place.version == place.deployed
    assert len(place.activations.problems) == 1
    said = capsys.readouterr()
    assert "No space left on device" in said.out + said.err


async def test_a_draft_may_not_become_another_pack(place: Place) -> None:
    source = await place.activations.source(PACK)
    renamed = source.text.replace("pack: acme-wfm", "pack: other", 1)
    checked = await place.drafts.check(PACK, renamed)
    assert checked.pack is None
    assert [str(one) for one in checked.findings] == [
        "pack.yaml:5:7: wrong-value: the pack's name is acme-wfm, and must stay so; got 'other'"
    ]
    with pytest.raises(PermanentError, match="has mistakes"):
        await place.activations.activate(PACK, renamed, source.digest, "ada", "because")
    with pytest.raises(PermanentError, match="does not run a pack 'other'"):
        await place.activations.source("other")


async def test_a_draft_of_a_pack_that_extends_another_is_checked_with_it(tmp_path: Path, place: Place) -> None:
    above = tmp_path / "sites" / "north"
    above.mkdir(parents=True)
    text = f"extends: ../../{place.directory.name}\npack: acme-north\nversion: '2'\n"
    (above / "pack.yaml").write_text(text)
    packs = LivePacks({"acme-north": load_pack(above)})
    drafts = PackDrafts(place.store, packs, {"acme-north": above}, Workshop(place.store, packs, now, new_id))
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
    source = await place.activations.source(PACK)
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
    text = (await place.activations.source(PACK)).text
    (place.directory / "cases" / "cancelled-jobs.yaml").write_text("case: x\n")
    told = (await place.drafts.check(PACK, text, with_cases=True)).cases
    assert told is not None
    assert told.obstacle.startswith("cases/cancelled-jobs.yaml:1:1: missing-key:")
    assert not told.hold
    shutil.rmtree(place.directory / "cases")
    told = (await place.drafts.check(PACK, text, with_cases=True)).cases
    assert told is not None
    assert told.obstacle == "cases: there are no cases (*.yaml); a pack without cases proves nothing"
