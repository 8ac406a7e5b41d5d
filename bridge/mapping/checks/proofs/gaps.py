"""What the decision table will do, proven over all situations: no gap, no dead rule, no outcome that cannot be.

Messages are endlessly many, but a decision table tells only finitely many apart: a cell is a test, and two values that
pass the same tests are the same to every rule. The proof goes by that, in three steps.

*Witnesses* (`witnesses`). Of each field that decides, a few values are taken, at least one for each way in which the
pack's tests tell its values apart: every code, the numbers and moments at and beside each bound, a text with each
piece that is looked for and one with none. All of them may really come in a message.

*Situations* (`picked`, `situations`). Columns that hang together are one variable: a field with the columns of its
table and the fields that are picked from it, or the two states that the Buyer sees. A situation is one combination of
what they may be together, and situations that no cell tells apart are one class. Between variables nothing is assumed:
any class of one may come with any class of another.

*Boxes* (`boxes`). So whatever may come is a box: for each variable the set of its classes, as the bits of a whole
number. What a rule fits is a box as well, for its cells are joined by "and", and each cuts the classes of one variable.
The first rule that fits decides; so what a rule decides is its box without those of the rules before it, and the gap is
the whole box without all of them. What remains is split into boxes that share nothing. This arithmetic is exact;
where it would take too long, `TooLarge` says so, and nothing is claimed.

Why this is sound: a message that can be read lies in one class of each variable, and a rule fits the message just where
its box holds those classes. Nothing remains: no message falls through, and a rule of whose box nothing remains decides
none. Something remains: it is a counterexample, and is told in words. It may be one that no message brings about, for
fields that are made in other ways than by picking (`join`, `same`, `of`, `previous`, `changed`, `writes`, …)
count as if they could have any of their values at any time: the proof may name a gap too many, and never hides one.

Two things lie beside it. A delta that comes before its job may lack what every job has told (`early`): a rule that
parks or ignores may be there for such alone. And a last rule that takes whatever is left leaves no gaps (`catch_all`).

An outcome is tried, not proven: the real state machines are asked for a rule's goal from each state that the Buyer may
see where the rule decides (`outcomes`). `histories` walks the WFM's own graph of statuses in the same way.

Runs on a document without other problems. What it finds agrees with what the compiled rules do, whatever message comes;
a test compares the two.
"""

from collections.abc import Iterable, Sequence

from bridge.mapping.checks.proofs.boxes import Box, TooLarge, left_over, meet, widened
from bridge.mapping.checks.proofs.early import Early
from bridge.mapping.checks.proofs.outcomes import impossible_outcome
from bridge.mapping.checks.proofs.picked import Situation
from bridge.mapping.checks.proofs.situations import MEF, MefState, Space, Variable, mef_states, mef_states_of, space_of
from bridge.mapping.checks.proofs.witnesses import Sample
from bridge.mapping.checks.report import Report
from bridge.mapping.document import PackDocument, Rule
from bridge.mapping.formats.values import briefly

MOST_GAPS = 20  # combinations listed; the rest is counted


def check_proofs(document: PackDocument, report: Report) -> None:
    """Report gaps, rules that are never reached, and outcomes that the standard's state machines never allow."""
    space = space_of(document)
    try:
        reached = _check_reached(document, space, report)
        _check_outcomes(document, space, reached, report)
        _check_gaps(space, report)
    except TooLarge:
        message = "the table has too many combinations to be proven; let fewer columns decide"
        report.add_key(("rules",), "too-large", message)


def _check_reached(document: PackDocument, space: Space, report: Report) -> list[list[Box]]:
    """Give for each rule the situations that it decides."""
    rules, early = document.rules, Early(document)
    reached = [left_over([box] if all(box) else [], space.rules[:index]) for index, box in enumerate(space.rules)]
    for index, left in enumerate(reached):
        if not left and not early.decides(index):
            report.add(("rules", index), "unreachable", _shadow(rules, space, index))
    return reached


def _shadow(rules: Sequence[Rule], space: Space, index: int) -> str:
    box = space.rules[index]
    if not all(box):
        return "its conditions never hold together; take one out"
    before = [
        rule.rule
        for rule, other in zip(rules[:index], space.rules[:index], strict=True)
        if meet(box, other) is not None
    ]
    takers = f"rule '{before[0]}' takes" if len(before) == 1 else f"rules {_quoted(before)} together take"
    return f"{takers} every message that '{rules[index].rule}' fits; move it before, or take it out"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _check_gaps(space: Space, report: Report) -> None:
    gaps = gaps_in_words(space)
    for gap in gaps[:MOST_GAPS]:
        report.add_key(("rules",), "gap", f"no rule fits when {gap}; {_WHAT_TO_WRITE}")
    if len(gaps) > MOST_GAPS:
        report.add_key(("rules",), "gap", f"… and {len(gaps) - MOST_GAPS} more combinations that no rule fits")


_WHAT_TO_WRITE = "add a rule, or accept it with a last rule `then: {park: <why>}`"


def gaps_of(space: Space) -> list[Box]:
    """List the combinations that no rule covers, the shortest to say first; later ones leave out what was said."""
    every = [space.full] if all(space.full) else []  # where no message can be read, none falls into a gap
    wide = {widened(box, space.full, space.rules) for box in left_over(every, space.rules)}
    shortest_first = sorted(wide, key=lambda one: _length(space, one))
    apart = [part for index, box in enumerate(shortest_first) for part in left_over([box], shortest_first[:index])]
    return sorted(apart, key=lambda one: _length(space, one))


def gaps_in_words(space: Space) -> list[str]:
    """Say which situations no rule covers, in the same order."""
    return [_box_in_words(space, box) for box in gaps_of(space)]


def _length(space: Space, box: Box) -> tuple[int, int, Box]:
    narrow = [(variable, mask) for variable, mask in zip(space.variables, box, strict=True) if mask != variable.full]
    return len(narrow), sum(len(variable.values(mask)) for variable, mask in narrow), box


def _box_in_words(space: Space, box: Box) -> str:
    """Say which situations a box holds."""
    narrow = [(variable, mask) for variable, mask in zip(space.variables, box, strict=True) if mask != variable.full]
    parts = [
        _variable_in_words(variable, mask) for variable, mask in sorted(narrow, key=lambda one: one[0].name == MEF)
    ]
    return ", and ".join(parts) or "any message comes"


def _check_outcomes(document: PackDocument, space: Space, reached: Sequence[Sequence[Box]], report: Report) -> None:
    for index, rule in enumerate(document.rules):
        states = tuple(dict.fromkeys(state for box in reached[index] for state in _states(space, box)))
        problem = impossible_outcome(rule.then, document.policies.on_illegal, states) if states else None
        if problem is not None:
            report.add(("rules", index, "then"), "impossible-outcome", problem)


def _states(space: Space, box: Box) -> tuple[MefState, ...]:
    """Give what the Buyer may see of the job in these situations."""
    mask = next((mask for variable, mask in zip(space.variables, box, strict=True) if variable.name == MEF), None)
    return mef_states() if mask is None else mef_states_of(space, mask)


_FEW = 3
_MANY = 6


def _variable_in_words(variable: Variable, mask: int) -> str:
    """Say which situations of a variable are meant."""
    names = _named(variable)
    said = _in_words(names, variable.values(mask))
    if len(said) == 1:
        (only, *_) = variable.values(mask)
        return ", and ".join(f"{name} is {_word(only[name])}" for name in names)
    others = _in_words(names, variable.values(variable.full & ~mask))
    is_field = len(names) == 1 and variable.name != MEF
    if is_field and _ABSENT not in said and len(others) < len(said) and len(said) > _FEW:
        return f"{names[0]} is not {_listed(others)}"
    return f"{' / '.join(names)} is {_listed(said)}"


_ABSENT = "absent"


def _named(variable: Variable) -> Sequence[str]:
    """Name what is told of a situation: of a field and columns of its table the field tells all."""
    if variable.name == MEF:
        return list(variable.columns)
    return list(dict.fromkeys(column.partition(".")[0] for column in variable.columns))


def _in_words(names: Sequence[str], situations: Iterable[Situation]) -> list[str]:
    return list(dict.fromkeys(" / ".join(_word(one[name]) for name in names) for one in situations))


def _listed(said: Sequence[str]) -> str:
    rest = [f"… ({len(said)} in all)"] if len(said) > _MANY else []
    return " or ".join([*said[:_MANY], *rest])


def _word(witness: object) -> str:
    if witness is None:
        return _ABSENT
    if isinstance(witness, Sample):
        return witness.words
    return witness if isinstance(witness, str) else briefly(witness)
