"""The short form of ``make bench-stats``: few replicates, fixed seeds, bounds wide enough for those, and too narrow
for a method that is broken. The last tests break it on purpose."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.stats import delays, errors, others, product, purchases
from bench.stats.gate import Gate, Order, in_order, play
from bench.stats.laws import ALPHA, BETA, GATES, gate
from bench.stats.peers import Argo, Fisher, Flagger, Kayenta, ZTest, minutes
from bench.stats.plan import Plan
from bench.stats.purchases import Bought, Drawn, drawn
from bench.stats.rows import refused_from
from bench.stats.traffic import EPOCH, HIGH, LOW, MED, World, blocks, rates
from canary.core import scores
from canary.core.evidence import Evidence
from canary.core.model import Arm, Lease, LeaseState
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Key

PLAN = Plan(replicates=200)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- error rates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "replicates"), [(LOW, 400), (MED, 400), (HIGH, 60)])
@pytest.mark.parametrize("new", [0.85, 0.83])
def test_a_canary_within_the_margin_is_hardly_ever_rolled_back(level, replicates, new):
    """Over a day with a look after every lease, equal arms and arms at the exact margin keep alpha."""
    (stops,) = play(rates(0.85, new, level), [errors.SUCCESS], replicates, rng())
    assert stops.stopped.sum() < refused_from(ALPHA, replicates)


def test_all_gates_together_keep_alpha():
    """Joint false rollbacks stay within alpha, also with every gate at its margin."""
    assert [row.holds for row in errors.joint(PLAN, [LOW])] == [True, True]


@pytest.mark.parametrize(("margin", "new"), [(0.05, 0.80), (0.02, 0.83)])
def test_a_canary_at_the_margin_is_seldom_promoted(margin, new):
    """Over a day with a look after every lease, an arm at the exact margin keeps beta."""
    (stops,) = play(rates(0.85, new, MED), [Gate(Side.PROMOTE, margin, BETA)], 400, rng())
    assert stops.stopped.sum() < refused_from(BETA, 400)


def test_a_canary_far_beyond_the_margin_is_hardly_ever_promoted():
    """At twice the margin hardly one in a thousand is promoted."""
    (stops,) = play(rates(0.85, 0.75, LOW), [Gate(Side.PROMOTE, 0.05, BETA)], 1000, rng())
    assert stops.stopped.sum() <= 2


def test_what_both_arms_share_rolls_nothing_back():
    """A drift, a common outage and a ramp under a drift keep alpha."""
    assert all(row.holds for row in errors.moving(PLAN))


# --- delays -------------------------------------------------------------------------------------------------------

SLACK = 1.15
"""The median of 200 replicates may lie so far above that of 2000."""


def test_harm_is_found_within_the_promised_leases():
    """Median delays of every harm stay near their limits, and near the information bound."""
    for row in delays.harms(PLAN):
        assert row.numbers["most"] is None or row.numbers["median"] <= SLACK * row.numbers["most"], row
        if row.numbers["bound"] is not None:
            assert row.numbers["mean"] <= SLACK * delays.RATIO_MEAN * row.numbers["bound"], row


def test_harm_that_begins_late_is_found_nearly_as_fast():
    """From noon on, twice the leases suffice."""
    assert all(row.holds for row in delays.late(PLAN))


def test_an_equal_canary_is_promoted_after_about_the_bound():
    """An equal arm passes the 5pp gate near the 371 leases that no test can beat on average."""
    (stops,) = play(rates(0.85, 0.85, MED), [Gate(Side.PROMOTE, 0.05, BETA)], 200, rng())
    assert np.median(np.where(stops.stopped, stops.canary, np.inf)) <= 1.2 * 371


# --- the product's counts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", product.SOURCES, ids=lambda source: source.metrics[0])
def test_the_products_evidence_is_the_simulations(source):
    """The same leases give the same E, counted one by one or played by the thousand, on one node or two."""
    short = replace(source, truth=shortened(source.truth))
    found = product.replay(short, rng(3))
    assert found.error <= product.EXACT
    assert product.merge_error(found.evidence, rng(4)) <= product.EXACT


def shortened(truth: World) -> World:
    """Every fourth epoch: all weights of the ramp in a quarter of the leases."""
    return replace(truth, old=truth.old[::4], new=truth.new[::4], pi=truth.pi[::4])


# --- other methods, in the same traffic ---------------------------------------------------------------------------


def test_tests_that_are_repeated_find_harm_in_equal_arms():
    """A z-test or Fisher's test looked at after every lease rolls back a quarter of all equal canaries."""
    for stops in play(rates(0.85, 0.85, LOW), [ZTest(), Fisher()], 200, rng()):
        assert 0.18 <= stops.stopped.mean() <= 0.40


def test_fixed_thresholds_roll_back_every_equal_canary():
    """Where a success is .85, thresholds of 99 and 95 % stop all, Flagger's without traffic within minutes."""
    seen = minutes(rates(0.85, 0.85, LOW), 200, rng())
    assert np.median(Flagger().stopped_at(seen)) <= 10
    assert np.isfinite(Argo().stopped_at(seen)).all()


def test_an_hourly_mann_whitney_sees_little_of_low_traffic():
    """It is right about equal arms, and blind to a success of .75."""
    for new, most in ((0.85, 0.0), (0.75, 0.05)):
        found = Kayenta().stopped_at(minutes(rates(0.85, new, LOW), 100, rng()))
        assert np.isfinite(found).mean() <= most


def test_bets_of_the_wrong_kind_are_noticed():
    """Pending as failure, pooled counts, a bet per call, an absolute threshold: each fails where the gate holds."""
    for row in others.wrong(PLAN):
        assert row.numbers["wrong"] > 0.5, row
        assert row.numbers["right"] < refused_from(ALPHA, PLAN.replicates) / PLAN.replicates, row


# --- the product, broken on purpose -------------------------------------------------------------------------------

TICK = 60.0
TIMEOUT = 30.0


def rolled_back(bought: Sequence[Bought], metric: str = "lease_success") -> bool:
    """Whether a controller that ticks every minute, and sees leases as they are by then, finds harm."""
    judged, waiting = GATES[metric], list(reversed(bought))
    evidence = Evidence([judged], 1, EPOCH)
    now = bought[0][1].at
    while waiting:
        now += TICK
        until = scores.judged_before(now, judged.window, TIMEOUT)
        while waiting and waiting[-1][1].at < until:
            serial, purchase, lease = waiting.pop()
            evidence.add(metric, serial, purchase, as_of(lease, now))
        if evidence[metric].log_e(Side.ROLLBACK) >= -np.log(gate(metric).level):
            return True
    return False


def as_of(lease: Lease | None, now: float) -> Lease | None:
    """A lease as the store has it at a time: what comes later is not known."""
    if lease is None or lease.ended_at is None or lease.ended_at <= now:
        return lease
    return replace(lease, code_at=None, ended_at=None, state=LeaseState.OPEN)


def rollout(truth: World, record: Callable[[Drawn], Bought], seed: int) -> list[Bought]:
    """A warm-up epoch on old, and the world's rollout, as records."""
    randomness = rng(seed)
    on_old = randomness.choice(truth.old.shape[1], truth.leases_per_epoch, p=truth.old[0])
    found = list(drawn(Order(np.zeros(len(on_old), np.bool_), on_old), 1, -1, 0.0, 0))
    for block in blocks(truth, 1, randomness):
        order = in_order(block.before[0].T, block.new[0], randomness)
        found += drawn(order, len(found) + 1, block.epoch, block.pi, int(block.pi * 100))
    return [record(one) for one in found]


def only_slower(one: Drawn) -> Bought:
    """Equal success; codes on ``new`` come after eight minutes instead of half a minute."""
    if one.fate == 1:
        return purchases.ended(one, LeaseState.REFUNDED, 900)
    return purchases.coded(one, 480 if one.arm is Arm.NEW else 30)


def in_time(one: Drawn) -> Bought:
    return purchases.ended(one, LeaseState.REFUNDED, 900) if one.fate == 1 else purchases.coded(one, 30)


SLOWER = replace(rates(0.85, 0.85, LOW, 0.25), pi=np.full(4, 0.25))
RAISED = replace(
    rates([0.90, 0.90, 0.50, 0.50] * 12, [0.90, 0.90, 0.50, 0.50] * 12, LOW),
    pi=np.array([0.05, 0.05, 0.5, 0.5]),
)
"""The weight is raised, and in that moment both arms begin to fail."""


def rollouts(truth: World, record: Callable[[Drawn], Bought]) -> Iterator[list[Bought]]:
    return (rollout(truth, record, seed) for seed in (1, 2, 3))


def mid_epoch(one: Drawn) -> Bought:
    """Half an epoch later: what happens between two epochs happens in the middle of one."""
    return in_time(one._replace(at=one.at + EPOCH / 2))


def test_a_canary_whose_codes_only_come_later_is_not_rolled_back():
    """Leases are read at one age, so that a slower arm is not taken for a worse one."""
    assert not any(rolled_back(bought) for bought in rollouts(SLOWER, only_slower))


def test_pending_counted_as_failure_would_be_noticed(monkeypatch):
    """Were leases read before they are mature, that canary would be rolled back."""
    monkeypatch.setattr(scores, "judged_before", lambda now, *_: now)
    assert all(rolled_back(bought) for bought in rollouts(SLOWER, only_slower))


def test_a_ramp_while_both_arms_fail_is_not_rolled_back():
    """Counts are kept per design probability, so that a ramp confounds nothing."""
    assert not any(rolled_back(bought) for bought in rollouts(RAISED, mid_epoch))


def test_counts_pooled_across_a_ramp_would_be_noticed(monkeypatch):
    """Were all bets of an epoch counted as if drawn with its first weight, that canary would be rolled back."""
    apart: Any = Evidence._key

    def pooled(self: Evidence, purchase: Any) -> Key | None:
        key = apart(self, purchase)
        return Key(1, 0.05) if key is not None and key.probability > 0 else key

    monkeypatch.setattr(Evidence, "_key", pooled)
    assert all(rolled_back(bought) for bought in rollouts(RAISED, mid_epoch))
