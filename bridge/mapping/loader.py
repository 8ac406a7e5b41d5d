"""From a directory to a pack: the only I/O of this package. A pack with any problem does not load."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.mapping.checks.checker import check
from bridge.mapping.checks.inspection import Inspection, inspect
from bridge.mapping.document import PackDocument
from bridge.mapping.document.layers import PACK_FILE, Layers, read_layers, read_pack
from bridge.yaml_source import InvalidDocument, YamlSource, validate

if TYPE_CHECKING:
    from bridge.mapping.pack import Pack

__all__ = ["PACK_FILE", "inspect_pack", "load_document", "load_pack", "make_pack"]


def load_pack(directory: Path) -> "Pack":
    """Load `<directory>/pack.yaml`. Raises `InvalidDocument`, which lists every problem with its line and column."""
    layers = read_layers(directory)
    inspection = _inspected(layers)
    if inspection.findings or inspection.document is None:
        raise InvalidDocument(inspection.findings)
    return _compiled(inspection.document, layers.source.data)


def inspect_pack(directory: Path) -> Inspection:
    """List every problem of the pack in a directory; one that can't be read has just that problem."""
    try:
        return _inspected(read_layers(directory))
    except InvalidDocument as invalid:
        return Inspection(invalid.findings, None)


def _inspected(layers: Layers) -> Inspection:
    return inspect(layers.source, layers.findings, layers.unread)


def load_document(directory: Path) -> PackDocument:
    """Load what stands in `<directory>/pack.yaml`, checked as a whole. Raises as `load_pack`."""
    return _checked(read_pack(directory))


def make_pack(source: YamlSource) -> "Pack":
    """Make a pack of a document that was read, whatever its rules leave open. Raises as `load_pack`."""
    return _compiled(_checked(source), source.data)


def _checked(source: YamlSource) -> PackDocument:
    document = validate(PackDocument, source)
    findings = check(document, source)
    if findings:
        raise InvalidDocument(findings)
    return document


def _compiled(document: PackDocument, data: dict[str, Any]) -> "Pack":
    from bridge.mapping.pack import compile_pack  # not before it is needed: who only checks a pack compiles none

    return compile_pack(document, data)
