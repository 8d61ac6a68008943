"""Counts of calls that both arms answered, by who failed (or was slow) alone."""

from typing import NamedTuple, Self


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


class PairKey(NamedTuple):
    """What pairs are counted for: ``terms`` are what the policy judged by."""

    terms: str
    attempt: int
    stage: int
    metric: str
