"""Which files a running bridge looks at, to know that its packs have changed."""

from pathlib import Path

import pytest

from bridge.app.pack_reload import PackFiles


@pytest.fixture
def tenant(tmp_path: Path) -> Path:
    for name, text in {"base": "pack: base\n", "other": "pack: other\n", "tenant": "extends: ../base\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pack.yaml").write_text(text)
    return tmp_path / "tenant"


def test_a_change_of_a_base_pack_is_seen_and_one_elsewhere_is_not(tenant: Path) -> None:
    files = PackFiles([tenant])
    known = files.stamps()
    assert files.stamps() == known
    (tenant.parent / "other" / "pack.yaml").write_text("pack: other than before\n")
    assert files.stamps() == known
    (tenant.parent / "base" / "pack.yaml").write_text("pack: base-of-all\n")
    assert files.stamps() != known


def test_a_pack_that_comes_to_extend_another_is_watched_there_from_then_on(tenant: Path) -> None:
    files = PackFiles([tenant])
    (tenant / "pack.yaml").write_text("extends: ../other\ntables: {t: {key: k, file: ../rows.csv}}\n")
    known = files.stamps()
    (tenant.parent / "other" / "pack.yaml").write_text("pack: other than before\n")
    seen = files.stamps()
    assert seen != known
    (tenant.parent / "rows.csv").write_text("k\n")  # was not there yet
    assert files.stamps() != seen


def test_a_pack_that_cannot_be_read_is_watched_nevertheless(tenant: Path) -> None:
    (tenant / "pack.yaml").write_text("pack: [")
    files = PackFiles([tenant])
    known = files.stamps()
    (tenant / "pack.yaml").write_text("extends: ../base\n")
    assert files.stamps() != known
