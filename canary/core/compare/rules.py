"""What is novel on new in one cell: a rule per aspect, and how sure one must be of it.

Only what is new counts. A client that lives with old has met everything that old does, so that whatever old does
not do alike twice is noise by itself and never held against new; and what new does not do breaks nobody.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import exp, lgamma

from canary.core.compare.fields import numbers, spans
from canary.core.compare.shape import Cell, Sighting
from canary.core.compare.traits import DATA, DETAILS, READY, REFUSAL, REFUSED, SERVED, Aspect
from canary.core.compare.values import FIXED, FRACTION, WHOLE, WIDTHS

FIRM = 1 / 8
"""For what a provider's code fixes: three cases on new, and old had as many chances to show it."""

LOOSE = 1e-5
"""For what depends on values and states, such as a field that may be left out: seventeen cases at least."""

CERTAIN = 1.0
"""For two replies side by side: everything counts."""

ABSENT, PRESENT = "absent", "present"

type Side = Mapping[str, Sighting]
"""One arm's values in a cell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something novel: ``shown`` is where new showed it, ``instead`` what old showed there.

    ``chance``: how probable it is that chance explains it; ``doubt``: how probable that may be.
    """

    cell: Cell
    path: str
    old: str
    new: str
    shown: Side
    instead: Side
    chance: float
    doubt: float


def findings_in(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """What new shows in a cell that old never did, whether or not it was seen often enough."""
    return _RULES.get(cell.aspect, _novel)(cell, old, new)


def total(side: Side) -> int:
    """The cases of all values."""
    return sum(sighting.n for sighting in side.values())


def by_chance(k: int, of_one: int, of_other: int) -> float:
    """How probable it is that what was seen ``k`` times fell to one arm each time, were both arms alike.

    The probability of drawing all of ``k`` marked cases among one arm's ``of_one`` when marks are put on the
    ``of_one + of_other`` cases at random: C(of_one, k) / C(of_one + of_other, k). Never below one half to the k,
    the value for even traffic, because the shares of traffic change over time: no arm may be given more than half of
    the cases. Whether a value crosses a bound at any time is decided by its first cases, so that looking often does
    not add up.
    """
    k = min(k, of_one)
    both = of_one + of_other
    log = lgamma(of_one + 1) - lgamma(of_one - k + 1) - lgamma(both + 1) + lgamma(both - k + 1)
    return max(exp(min(log, 0.0)), 0.5**k)


def _novel(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """Each value that old never showed."""
    for value in sorted(new.keys() - old.keys()):
        passing = value in _PASSING_TYPES or _PASSING_TYPES.issuperset(old)
        doubt = LOOSE if passing or cell.branch == REFUSAL else FIRM
        yield _finding(cell, cell.path, old, new, [value], doubt)


_PASSING_TYPES = frozenset({"null", "bool"})
"""JSON types that stand in for a value which is not there yet (PHP says false where others say null)."""


def _finding(cell: Cell, path: str, old: Side, new: Side, values: Collection[str], doubt: float) -> Finding:
    shown = {value: new[value] for value in values}
    return Finding(
        cell,
        path,
        old=", ".join(sorted(old)[:4]),
        new=", ".join(sorted(values)[:4]),
        shown=shown,
        instead=old,
        chance=by_chance(total(shown), total(new), total(old)),
        doubt=doubt,
    )


def _code(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """SMS codes are written by whoever sends them, and neither kind may have come on old yet."""
    for finding in _novel(cell, old, new):
        yield replace(finding, doubt=LOOSE)


def _wider(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """Ids that old's clients may have no room for; a smaller one fits everywhere."""
    widest = max(WIDTHS.index(value) for value in old)
    values = [value for value in new if WIDTHS.index(value) > widest]
    if values:
        yield _finding(cell, cell.path, old, new, values, FIRM)


def _amount(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """A whole amount is news only from a provider that otherwise always writes its decimals."""
    decimals = {FIXED, FRACTION}
    for value in sorted(new.keys() - old.keys()):
        if value in decimals and not decimals.isdisjoint(old):
            continue
        doubt = LOOSE if value in decimals or (value == WHOLE and FIXED not in old) else FIRM
        yield _finding(cell, cell.path, old, new, [value], doubt)


def _fields(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """Names that old always has and new leaves out, and names that old never has."""
    sets_old = [frozenset(value.split(",")) for value in old]
    sets_new = {value: frozenset(value.split(",")) for value in new}
    always, ever = frozenset.intersection(*sets_old), frozenset.union(*sets_old)
    for name in sorted(always):
        lacking = [value for value, names in sets_new.items() if name not in names]
        yield _field(cell, name, old, new, lacking, (PRESENT, ABSENT))
    for name in sorted(frozenset.union(*sets_new.values()) - ever):
        having = [value for value, names in sets_new.items() if name in names]
        yield _field(cell, name, old, new, having, (ABSENT, PRESENT))


def _field(
    cell: Cell, name: str, old: Side, new: Side, values: Collection[str], sides: tuple[str, str]
) -> Finding:
    path = f"{cell.path}.{name}" if cell.path else name
    return replace(_finding(cell, path, old, new, values, LOOSE), old=sides[0], new=sides[1])


def _countries(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """Countries that old always lists and new does not; more countries break nobody."""
    lists_old, lists_new = [numbers(value) for value in old], [numbers(value) for value in new]
    lost = set[int].intersection(*lists_old).difference(*lists_new)
    if not lost:
        return
    gained = set[int]().union(*lists_new).difference(*lists_old)
    finding = _finding(cell, cell.path, old, new, list(new), FIRM)
    yield replace(
        finding, old=f"has {spans(lost)}", new=f"has {spans(gained)} instead" if gained else "lacks them"
    )


_REFUSING = frozenset({"caller", "state"})
_SERVING = frozenset({"ok", "business", "nothing"})
_SILENT = frozenset({"provider", "limit", "account"})
"""Answers that say nothing of the contract: reported only where new never gives another one."""

_FUNDS = frozenset({"NO_BALANCE", "NO_MONEY", "LOW_BALANCE", "BAD_BALANCE", "NO_BALANCE_FORWARD"})


def _word(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """Answers that old never gives, in the same context when there is one.

    That there is no stock, nothing to list or no money is no difference, nor is the refusal of a status 1 that came
    too late, as long as new takes others.
    """
    silent = all(_class(value) in _SILENT for value in new)
    too_late = _REFUSING if cell.branch == READY and any(_class(value) == "ok" for value in new) else ()
    for value in sorted(new.keys() - old.keys()):
        kind, _, word = value.partition(" ")
        detailed = word.endswith(DETAILS)
        if kind in too_late or (kind in {"nothing", "business"} and not detailed):
            continue
        if kind in _SILENT and not detailed and (not silent or word in _FUNDS):
            continue
        if kind == "ok" and not _is_other_success(word, old):
            continue
        firm = cell.branch in {SERVED, REFUSED} and kind not in _SILENT
        finding = _finding(cell, word, old, new, [value], FIRM if firm else LOOSE)
        yield replace(finding, old=_answers(old), new=value)
    yield from _never(cell, old, new)


def _never(cell: Cell, old: Side, new: Side) -> Iterator[Finding]:
    """A call that old accepts and new always refuses, with words that old knows too."""
    accepted = sum(sighting.n for value, sighting in old.items() if _class(value) == "ok")
    refused = {value: sighting for value, sighting in new.items() if _class(value) not in _SILENT}
    if not accepted or not refused or any(_class(v) not in _REFUSING or v not in old for v in refused):
        return
    common = _answers(refused).partition(", ")[0].partition(" ")[2]
    path = f"{cell.branch}: {common}" if cell.branch else common
    chance = max(by_chance(accepted, total(old), total(refused)), 0.5 ** total(refused))
    finding = _finding(cell, path, old, new, [*refused], LOOSE)
    yield replace(finding, old=_answers(old), new=f"always {_answers(refused)}", chance=chance)


def _is_other_success(word: str, old: Side) -> bool:
    """Whether a success is worded otherwise; data instead of a word is told by the envelope."""
    successes = {value.partition(" ")[2] for value in old if _class(value) == "ok"}
    if not successes:
        return all(_class(value) not in _SERVING for value in old)
    return word != DATA and successes != {DATA}


def _class(value: str) -> str:
    return value.partition(" ")[0]


def _answers(side: Side) -> str:
    """The commonest answers."""
    common = sorted(side, key=lambda value: (-side[value].n, value))
    return ", ".join([*common][:3])


_RULES: Mapping[Aspect, Callable[[Cell, Side, Side], Iterator[Finding]]] = {
    Aspect.WORD: _word,
    Aspect.FIELD: _fields,
    Aspect.ID: _wider,
    Aspect.AMOUNT: _amount,
    Aspect.CODE: _code,
    Aspect.COUNTRIES: _countries,
}
