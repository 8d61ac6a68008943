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
    def open_differences(self) -> list[Difference]:
        """Those that count."""
        return still_open(self.differences, self.acks)

    @property
    def open_unmapped(self) -> list[Unmapped]:
        """Those that count."""
        return still_open(self.unmapped, self.acks)
