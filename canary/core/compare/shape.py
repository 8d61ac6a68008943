"""Shapes: all that one arm's replies to one action were seen to look like, mergeable over processes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from canary.core.actions import lookup
from canary.core.compare.mask import example
from canary.core.compare.replies import traits_of
from canary.core.compare.traits import ALONE, READY, REFUSED, SERVED, Aspect, Seen, Trait
from canary.core.model import Arm, Call

MAX_TRAITS = 1024
"""Traits kept of one arm and action; what junk adds beyond that is dropped and counted."""

MAX_CASES = 256
"""Distinct amounts counted of one trait: one amount read a thousand times is one case of how amounts are written."""


class Cell(NamedTuple):
    """What two arms are compared in."""

    branch: str
    path: str
    aspect: Aspect


class TraitKey(NamedTuple):
    attempt: int
    arm: Arm
    action: str
    trait: Trait


@dataclass(slots=True)
class Sighting:
    """In how many cases a trait was seen, when, and a redacted example. Times are seconds since the epoch."""

    n: int
    first_at: float
    last_at: float
    example: str = ""

    def merge(self, other: "Sighting", *, disjoint: bool) -> "Sighting":
        """Both together, with the earlier one's example; commutative and associative.

        Args:
            disjoint: whether no case can be in both.
        """
        first = min(self, other, key=lambda sighting: (sighting.first_at, sighting.example))
        n = self.n + other.n if disjoint else max(self.n, other.n)
        return Sighting(n, first.first_at, max(self.last_at, other.last_at), first.example)


@dataclass(slots=True)
class Shape:
    """The traits of one arm's replies to one action.

    A case is a reply, a lease where the action names one (its polls are no evidence of their own; the caller
    leaves them out), and an amount where amounts are looked at.
    """

    action: str
    sightings: dict[Trait, Sighting] = field(default_factory=dict)
    _cases: dict[Trait, set[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, call: Call, seen: Seen, at: float = 0.0, contexts: Iterable[str] = (ALONE,)) -> Self:
        """The shape of one reply.

        Args:
            contexts: in which its word is judged.
        """
        shape = cls(call.label)
        shape.see(traits_of(call, seen, contexts), at)
        return shape

    def see(self, traits: Mapping[Trait, object], at: float) -> tuple[list[Trait], int]:
        """Take in one reply; the traits whose count changed, and how many found no room."""
        changed, dropped = [], 0
        for trait, shown in traits.items():
            if trait.aspect is Aspect.AMOUNT and not self._is_new_case(trait, str(shown)):
                continue
            known = self.sightings.get(trait)
            if known is not None:
                known.n += 1
                known.last_at = max(known.last_at, at)
            elif len(self.sightings) < MAX_TRAITS:
                self.sightings[trait] = Sighting(1, at, at, example(shown))
            else:
                dropped += 1
                continue
            changed.append(trait)
        return changed, dropped

    def _is_new_case(self, trait: Trait, shown: str) -> bool:
        cases = self._cases.setdefault(trait, set())
        if shown in cases or len(cases) >= MAX_CASES:
            return False
        cases.add(shown)
        return True

    def add(self, trait: Trait, sighting: Sighting) -> None:
        """Take in another process's sighting. Two processes may have met the same lease or amount."""
        known = self.sightings.get(trait)
        if known is not None:
            sighting = known.merge(sighting, disjoint=disjoint(self.action, trait))
        self.sightings[trait] = sighting

    def merge(self, other: "Shape") -> "Shape":
        """A new shape with the sightings of both."""
        merged = Shape(self.action, dict(self.sightings))
        for trait, sighting in other.sightings.items():
            merged.add(trait, sighting)
        return merged

    def cells(self) -> dict[Cell, dict[str, Sighting]]:
        """The sightings by what is compared: per cell, those of each value."""
        cells: dict[Cell, dict[str, Sighting]] = {}
        for trait, sighting in self.sightings.items():
            cells.setdefault(Cell(*trait[:3]), {})[trait.value] = sighting
        return cells

    @property
    def replies(self) -> int:
        """How many replies with a word were looked at; of lease calls, how many cases."""
        return sum(
            sighting.n
            for trait, sighting in self.sightings.items()
            if trait.aspect is Aspect.WORD and trait.branch in _JUDGED_ONCE
        )

    def words(self) -> Iterator[tuple[str, Sighting]]:
        """Every class and word that was answered, whatever the context."""
        for trait, sighting in self.sightings.items():
            if trait.aspect is Aspect.WORD:
                yield trait.value, sighting


_JUDGED_ONCE = frozenset({ALONE, READY, SERVED, REFUSED})
"""Contexts of which each reply has at most one."""


def disjoint(action: str, trait: Trait) -> bool:
    """Whether the cases that two processes counted cannot be the same ones."""
    known = lookup(action)
    return trait.aspect is not Aspect.AMOUNT and not (known and known.ids)
