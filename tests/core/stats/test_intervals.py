"""Display intervals: valid at every look, as far as their asymptotics go."""

import numpy as np
import pytest

from canary.core.stats.bins import COUNT, bin_of, edge
from canary.core.stats.intervals import Moments, Pair, compare, quantile_of, widening


def moments(x: np.ndarray) -> Moments:
    return Moments(len(x), float(x.sum()), float((x * x).sum()))


def test_the_interval_covers_the_difference_at_all_looks():
    """Over many rollouts with many looks each, the true difference seldom leaves the 95 % interval."""
    rng = np.random.default_rng(41)
    missed = 0
    for _ in range(200):
        new = rng.random(4000) < 0.2
        x = (rng.random(4000) < np.where(new, 0.80, 0.85)).astype(float)
        for n in range(200, 4001, 200):
            found = compare([Pair(moments(x[:n][~new[:n]]), moments(x[:n][new[:n]]))], 0.05)
            assert found is not None
            if not found.interval[0] <= -0.05 <= found.interval[1]:
                missed += 1
                break
    assert missed / 200 <= 0.07


def test_a_ramp_confounds_nothing():
    """Equal arms in every stage are shown equal, although the better days had more of new."""
    night = Pair(Moments(9500, 4750, 4750), Moments(500, 250, 250))
    day = Pair(Moments(5000, 4500, 4500), Moments(5000, 4500, 4500))
    found = compare([night, day], 0.05)
    assert found is not None
    assert found.new - found.old == pytest.approx(0)
    assert found.old == pytest.approx(0.7)


def test_nothing_is_shown_without_leases_of_both_arms():
    """One arm alone is no comparison, and does not enter one."""
    empty = Moments(0, 0, 0)
    assert compare([Pair(Moments(10, 5, 5), empty)], 0.05) is None
    assert compare([], 0.05) is None


def test_few_equal_scores_do_not_make_a_narrow_interval():
    """Ten successes out of ten leave room for failures."""
    ten = Moments(10, 10, 10)
    found = compare([Pair(ten, ten)], 0.05)
    assert found is not None
    assert found.interval[0] < -0.2
    assert found.interval[1] > 0.2


def test_the_widening_is_mildest_where_it_was_tuned():
    """Compared with a single look's 1.96 standard errors, looking always costs less than a factor of two there."""
    assert widening(500, 0.05) < 2 * 1.96
    assert widening(5, 0.05) > widening(500, 0.05)
    assert widening(500_000, 0.05) > widening(500, 0.05)


def test_a_p95_of_few_leases_has_no_upper_end():
    """Where the rank would lie beyond the slowest call, the interval is open."""
    calls = np.zeros(COUNT)
    calls[bin_of(0.5)] = 30
    few, many = quantile_of(calls, 2, 0.95, 0.05), quantile_of(calls * 1000, 30000, 0.95, 0.05)
    assert few.high == float("inf")
    assert few.low == 0
    assert many.value == edge(bin_of(0.5))
    assert many.low < 0.5 < many.high < 0.52
