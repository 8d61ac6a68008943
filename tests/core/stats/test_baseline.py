"""What a stratum's bets are frozen with."""

from collections import Counter
from decimal import Decimal

import pytest

from canary.core.model import Arm
from canary.core.stats.baseline import FORGETTING, PRIOR, freeze
from canary.core.stats.bins import bin_of
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Bet, Money, Stratum


def rated(bad: int, good: int, arm: Arm = Arm.OLD) -> Stratum:
    stratum = Stratum()
    stratum.bets[Side.ROLLBACK] = Counter({Bet(arm, 1, 1): bad, Bet(arm, 0, 1): good})
    return stratum


def test_without_a_past_the_prior_speaks():
    """A rollout may start without a warm-up."""
    frozen = freeze("lease_success", [])
    assert frozen is not None
    assert frozen.f0 == PRIOR["lease_success"]


def test_the_failure_rate_is_that_of_old():
    """Leases of new teach nothing of old, and enough of old's outweigh the prior."""
    frozen = freeze("lease_success", [(0, [rated(150, 850), rated(90, 10, Arm.NEW)])])
    assert frozen is not None
    assert frozen.f0 == pytest.approx(0.15, abs=0.001)


def test_older_epochs_count_for_less():
    """A drift of old is followed: each epoch's leases count for 0.9 of the next one's."""
    frozen = freeze("lease_success", [(10, [rated(10**6, 0)]), (0, [rated(0, 10**6)])])
    assert frozen is not None
    weight = FORGETTING**10
    assert frozen.f0 == pytest.approx(weight / (1 + weight), rel=1e-4)


def test_the_latency_threshold_is_the_p95_of_old():
    """The threshold is a bin's edge, and f0 the share of calls above it."""
    stratum = Stratum()
    stratum.calls[Arm.OLD] = Counter({bin_of(0.1): 940, bin_of(0.5): 20, bin_of(2.0): 40})
    frozen = freeze("latency_p95", [(0, [stratum])])
    assert frozen is not None
    assert frozen.slow == bin_of(0.5)
    assert frozen.f0 == pytest.approx(0.04)


def test_too_little_of_old_freezes_nothing():
    """Without a p95 or a cost of old there is no score to bet on."""
    few = Stratum()
    few.calls[Arm.OLD] = Counter({bin_of(0.1): 5})
    few.money[Arm.OLD] = Money(Decimal(1), 3, Decimal("0.5"))
    assert freeze("latency_p95", [(0, [few])]) is None
    assert freeze("cost_per_success", [(0, [few])]) is None


def test_the_cost_scale_is_old_s_cost_per_success():
    """What was spent net of refunds over the codes, and the dearest lease as the cap."""
    stratum = Stratum()
    stratum.money[Arm.OLD] = Money(Decimal(20), 100, Decimal("0.60"))
    frozen = freeze("cost_per_success", [(0, [stratum])])
    assert frozen is not None
    assert (frozen.per_success, frozen.cap) == (Decimal("0.2"), Decimal("0.60"))
    assert frozen.f0 == pytest.approx(0.2 / 0.8)
