"""Fixed-horizon tests of the final report."""

import numpy as np
import pytest

from canary.core.stats.bins import bin_of
from canary.core.stats.fixed import LABEL, latencies, p95_ratio, proportions, time_to_code


def binned(seconds: np.ndarray) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bin_of(one)] = counts.get(bin_of(one), 0) + 1
    return counts


RNG = np.random.default_rng(61)
OLD = binned(RNG.lognormal(-1.5, 0.5, 3000))
SLOW = binned(RNG.lognormal(-1.5, 0.5, 600) * 1.5)


@pytest.mark.parametrize(("n", "name"), [(60, "Boschloo"), (4000, "Fisher")])
def test_rates_are_tested_exactly(n, name):
    """Boschloo's test for small samples, Fisher's for large ones; a clear difference has a small p-value."""
    equal, worse = proportions(n // 10, n, n // 10, n), proportions(n // 10, n, n // 2, n)
    assert (equal.name, equal.label) == (name, LABEL)
    assert equal.p_value == pytest.approx(1, abs=0.1)
    assert worse.p_value is not None
    assert worse.p_value < 1e-4
    assert worse.estimate == pytest.approx(0.4)


def test_a_slower_arm_has_higher_ranks():
    """Mann-Whitney on bins finds an arm that is half as slow again."""
    found = latencies(OLD, SLOW)
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.estimate is not None
    assert found.estimate > 0.6


def test_the_p95_ratio_has_a_bootstrap_interval():
    """The interval holds the true ratio and not 1."""
    found = p95_ratio(OLD, SLOW, np.random.default_rng(62))
    assert found.interval is not None
    low, high = found.interval
    assert 1 < low < 1.5 < high < 2


def test_the_time_to_the_code_is_compared_with_its_censoring():
    """Leases without a code count for as long as they were watched."""
    rng = np.random.default_rng(63)
    old, new = rng.exponential(60, 300), rng.exponential(120, 100)
    found = time_to_code([t for t in old if t < 600], [600.0] * 5, [t for t in new if t < 600], [600.0] * 5)
    assert found.p_value is not None
    assert found.p_value < 1e-4


def test_an_arm_without_data_has_no_test():
    """No p-value is made up."""
    for found in (
        proportions(0, 0, 1, 5),
        latencies({}, OLD),
        p95_ratio(OLD, {}, RNG),
        time_to_code([], [600.0], [], [600.0]),
    ):
        assert found.p_value is None
        assert found.estimate is None
