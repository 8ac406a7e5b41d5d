"""What a sound pack may do otherwise than its writer thinks: nothing that is wrong, and a line each to say so."""

from collections.abc import Iterator

from bridge.mapping.document import FieldSpec, PackDocument
from bridge.mapping.formats.paths import Step, path_steps


def advice_on(document: PackDocument) -> tuple[str, ...]:
    """Give what is worth a line, as `what: <sentence>`."""
    return (*_order(document), *_emptied(document), *_roots(document))


def _order(document: PackDocument) -> Iterator[str]:
    inbound = document.inbound
    if inbound.version is None and not inbound.versions:
        yield "order: no version says which of two messages is newer, so what comes last counts; inbound: {version: …}"


def _emptied(document: PackDocument) -> Iterator[str]:
    if not document.inbound.deltas:
        return
    for name, spec in document.fields.items():
        if spec.required and (empties := _empties(spec)):
            ways = " or ".join(empties)
            yield f"emptied: a delta that empties {name} is parked, as it is required; take {ways} out, or required"


def _empties(spec: FieldSpec) -> list[str]:
    """By what is written for it a delta can empty the field."""
    return [f"{key}: absent" for key in ("nulls", "empty") if key in spec.written and getattr(spec, key) == "absent"]


def _roots(document: PackDocument) -> Iterator[str]:
    """An XML message has one root, and none is read without a job: what begins otherwise is found in none."""
    inbound = document.inbound
    roots = {root for path in inbound.job.paths if (root := _root(path)) is not None}
    if inbound.format != "xml" or inbound.each is not None or not roots:
        return
    told = f"messages begin with {' or '.join(sorted(map(str, roots)))}, as the path of the job does"
    for name, spec in document.fields.items():
        for path in spec.path or ():
            if _root(path) not in roots:
                yield f"nowhere: nothing stands at {path} ({name}): {told}; perhaps $.{min(map(str, roots))}{path[1:]}"


def _root(path: str) -> Step | None:
    return next(iter(path_steps(path)), None)
