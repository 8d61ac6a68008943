"""Other ways to judge the same rollouts: tests looked at again and again, and the rules of known canary tools.

Flagger and Argo Rollouts compare one value of the canary with a fixed threshold, Kayenta compares the points of
two time series; their defaults and counting are those of fluxcd/flagger (pkg/controller/scheduler.go), of
argoproj/argo-rollouts (utils/analysis) and of spinnaker/kayenta (MannWhitneyClassifier.scala).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm

from bench.stats.gate import Stops
from bench.stats.traffic import EPOCHS_PER_HOUR, Block, Ints, World
from canary.core.stats.eprocess import Floats

# --- tests on all counts so far, after every lease on `new` ---------------------------------------------------------


class Counts(NamedTuple):
    """Leases and failures of both arms after each lease on ``new``."""

    new: Ints
    new_bad: Ints
    old: Ints
    old_bad: Ints


class _Repeated:
    """A fixed-horizon test on pooled counts, repeated after every lease on ``new``; fate 1 is a failure."""

    def __init__(self, rule: "ZTest | Fisher", replicates: int) -> None:
        self.stops = Stops(np.full(replicates, -1), np.full(replicates, -1))
        self._rule = rule
        self._so_far = Counts(*np.zeros((4, replicates, 1), np.int64))

    def learn(self, fates: Ints) -> None:
        """Nothing is learnt beforehand."""

    def see(self, block: Block, rng: np.random.Generator) -> None:
        now = Counts(
            self._so_far.new + np.arange(1, block.new.shape[1] + 1),
            self._so_far.new_bad + np.cumsum(block.new == 1, axis=1),
            self._so_far.old + np.cumsum(block.before.sum(axis=1), axis=1),
            self._so_far.old_bad + np.cumsum(block.before[:, 1], axis=1),
        )
        self._so_far = Counts(*(counts[:, -1:] for counts in now))
        over = self._rule.rejects(now)
        first = over.argmax(axis=1)
        rows = np.flatnonzero(over.any(axis=1) & ~self.stops.stopped)
        self.stops.canary[rows] = block.canary + first[rows] + 1
        self.stops.leases[rows] = now.new[rows, first[rows]] + now.old[rows, first[rows]]


@dataclass(frozen=True, slots=True)
class ZTest:
    """The one-sided test of two proportions with pooled variance, once ``new`` has ``fewest`` leases."""

    level: float = 0.05
    fewest: int = 30

    def begin(self, truth: World, replicates: int) -> _Repeated:
        return _Repeated(self, replicates)

    def rejects(self, now: Counts) -> NDArray[np.bool_]:
        pooled = (now.new_bad + now.old_bad) / (now.new + now.old)
        old = np.maximum(now.old, 1)
        error = np.sqrt(pooled * (1 - pooled) * (1 / now.new + 1 / old))
        worse = now.new_bad / now.new - now.old_bad / old
        over: NDArray[np.bool_] = worse > norm.isf(self.level) * error
        return over & (now.new >= self.fewest)


@dataclass(frozen=True, slots=True)
class Fisher:
    """Fisher's exact test, one-sided."""

    level: float = 0.05

    def begin(self, truth: World, replicates: int) -> _Repeated:
        return _Repeated(self, replicates)

    def rejects(self, now: Counts) -> NDArray[np.bool_]:
        """P(at least so many of the failures on ``new``), summed from the hypergeometric's terms."""
        bad = now.new_bad + now.old_bad
        good = now.new + now.old - bad
        k, p = now.new_bad.copy(), np.zeros(bad.shape)
        for _ in range(int(np.minimum(now.new, bad).max()) + 1):
            inside = k <= np.minimum(now.new, bad)
            log_term = _log_choose(bad, k) + _log_choose(good, now.new - k) - _log_choose(bad + good, now.new)
            terms = np.where(inside, np.exp(log_term), 0.0)
            p += terms
            k = k + inside
            if not (terms > 1e-12).any():
                break
        return p <= self.level


def _log_choose(n: Ints, k: Ints) -> Floats:
    k = np.clip(k, 0, n)
    result: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return result


# --- rules on a clock -----------------------------------------------------------------------------------------------

MINUTES_PER_EPOCH = 60 // EPOCHS_PER_HOUR


class Minutes(NamedTuple):
    """Matured leases and failures of both arms per minute, each of shape (replicates, minutes)."""

    new: Ints
    new_bad: Ints
    old: Ints
    old_bad: Ints


def minutes(truth: World, replicates: int, rng: np.random.Generator) -> Minutes:
    """The same world by the clock: leases arrive as they like, with the world's traffic on average."""
    pi, old_bad, new_bad = (
        np.repeat(per_epoch, MINUTES_PER_EPOCH) for per_epoch in (truth.pi, truth.old[:, 1], truth.new[:, 1])
    )
    shape = replicates, len(pi)
    per_minute = truth.leases_per_epoch / MINUTES_PER_EPOCH
    new, old = rng.poisson(per_minute * pi, shape), rng.poisson(per_minute * (1 - pi), shape)
    return Minutes(new, rng.binomial(new, new_bad), old, rng.binomial(old, old_bad))


@dataclass(frozen=True, slots=True)
class Flagger:
    """Every minute the success rate must reach ``least``; no values count as a failed check, as there.

    The rollback comes with the check after the ``threshold``-th failed one; failures are never forgotten.
    """

    least: float = 0.99
    threshold: int = 5

    def stopped_at(self, seen: Minutes) -> Floats:
        """Minutes until the rollback, infinite where there was none."""
        failed = (seen.new == 0) | (seen.new - seen.new_bad < self.least * seen.new)
        return _minute_of(np.cumsum(failed, axis=1) >= self.threshold) + 1


@dataclass(frozen=True, slots=True)
class Argo:
    """Every ``interval`` minutes the success rate must reach ``least``, with more than ``limit`` failures aborting.

    No values make a measurement an error; more than ``errors`` of them in a row abort too.
    """

    least: float = 0.95
    limit: int = 3
    interval: int = 5
    errors: int = 4

    def stopped_at(self, seen: Minutes) -> Floats:
        """Minutes until the abort, infinite where there was none."""
        n, bad = _summed(seen.new, self.interval), _summed(seen.new_bad, self.interval)
        failed = (n > 0) & (n - bad < self.least * n)
        nothing = n == 0
        row = np.cumsum(nothing, axis=1)
        row -= np.maximum.accumulate(np.where(nothing, 0, row), axis=1)
        return _minute_of((np.cumsum(failed, axis=1) > self.limit) | (row > self.errors)) * self.interval


@dataclass(frozen=True, slots=True)
class Kayenta:
    """Hourly Mann-Whitney on the success rate per minute: the 98 % interval of the shift against a tolerance.

    The canary is Low when the interval's upper end lies below minus ``tolerance`` times the Hodges-Lehmann
    estimate. Minutes without leases are no points.
    """

    confidence: float = 0.98
    tolerance: float = 0.25

    def stopped_at(self, seen: Minutes) -> Floats:
        """Minutes until the first Low, infinite where there was none."""
        hours = [slice(start, start + 60) for start in range(0, seen.new.shape[1], 60)]
        low = [self._low(Minutes(*(counts[:, hour] for counts in seen))) for hour in hours]
        return _minute_of(np.stack(low, axis=1)) * 60

    def _low(self, hour: Minutes) -> NDArray[np.bool_]:
        new, old = _rate(hour.new, hour.new_bad), _rate(hour.old, hour.old_bad)
        shifts = (new[:, :, None] - old[:, None, :]).reshape(len(new), -1)
        shifts.sort(axis=1)  # NaN last
        m, n = np.isfinite(new).sum(axis=1), np.isfinite(old).sum(axis=1)
        spread = norm.isf((1 - self.confidence) / 2) * np.sqrt(m * n * (m + n + 1) / 12)
        upper = np.ceil(m * n / 2 + spread).astype(np.int64)
        sound = upper < m * n
        at = np.where(sound, upper, 0)
        rows = np.arange(len(new))
        estimate = (shifts[rows, m * n // 2] + shifts[rows, np.maximum(m * n - 1, 0) // 2]) / 2
        low: NDArray[np.bool_] = sound & (shifts[rows, at] < -self.tolerance * np.abs(estimate))
        return low


def _rate(n: Ints, bad: Ints) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, 1 - bad / n, np.nan)


def _summed(counts: Ints, width: int) -> Ints:
    return counts.reshape(len(counts), -1, width).sum(axis=2)


def _minute_of(over: NDArray[np.bool_]) -> Floats:
    """Checks until the first that is over, counted from 1; infinite without one."""
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf)
