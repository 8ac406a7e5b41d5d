"""Situations in words: what a finding tells of the messages it speaks of."""

from collections.abc import Iterable, Sequence

from bridge.mapping.checks.proofs.picked import Situation
from bridge.mapping.checks.proofs.situations import MEF, Variable
from bridge.mapping.checks.proofs.witnesses import Sample
from bridge.mapping.formats.values import shown

_FEW = 3
_MANY = 6


def words(variable: Variable, mask: int) -> str:
    """Say which situations of a variable are meant."""
    names = _named(variable)
    told = _told(names, variable.values(mask))
    if len(told) == 1:
        (only, *_) = variable.values(mask)
        return ", and ".join(f"{name} is {_word(only[name])}" for name in names)
    others = _told(names, variable.values(variable.full & ~mask))
    is_field = len(names) == 1 and variable.name != MEF
    if is_field and _ABSENT not in told and len(others) < len(told) and len(told) > _FEW:
        return f"{names[0]} is not {_listed(others)}"
    return f"{' / '.join(names)} is {_listed(told)}"


_ABSENT = "absent"


def _named(variable: Variable) -> Sequence[str]:
    """Name what is told of a situation: of a field and columns of its table the field tells all."""
    if variable.name == MEF:
        return list(variable.columns)
    return list(dict.fromkeys(column.partition(".")[0] for column in variable.columns))


def _told(names: Sequence[str], situations: Iterable[Situation]) -> list[str]:
    return list(dict.fromkeys(" / ".join(_word(one[name]) for name in names) for one in situations))


def _listed(told: Sequence[str]) -> str:
    rest = [f"… ({len(told)} in all)"] if len(told) > _MANY else []
    return " or ".join([*told[:_MANY], *rest])


def _word(witness: object) -> str:
    if witness is None:
        return _ABSENT
    if isinstance(witness, Sample):
        return witness.words
    return witness if isinstance(witness, str) else shown(witness)
