"""The test of a shadow stage: both arms answered the same call, so each pair is its own comparison.

Pairs in which both did well or both failed say nothing of a difference. Among the others, the discordant ones,
an arm that is no worse fails alone at most every second time. The mixture is the one of the gates.
"""

from typing import NamedTuple, Self

import numpy as np

from canary.core.stats.eprocess import HARM_ODDS, HARM_WEIGHTS


class Pairs(NamedTuple):
    """Counts of shadowed calls by who failed (or was slow); they add up across replicas."""

    only_new: int = 0
    only_old: int = 0
    both: int = 0
    neither: int = 0

    @classmethod
    def of(cls, *, old: bool, new: bool) -> "Pairs":
        """One pair, of which these failed."""
        return cls(new and not old, old and not new, old and new, not (old or new))

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def difference(self) -> float:
        """How much more often ``new`` failed, as a fraction of the pairs; 0 without pairs."""
        return (self.only_new - self.only_old) / self.total if self.total else 0.0

    @property
    def rates(self) -> tuple[float | None, float | None]:
        """Success rates of ``old`` and ``new``; ``None`` without pairs."""
        if not self.total:
            return None, None
        return 1 - (self.only_old + self.both) / self.total, 1 - (self.only_new + self.both) / self.total

    def merge(self, other: Self) -> "Pairs":
        """The counts of both."""
        return Pairs(*(a + b for a, b in zip(self, other, strict=True)))


def log_e(pairs: Pairs) -> float:
    """Log of the e-value against "of the discordant pairs, ``new`` fails at most half"."""
    q = HARM_ODDS / (1 + HARM_ODDS)
    steps = pairs.only_new * np.log(2 * q) + pairs.only_old * np.log(2 * (1 - q))
    return float(np.logaddexp.reduce(np.log(HARM_WEIGHTS) + steps))
