"""Intervals for the eye, valid at every look: asymptotic confidence sequences. No decision rests on them.

Arms are compared inside strata of one stage and one design probability, so that a ramp confounds nothing;
strata are joined by their share of all leases.
"""

from collections.abc import Sequence
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np

from canary.core.stats.bins import COUNT, GROWTH, edge
from canary.core.stats.eprocess import Floats

TIGHTEST = 500.0
"""Leases on ``new`` at which the interval is as narrow as it can be made; elsewhere it costs a little width."""

type Interval = tuple[float, float]


class Moments(NamedTuple):
    """Sums over the leases of one arm in one stratum; scores lie in [0, 1]."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        """Of the mean; half a good and half a bad lease are added, so that three equal scores do not prove it."""
        n = self.n + 1
        mean = (self.total + 0.5) / n
        return ((self.squares + 0.5) / n - mean * mean) / self.n


class Pair(NamedTuple):
    """Both arms' leases of one stratum."""

    old: Moments
    new: Moments

    @property
    def comparable(self) -> bool:
        return self.old.n > 0 and self.new.n > 0


class Compared(NamedTuple):
    """Both arms' values over the same mix of strata, and the interval of how they differ."""

    old: float
    new: float
    interval: Interval


def compare(strata: Sequence[Pair], alpha: float) -> Compared | None:
    """Both arms' means and the interval of ``new - old``; ``None`` while no stratum has leases of both arms."""
    both = [stratum for stratum in strata if stratum.comparable]
    leases = sum(s.old.n + s.new.n for s in both)
    if not leases:
        return None
    shares = [(s.old.n + s.new.n) / leases for s in both]
    old = sum(w * s.old.mean for w, s in zip(shares, both, strict=True))
    new = sum(w * s.new.mean for w, s in zip(shares, both, strict=True))
    variance = sum(w * w * (s.old.variance + s.new.variance) for w, s in zip(shares, both, strict=True))
    reach = widening(sum(s.new.n for s in both), alpha) * sqrt(variance)
    return Compared(old, new, (max(new - old - reach, -1.0), min(new - old + reach, 1.0)))


def widening(n: int, alpha: float) -> float:
    """Half-width of the interval in standard errors after ``n`` leases (arXiv 2103.06476, eq. 9).

    sqrt(2 (n rho^2 + 1) / (n rho^2) log(sqrt(n rho^2 + 1) / alpha)), with rho set for ``TIGHTEST`` leases.
    """
    spread = -2 * log(alpha)
    time = n * (spread + log(spread + 1)) / TIGHTEST
    return sqrt(2 * (time + 1) / time * log(sqrt(time + 1) / alpha))


class Quantile(NamedTuple):
    """A quantile in seconds and its interval."""

    value: float
    low: float
    high: float


def quantile_of(calls: Floats, n: int, q: float, alpha: float) -> Quantile:
    """A quantile of binned latencies with its interval, which is infinite above while there are too few leases.

    Args:
        calls: per latency bin.
        n: leases behind them; calls of one lease are alike, so only leases count as independent.
    """
    reach = widening(n, alpha) * sqrt(q * (1 - q) / n)
    reached = np.cumsum(calls)
    ranks = np.array([q, max(q - reach, 0.0), min(q + reach, 1.0)]) * reached[-1] * (1 - 1e-12)
    value, low, high = (edge(min(int(index), COUNT - 2)) for index in np.searchsorted(reached, ranks))
    return Quantile(value, low / GROWTH if reach < q else 0.0, high if q + reach < 1 else inf)
