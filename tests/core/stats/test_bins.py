"""The fixed latency bins: exact at their edges, mergeable, and never far from the true quantile."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.stats.bins import COUNT, GROWTH, LONGEST, SHORTEST, bin_of, edge, quantile, slower

durations = st.floats(min_value=0, max_value=1000, allow_nan=False)


@given(durations)
def test_a_duration_lies_below_its_bins_edge_and_not_below_the_one_before(seconds):
    """Bins tile the line: up to rounding at an edge, each duration is inside its own."""
    index = bin_of(seconds)
    assert 0 <= index < COUNT
    assert seconds <= edge(index) * (1 + 1e-9)
    assert index == 0 or seconds >= edge(index - 1) * (1 - 1e-9)


def test_the_bins_reach_from_a_millisecond_to_five_minutes():
    """About 680 bins of at most 2 % cover every latency that a call can have."""
    assert GROWTH <= 1.02
    assert 670 <= COUNT <= 690
    assert bin_of(SHORTEST / 2) == 0
    assert bin_of(LONGEST * 2) == COUNT - 1
    assert math.isinf(edge(COUNT - 1))


@given(st.lists(durations, min_size=1), st.integers(0, COUNT - 1))
def test_the_count_of_slower_calls_is_exact_at_every_edge(seconds, than):
    """No interpolation: the calls above an edge are counted, not estimated."""
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bin_of(one)] = counts.get(bin_of(one), 0) + 1
    assert slower(counts, than) == sum(bin_of(one) > than for one in seconds)


def test_a_quantile_is_at_most_one_bin_too_high():
    """The p95 read from bins lies within 2 % of the p95 of the calls."""
    seconds = np.random.default_rng(3).lognormal(-2, 0.7, 5000)
    counts: dict[int, int] = {}
    for one in seconds:
        counts[bin_of(one)] = counts.get(bin_of(one), 0) + 1
    true = np.quantile(seconds, 0.95)
    found = quantile(counts, 0.95)
    assert found == pytest.approx(true, rel=GROWTH - 1)


def test_there_is_no_quantile_of_nothing():
    """Without calls there is no p95, not a zero."""
    assert quantile({}, 0.95) is None


def test_the_default_latency_margin_is_a_whole_number_of_bins():
    """A margin of 1.25x is exact: edges 12 bins apart stand in that ratio."""
    assert edge(212) / edge(200) == pytest.approx(1.25, rel=1e-12)
