"""Acknowledgements: findings that an operator has seen and answers for, so that they no longer stop the rollout."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from canary.core.compare.coverage import Unmapped
from canary.core.compare.judge import Difference
from canary.core.compare.traits import Aspect

UNMAPPED = "unmapped"
"""The kind of an acknowledged action that new cannot serve."""

type Found = Difference | Unmapped


class Place(NamedTuple):
    """Where something was found; of a difference the kind is its own."""

    action: str
    kind: str
    path: str


def place_of(found: Found) -> Place:
    """Where a finding stands."""
    if isinstance(found, Unmapped):
        return Place(found.action, UNMAPPED, "")
    return Place(found.action, found.kind.value, found.path)


def in_words(place: Place) -> str:
    """A place for people, as ``canary differences`` heads it."""
    if place.kind == UNMAPPED:
        return f"{place.action}: new cannot serve it"
    at = " " if place.kind == Aspect.WORD else " at "
    kind = place.kind.replace("_", " ")
    return place.action + (f": {kind}" if kind else "") + (f"{at}{place.path}" if place.path else "")


@dataclass(frozen=True, slots=True)
class Which:
    """The findings that are meant: those of an action, of one kind or at one path where these are given."""

    action: str
    kind: str | None = None
    path: str | None = None

    def fits(self, found: Found) -> bool:
        """Whether a finding is meant."""
        action, kind, path = place_of(found)
        return action == self.action and self.kind in {None, kind} and self.path in {None, path}

    def missed(self, others: Iterable[Found]) -> str:
        """What to say when none fits, and these are open."""
        meant = in_words(Place(self.action, self.kind or "", self.path or ""))
        known = "; ".join(in_words(place_of(one)) for one in others)
        open_ones = f"; open are: {known}" if known else ": no finding is open"
        return f"there is nothing to acknowledge of {meant}{open_ones}"


def shown_by(found: Found) -> str:
    """What clients would meet: the side of it that may grow without the finding moving to another place."""
    if isinstance(found, Unmapped):
        return ""
    return found.old if found.kind is Aspect.COUNTRIES else found.new


@dataclass(frozen=True, slots=True)
class Ack:
    """A finding as it was acknowledged, by whom, why, and when (seconds since the epoch).

    ``shown``: what new showed then. What it shows beside that later is not covered, and counts again.
    """

    place: Place
    shown: str
    reason: str
    actor: str
    at: float

    def covers(self, found: Found) -> bool:
        """Whether the finding is the one that was acknowledged, or less."""
        return self.place == place_of(found) and _values(shown_by(found)) <= _values(self.shown)


def _values(shown: str) -> set[str]:
    return {part.removeprefix("always ") for part in shown.split(", ")}


def still_open[T: Difference | Unmapped](found: Iterable[T], acks: Iterable[Ack]) -> list[T]:
    """The findings that nobody has acknowledged."""
    known = {ack.place: ack for ack in acks}
    return [one for one in found if (ack := known.get(place_of(one))) is None or not ack.covers(one)]


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of the contract in one attempt.

    ``looked_at``: how many replies of new were looked at; ``actions``: how many actions were seen in use.
    """

    differences: tuple[Difference, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    acks: tuple[Ack, ...] = field(default=(), repr=False)
    looked_at: int = 0
    actions: int = 0

    @property
    def open(self) -> list[Found]:
        """Everything that counts, differences first."""
        return [*self.open_differences, *self.open_unmapped]

    @property
    def open_differences(self) -> list[Difference]:
        """Those that count."""
        return still_open(self.differences, self.acks)

    @property
    def open_unmapped(self) -> list[Unmapped]:
        """Those that count."""
        return still_open(self.unmapped, self.acks)
