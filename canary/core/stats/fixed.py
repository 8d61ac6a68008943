"""Fixed-horizon tests for the final report, from scipy. They hold for one look at the end, and say so.

No gate uses them: looked at again and again they would find harm in nearly every equal pair of arms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from canary.core.stats.bins import COUNT, edge
from canary.core.stats.eprocess import Floats

LABEL = "fixed horizon: valid for a single look at the end"

SMALL = 200
"""Leases of both arms up to which Boschloo's exact test is quick enough; above, Fisher's."""


@dataclass(frozen=True, slots=True)
class FixedTest:
    """One test's answer. ``interval`` is of ``estimate``, at the level that was asked for."""

    name: str
    p_value: float | None
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    label: str = LABEL


def proportions(old_bad: int, old_n: int, new_bad: int, new_n: int) -> FixedTest:
    """Whether the arms fail equally often; two-sided. The estimate is the difference of the failure rates."""
    if not old_n or not new_n:
        return FixedTest("Boschloo", None)
    counts = [[new_bad, old_bad], [new_n - new_bad, old_n - old_bad]]
    small = old_n + new_n <= SMALL
    p_value = stats.boschloo_exact(counts).pvalue if small else stats.fisher_exact(counts).pvalue
    return FixedTest("Boschloo" if small else "Fisher", float(p_value), new_bad / new_n - old_bad / old_n)


def latencies(old: Mapping[int, int], new: Mapping[int, int]) -> FixedTest:
    """Mann-Whitney on binned latencies, two-sided. The estimate is P(new slower) + P(equal)/2."""
    old_bins, new_bins = _spread(old), _spread(new)
    if not old_bins.size or not new_bins.size:
        return FixedTest("Mann-Whitney", None)
    found = stats.mannwhitneyu(new_bins, old_bins, alternative="two-sided", method="asymptotic")
    return FixedTest(
        "Mann-Whitney", float(found.pvalue), float(found.statistic / old_bins.size / new_bins.size)
    )


def p95_ratio(
    old: Mapping[int, int],
    new: Mapping[int, int],
    rng: np.random.Generator,
    resamples: int = 2000,
    level: float = 0.95,
) -> FixedTest:
    """The ratio of the arms' p95 with its bootstrap percentile interval.

    Calls that fall in one bin are alike, so a resample of the calls is a multinomial draw of the bins.
    """
    if not old or not new:
        return FixedTest("bootstrap of the p95 ratio", None)
    ratios = _resampled_p95(new, rng, resamples) / _resampled_p95(old, rng, resamples)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2])
    estimate = _p95(new) / _p95(old)
    return FixedTest("bootstrap of the p95 ratio", None, estimate, (float(low), float(high)))


def time_to_code(
    old: Sequence[float], old_without: Sequence[float], new: Sequence[float], new_without: Sequence[float]
) -> FixedTest:
    """Log-rank test of the time to the code, two-sided.

    Args:
        old: seconds to the code, of leases that got one.
        old_without: seconds for which leases without a code were watched.
        new: as ``old``.
        new_without: as ``old_without``.
    """
    if not old and not new:
        return FixedTest("log-rank of the time to code", None)
    sides = [
        stats.CensoredData(uncensored=seen, right=unseen)
        for seen, unseen in ((new, new_without), (old, old_without))
    ]
    found = stats.logrank(*sides)
    return FixedTest("log-rank of the time to code", float(found.pvalue), float(found.statistic))


def _spread(counts: Mapping[int, int]) -> NDArray[np.int16]:
    bins = np.array(sorted(counts), np.int16)
    return np.repeat(bins, [counts[int(b)] for b in bins])


def _p95(counts: Mapping[int, int]) -> float:
    bins = sorted(counts)
    return float(_p95_of(np.array([[counts[b] for b in bins]]), bins)[0])


def _resampled_p95(counts: Mapping[int, int], rng: np.random.Generator, resamples: int) -> Floats:
    bins = sorted(counts)
    weights = np.array([counts[b] for b in bins], np.float64)
    return _p95_of(rng.multinomial(int(weights.sum()), weights / weights.sum(), resamples), bins)


def _p95_of(rows: NDArray[np.int64], bins: Sequence[int]) -> Floats:
    reached = np.cumsum(rows, axis=1)
    edges = np.array([edge(min(b, COUNT - 2)) for b in bins])
    return edges[np.argmax(reached >= 0.95 * reached[:, -1:], axis=1)]
