"""The packs that a bridge runs: loaded together, and fitting together."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bridge import box
from bridge.errors import PermanentError
from bridge.mapping.loader import PACK_FILE, load_pack
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.yaml_source import InvalidDocument


def load_packs(settings: Settings) -> dict[str, Pack]:
    """Load all packs by name."""
    packs = [_load(settings, directory) for directory in directories(settings)]
    return {pack.name: pack for pack in packs}


def directories(settings: Settings) -> list[Path]:
    """Give the directories of the packs; those in the box are found by name."""
    return [box.found(pack) for pack in settings.packs]


def places_of(settings: Settings, packs: Iterable[str]) -> dict[str, Path]:
    """Tell where each pack that was loaded is. The order of the packs is that of their directories."""
    return dict(zip(packs, directories(settings), strict=False))


def place_in(places: Mapping[str, Path], pack: str) -> Path:
    """Tell where a pack is; raises `PermanentError` for one that this bridge does not run."""
    if pack not in places:
        raise PermanentError(f"This bridge does not run a pack {pack!r}.")
    return places[pack]


def _load(settings: Settings, directory: Path) -> Pack:
    try:
        return load_pack(directory)
    except InvalidDocument as invalid:
        raise invalid.unreadable_by(directory / PACK_FILE, settings.named_by("packs")) from None


def check_sellers(settings: Settings, packs: Mapping[str, Pack]) -> None:
    """Of several Sellers, each pack must belong to one; raises `PermanentError`."""
    listed = {pack for seller in settings.sellers for pack in seller.packs}
    wrong = sorted(listed - packs.keys()) + (sorted(packs.keys() - listed) if len(settings.sellers) > 1 else [])
    if wrong:
        raise PermanentError(
            f"sellers: {', '.join(wrong)}: each pack that runs must be listed with one Seller, and no others"
        )


def check_reply_queues(packs: Mapping[str, Pack]) -> None:
    """A fixed reply queue belongs to one pack, or replies would be read by the other; raises `PermanentError`."""
    owners: dict[str, str] = {}
    for pack in packs.values():
        queue = pack.replies.queue if pack.replies is not None else None
        if queue is not None and owners.setdefault(queue, pack.name) != pack.name:
            raise PermanentError(
                f"packs {owners[queue]} and {pack.name}: replies.queue is {queue!r} in both; give each its own"
            )
