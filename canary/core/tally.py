"""Mergeable counts of calls per (stage, time bucket, arm, action): what status pages and metrics show."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from canary.core.model import Arm

BUCKET = 60.0
"""Seconds of one time bucket."""

MAX_CODES = 64
"""Distinct code words kept per tally; the rest are counted as ``OTHER``, so that junk cannot fill the store."""


class TallyKey(NamedTuple):
    attempt: int
    stage: int
    bucket: int  # start of the time bucket, whole seconds since the epoch
    arm: Arm
    action: str


@dataclass(slots=True)
class Tally:
    """Counts that add up: of outcomes, of deciding code words, and of calls per latency bin."""

    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)

    @property
    def calls(self) -> int:
        return self.outcomes.total()

    def add(self, outcome: str, code: str, latency_bin: int) -> None:
        """Count one exchange."""
        self.outcomes[outcome] += 1
        self.latency[latency_bin] += 1
        if code not in self.codes and len(self.codes) >= MAX_CODES:
            code = "OTHER"
        self.codes[code] += 1

    def copy(self) -> "Tally":
        """The counts as they are now."""
        return Tally(self.outcomes.copy(), self.codes.copy(), self.latency.copy())

    def merge(self, other: "Tally") -> "Tally":
        """A new tally with the counts of both; commutative and associative."""
        return Tally(self.outcomes + other.outcomes, self.codes + other.codes, self.latency + other.latency)


def bucket_of(at: float) -> int:
    """The start of the time bucket that holds the wall-clock time ``at``."""
    return int(at // BUCKET * BUCKET)


def total(tallies: Mapping[TallyKey, Tally]) -> Tally:
    """All of them as one."""
    result = Tally()
    for tally in tallies.values():
        result = result.merge(tally)
    return result
