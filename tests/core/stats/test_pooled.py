"""Sums over all epochs."""

from collections import Counter

import pytest

from canary.core.model import Arm
from canary.core.stats.bins import bin_of
from canary.core.stats.eprocess import Side
from canary.core.stats.pooled import Pooled
from canary.core.stats.srm import Sample
from canary.core.stats.strata import WARMUP, Bet, Frozen, Key, Stratum


def stratum(old: int, new: int, latency: float = 0.2) -> Stratum:
    counts = Stratum(Frozen(0.05))
    for arm, n in ((Arm.OLD, old), (Arm.NEW, new)):
        counts.bets[Side.ROLLBACK] += Counter({Bet(arm, 1, 4): n})
        counts.read[arm] = n + 1
        counts.known[arm] = n
        counts.calls[arm] = Counter({bin_of(latency * (2 if arm is Arm.NEW else 1)): 4 * n})
    return counts


def test_strata_are_summed_per_stage_and_probability():
    """Epochs add up; the sample's shares are told per design probability."""
    pooled = Pooled()
    for key in (Key(1, 0.05), Key(1, 0.05), Key(2, 0.5)):
        pooled.absorb(key, stratum(95, 5))
    assert pooled.leases(Arm.NEW) == 15
    assert pooled.leases(Arm.NEW, stage=1) == 10
    assert pooled.read() == {0.05: Sample(192, 12), 0.5: Sample(96, 6)}
    assert pooled.known() == {0.05: Sample(190, 10), 0.5: Sample(95, 5)}
    found = pooled.compared(0.05)
    assert found is not None
    assert (found.old, found.new) == pytest.approx((0.75, 0.75))


def test_a_warm_up_is_counted_and_compared_with_nothing():
    """It says how much is known of old, and nothing else."""
    pooled = Pooled()
    warm = Stratum()
    warm.read[Arm.OLD] = 7
    pooled.absorb(WARMUP, warm)
    assert pooled.warm == 7
    assert pooled.read() == {}
    assert pooled.compared(0.05) is None
    assert pooled.p95(0.05) is None


def test_the_p95_is_compared_over_the_same_mix_of_stages():
    """A stage at a slow hour does not make the arm slow that had more of it."""
    pooled = Pooled()
    pooled.absorb(Key(1, 0.05), stratum(9500, 500, latency=0.2))
    pooled.absorb(Key(2, 0.5), stratum(5000, 5000, latency=0.6))
    found = pooled.p95(0.05)
    assert found is not None
    assert found.new / found.old == pytest.approx(2, rel=0.03)
    assert found.interval[0] < 2 < found.interval[1]
