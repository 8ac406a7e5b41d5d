"""What is installed has all that is read at run time: packs in the box, settings, migrations, documents."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.build import build_wheel

from bridge import box

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """The files of the wheel."""
    directory = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        made = build_wheel(str(directory))
    with ZipFile(directory / made) as wheel:
        yield set(wheel.namelist())


def test_the_wheel_has_the_box_where_it_is_looked_for(names: set[str]) -> None:
    boxed = {str(path.relative_to(ROOT)) for path in (ROOT / "mappings").rglob("*") if path.is_file()}
    boxed |= {"config/bridge.yaml", "config/buyers.yaml"}
    assert {name.removeprefix("bridge/boxed/") for name in names if name.startswith("bridge/boxed/")} == boxed


def test_the_wheel_has_every_file_of_the_code(names: set[str]) -> None:
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bridge").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here - names == set()


def test_packs_of_the_box_are_found_by_name_unless_a_directory_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"acme-wfm", "oracle-field-service"} <= box.packs().keys()
    assert box.found(Path("acme-wfm")) == box.BOX / "mappings" / "acme-wfm"
    assert box.found(Path("nosuch")) == Path("nosuch")
    assert box.found(Path("mappings/acme-wfm")) == Path("mappings/acme-wfm")
    (tmp_path / "acme-wfm").mkdir()
    assert box.found(Path("acme-wfm")) == Path("acme-wfm")
