"""How a gate's margins enter its tests."""

from decimal import Decimal

import pytest

from canary.core.margins import margin, rate_margin, scales, scored, sides
from canary.core.policy.gates import Gate
from canary.core.scores import Cost, Slow
from canary.core.stats.bins import GROWTH, edge
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Frozen

RATE = Gate("lease_success", 0.02, 0.05, 1200.0, 0.35)
GUARD = Gate("early_success", 0.10, None, 180.0, 0.10)
LATENCY = Gate("latency_p95", 1.25, 1.25, 120.0, 0.15)
COST = Gate("cost_per_success", 1.10, 1.50, 1200.0, 0.10)


def test_a_guard_has_one_side():
    """It can only roll back."""
    assert sides(GUARD) == (Side.ROLLBACK,)
    assert sides(RATE) == (Side.ROLLBACK, Side.PROMOTE)


def test_a_rate_is_scored_once_and_bet_on_with_its_margins():
    """Both sides play with the same scores, each with its own margin."""
    assert [side for side, _ in scales(RATE, None, {})] == [Side.ROLLBACK]
    assert {scored("lease_success", side) for side in Side} == {Side.ROLLBACK}
    assert [rate_margin(RATE, side) for side in Side] == [0.02, 0.05]


def test_a_factor_is_inside_the_score():
    """Then the rates are compared without a margin, and each side has its own scores."""
    assert [rate_margin(LATENCY, side) for side in Side] == [0.0, 0.0]
    assert [margin(COST, side) for side in Side] == [1.10, 1.50]
    assert [scored("latency_p95", side) for side in Side] == list(Side)


def test_the_latency_margin_is_rounded_against_what_it_could_prove():
    """Thresholds are bin edges: harm needs at least the factor, equality at most that."""
    gate = Gate("latency_p95", 1.3, 1.3, 120.0, 0.15)
    found = dict(scales(gate, Frozen(0.05, slow=300), {}))
    harm, equal = found[Side.ROLLBACK], found[Side.PROMOTE]
    assert isinstance(harm, Slow)
    assert isinstance(equal, Slow)
    assert edge(equal.new) / edge(equal.old) <= 1.3 <= edge(harm.new) / edge(harm.old)
    assert harm.new - equal.new == 1


@pytest.mark.parametrize("steps", [0, 1, 5, 20])
def test_a_factor_of_whole_bins_is_exact(steps):
    """A margin that is an edge itself is not rounded."""
    gate = Gate("latency_p95", GROWTH**steps, GROWTH**steps, 120.0, 0.15)
    for _, slow in scales(gate, Frozen(0.05, slow=300), {}):
        assert slow == Slow(300, 300 + steps)


def test_a_warm_up_has_no_scores_of_factors():
    """Before old is known there is no threshold."""
    assert list(scales(LATENCY, None, {})) == []
    assert list(scales(COST, None, {})) == []


def test_the_cost_scale_carries_each_side_s_factor():
    """The margin divides the cost of new."""
    frozen = Frozen(0.3, per_success=Decimal("0.2"), cap=Decimal(1))
    ratios = [scale.ratio for _, scale in scales(COST, frozen, {}) if isinstance(scale, Cost)]
    assert ratios == [Decimal("1.1"), Decimal("1.5")]
