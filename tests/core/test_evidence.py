"""The evidence of an attempt: mergeable, storable, the same however late it is read."""

import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from canary.core.evidence import Evidence
from canary.core.model import Arm
from canary.core.policy.gates import Gates
from canary.core.scores import STOCK
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import WARMUP, from_json, to_json
from tests.core.traffic import EPOCH, EQUAL, START, against, feed, traffic
from tests.factories import tassignment, tpurchase

GATES = Gates.all().resolved(1200.0)


def evidence(attempt: int = 1, **options: Any) -> Evidence:
    return Evidence(GATES, attempt, EPOCH, **options)


def all_log_e(found: Evidence) -> list[float]:
    return [found[gate.name].log_e(side) for gate in found.gates for side in Side]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    """A warm-up, a canary of two epochs and a ramp inside the third, as stored."""
    full = evidence()
    last = feed(full, traffic(EQUAL, 500, pi=0.0, stage=0, gap=3.0))
    last = feed(full, traffic(EQUAL, 800, start=START + EPOCH, gap=4.0, first=last + 1, seed=2))
    feed(
        full,
        traffic(EQUAL, 400, pi=0.5, stage=2, start=START + 2.8 * EPOCH, gap=1.0, first=last + 1, seed=3),
    )
    stored: dict[str, Any] = json.loads(json.dumps(full.take_changed()))
    return stored


def restored(parts: dict[str, Any]) -> Evidence:
    found = evidence()
    found.restore(parts)
    return found


def test_evidence_survives_the_store(parts):
    """What was written and read again gives the same E and takes up where it stood."""
    found = restored(parts)
    again = restored(dict(reversed(parts.items())))
    assert all_log_e(again) == pytest.approx(all_log_e(found), rel=1e-12)
    assert found.cursor("lease_success") == 1700
    assert found.take_changed() == {}


def test_only_what_changed_is_written(parts):
    """A tick writes the parts of the epochs that it touched."""
    found = restored(parts)
    feed(found, traffic(EQUAL, 1, start=START + 3 * EPOCH + 5, first=1701))
    assert set(found.take_changed()) == {f"{gate.name}@{START + 3 * EPOCH!r}" for gate in found.gates}


def test_a_purchase_counts_once(parts):
    """Reading again from an older place in the store changes nothing."""
    found = restored(parts)
    before = all_log_e(found)
    feed(found, traffic(EQUAL, 800, start=START + EPOCH, gap=4.0, first=501, seed=2))
    assert all_log_e(found) == before
    assert found.take_changed() == {}


def halves(parts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stored bets dealt out to two replicas that share the frozen parameters."""
    random = Random(5)
    left, right = deepcopy(parts), deepcopy(parts)
    for name in parts:
        for mine, yours in zip(left[name]["strata"], right[name]["strata"], strict=True):
            here, there = from_json(mine[2]), from_json(yours[2])
            for side in Side:
                dealt = Counter(
                    {bet: sum(random.random() < 0.5 for _ in range(n)) for bet, n in here.bets[side].items()}
                )
                here.bets[side], there.bets[side] = +dealt, here.bets[side] - dealt
            mine[2], yours[2] = to_json(here), to_json(there)
    return left, right


def test_merged_evidence_equals_that_of_a_single_node(parts):
    """Adding two replicas' counts gives the single node's E to 1e-9."""
    left, right = (restored(half) for half in halves(parts))
    whole = all_log_e(restored(parts))
    assert all_log_e(left.merge(right)) == pytest.approx(whole, rel=1e-9)
    assert all_log_e(right.merge(left)) == pytest.approx(whole, rel=1e-9)
    assert left.merge(right).cursor("acquire") == 1700


def test_merging_does_not_depend_on_the_grouping(parts):
    """Three replicas may be merged in any order."""
    left, right = (restored(half) for half in halves(parts))
    empty = evidence()
    one, other = left.merge(right).merge(empty), left.merge(right.merge(empty))
    assert all_log_e(one) == pytest.approx(all_log_e(other), rel=1e-12)


def test_a_late_reading_gives_the_same_evidence():
    """Catching up after hours gives what a reading in time gave: a lease's later life changes no score."""

    def grown_older(bought):
        for serial, purchase, lease in bought:
            if lease is not None and lease.code_at is None:
                lease = replace(lease, code_at=lease.opened_at + 5000)
            yield serial, purchase, lease

    timely, late = evidence(), evidence()
    feed(timely, traffic(EQUAL, 600))
    feed(late, grown_older(traffic(EQUAL, 600)))
    assert all_log_e(late) == all_log_e(timely)


def test_parameters_are_frozen_from_the_past(parts):
    """An epoch's parameters do not change when more of its purchases come in, and were set before its first bet."""
    found = evidence()
    feed(found, traffic(EQUAL, 300, pi=0.0, stage=0, gap=1.0))
    feed(found, traffic(EQUAL, 1, start=START + EPOCH, first=301))
    [first] = [s.frozen for key, s in found["lease_success"].strata() if key != WARMUP]
    feed(found, traffic(against(success=0.1), 200, start=START + EPOCH, first=302))
    [after] = [s.frozen for key, s in found["lease_success"].strata() if key != WARMUP]
    assert after == first
    assert first is not None
    assert first.f0 == pytest.approx(0.15, abs=0.05)


@pytest.mark.parametrize(
    ("assignment", "key"),
    [
        (None, None),
        ({"probability": 1.0}, None),
        ({"probability": 0.0, "arm": Arm.OLD}, WARMUP),
        ({"attempt": 1}, None),
        ({"attempt": 1, "arm": Arm.OLD}, WARMUP),
        ({"attempt": 3}, None),
        ({}, (1, 0.05)),
        ({"arm": Arm.OLD}, (1, 0.05)),
    ],
)
def test_only_randomised_purchases_of_the_attempt_are_bets(assignment, key):
    """Pinned and undrawn purchases are left out; those on old teach what old is like."""
    found = evidence(attempt=2)
    drawn = None if assignment is None else tassignment(**{"attempt": 2, **assignment})
    found.add("acquire", 1, tpurchase(assignment=drawn), None)
    assert [k for k, _ in found["acquire"].strata()] == ([] if key is None else [key])


def test_what_was_bet_before_an_edit_only_teaches():
    """After an edit of the margins the game begins anew, with what old is known to be."""
    found = evidence(since=START + 300)
    feed(found, traffic(EQUAL, 600))
    pooled = found["acquire"].pooled
    assert 200 < pooled.warm < 600
    assert pooled.leases(Arm.OLD) + pooled.leases(Arm.NEW) == 300


def test_latency_and_cost_wait_until_old_is_known():
    """Without a warm-up their bets begin when old has a p95 and a cost."""
    found = evidence()
    feed(found, traffic(EQUAL, 300))
    assert found["acquire"].pooled.leases(Arm.OLD) > 200
    assert 0 < found["latency_p95"].pooled.leases(Arm.OLD) < 230
    assert found["latency_p95"].pooled.warm > 200


@pytest.mark.parametrize(
    ("habit", "metric"),
    [
        ({"success": 0.3}, "lease_success"),
        ({"refused": 0.2}, "acquire"),
        ({"fault": 0.2}, "call_success"),
        ({"slower": 2.0}, "latency_p95"),
        ({"refund": 0.6, "success": 0.4}, "refund_ratio"),
    ],
)
def test_each_metric_finds_its_own_harm(habit, metric):
    """A worse arm is found by the metric that it worsens, and an equal one by none."""
    found, equal = evidence(), evidence()
    for each, arms in ((found, against(**habit)), (equal, EQUAL)):
        last = feed(each, traffic(EQUAL, 400, pi=0.0, stage=0))
        feed(each, traffic(arms, 800, start=START + EPOCH, first=last + 1, seed=4))
    assert found[metric].log_e(Side.ROLLBACK) > 9
    assert max(equal[gate.name].log_e(Side.ROLLBACK) for gate in equal.gates) < 3


def test_stock_is_counted_and_gates_nothing():
    """How often there was no number is reported beside the policy's gates."""
    found = evidence()
    feed(found, traffic(against(no_stock=0.5), 800))
    compared = found[STOCK.name].pooled.compared(0.05)
    assert compared is not None
    assert compared.new < 0.6 < compared.old
    assert not STOCK.enforce


def test_parts_of_metrics_no_longer_judged_are_passed_over(parts):
    """A gate that was removed from the policy leaves its counts in the store."""
    fewer = Evidence([gate for gate in GATES if gate.name == "acquire"], 1, EPOCH)
    fewer.restore(parts)
    assert fewer.cursor("acquire") == 1700


def test_an_epoch_is_small(parts):
    """A metric's epoch stays within 5 KB as JSON."""
    assert max(len(json.dumps(part)) for part in parts.values()) <= 5000
