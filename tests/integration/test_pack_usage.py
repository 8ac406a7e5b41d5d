"""How a pack is used: what it says is known of every pack that runs, wherever its files are."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bridge.app.pack_usage import usage_of
from bridge.app.packs import load_packs
from bridge.settings import Settings
from bridge.store import open_store

NOW = datetime(2026, 3, 3, tzinfo=UTC)


async def test_the_codes_of_a_pack_in_the_box_are_told_too(sqlite_url: str) -> None:
    pack = load_packs(Settings.model_construct(packs=(Path("acme-wfm"),)))["acme-wfm"]
    store = await open_store(sqlite_url, new_id=lambda: str(uuid4()), clock=lambda: NOW)
    try:
        usage = await usage_of(store, lambda: NOW, pack, 7)
    finally:
        await store.close()

    codes = {each.field: each for each in usage.codes}
    assert "NEW" in codes["status"].never
    assert codes["status"].seen == ()
