"""One metric's counts over all epochs, per stage and design probability: what is shown, and the sample's shares."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from canary.core.model import Arm
from canary.core.stats.baseline import P95
from canary.core.stats.bins import COUNT
from canary.core.stats.eprocess import Floats, Side
from canary.core.stats.intervals import Compared, Moments, Pair, compare, quantile_of
from canary.core.stats.srm import Sample
from canary.core.stats.strata import WARMUP, Key, Money, Stratum


@dataclass(slots=True)
class Sums:
    """Running sums of one arm."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    read: int = 0
    known: int = 0
    calls: Floats = field(default_factory=lambda: np.zeros(COUNT))

    @property
    def moments(self) -> Moments:
        return Moments(self.n, self.total, self.squares)

    def score(self, x: float, n: int = 1) -> None:
        """Count ``n`` leases with score ``x``."""
        self.n += n
        self.total += n * x
        self.squares += n * x * x


class Pooled:
    """Sums per stage and probability, over all epochs."""

    def __init__(self) -> None:
        self.warm = 0  # purchases drawn for ``old``, bets and warm-up alike
        self.money = {arm: Money() for arm in Arm}
        self._sums: dict[Key, dict[Arm, Sums]] = {}

    def absorb(self, key: Key, stratum: Stratum) -> None:
        """Add a stratum's counts. A warm-up has nothing that it could be compared with."""
        self.warm += stratum.read[Arm.OLD]
        if key == WARMUP:
            return
        for bet, n in stratum.bets[Side.ROLLBACK].items():
            self._of(key, bet.arm).score(1 - bet.bad / bet.of, n)
        for arm in Arm:
            sums = self._of(key, arm)
            sums.read += stratum.read[arm]
            sums.known += stratum.known[arm]
            self.money[arm].absorb(stratum.money[arm])
            for index, n in stratum.calls[arm].items():
                sums.calls[index] += n

    def leases(self, arm: Arm, stage: int | None = None) -> int:
        """Bets on one arm, in one stage or in all."""
        return sum(sums[arm].n for key, sums in self._sums.items() if stage is None or key.stage == stage)

    def read(self) -> dict[float, Sample]:
        """Purchases by the arm drawn, per design probability."""
        return _samples((key, sums[Arm.OLD].read, sums[Arm.NEW].read) for key, sums in self._sums.items())

    def known(self) -> dict[float, Sample]:
        """Those whose outcome can be told."""
        return _samples((key, sums[Arm.OLD].known, sums[Arm.NEW].known) for key, sums in self._sums.items())

    def compared(self, alpha: float) -> Compared | None:
        """Mean scores of both arms and the interval of their difference."""
        return compare([Pair(s[Arm.OLD].moments, s[Arm.NEW].moments) for s in self._sums.values()], alpha)

    def p95(self, alpha: float) -> Compared | None:
        """Both arms' p95 in seconds over the same mix of strata, and the interval of their ratio."""
        both = [s for s in self._sums.values() if all(s[arm].calls.any() for arm in Arm)]
        if not both:
            return None
        leases = sum(s[arm].n for s in both for arm in Arm)
        mixed = {
            arm: sum((_weight(s, leases) * s[arm].calls / s[arm].calls.sum() for s in both), np.zeros(COUNT))
            for arm in Arm
        }
        old, new = (quantile_of(mixed[arm], sum(s[arm].n for s in both), P95, alpha / 2) for arm in Arm)
        interval = (new.low / old.high, new.high / old.low if old.low else float("inf"))
        return Compared(old.value, new.value, interval)

    def _of(self, key: Key, arm: Arm) -> Sums:
        if key not in self._sums:
            self._sums[key] = {each: Sums() for each in Arm}
        return self._sums[key][arm]


def _weight(sums: dict[Arm, Sums], leases: int) -> float:
    return sum(sums[arm].n for arm in Arm) / leases if leases else 1.0


def _samples(counts: Iterable[tuple[Key, int, int]]) -> dict[float, Sample]:
    found: dict[float, Sample] = {}
    for key, old, new in counts:
        before = found.get(key.probability, Sample(0, 0))
        found[key.probability] = Sample(before.old + old, before.new + new)
    return found
