"""What one purchase scores: intention to treat, and everything read at a fixed age."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.leases import LeaseEvent, append_call, apply
from canary.core.model import Arm, Failure, LeaseState, Outcome
from canary.core.scores import (
    PARTS,
    SETTLE,
    Cost,
    Score,
    Slow,
    calls_by,
    drawn_arm,
    is_known,
    is_refunded,
    judged_before,
    score,
)
from canary.core.stats.bins import bin_of
from tests.factories import NOW, tassignment, tlease, tpurchase

W = 1200.0
BAD, GOOD = Score(1, 1), Score(0, 1)
ON_NEW = tpurchase(arm=Arm.NEW, assignment=tassignment())
SPILLED = tpurchase(arm=Arm.OLD, assignment=tassignment(), spilled=True, failure=Failure.CONNECT)
TIMED_OUT = tpurchase(
    outcome=Outcome.UNKNOWN, failure=Failure.TIMEOUT, latency=30.0, assignment=tassignment(arm=Arm.OLD)
)
NO_STOCK = replace(ON_NEW, outcome=Outcome.BUSINESS, code="NO_NUMBERS")
SERVER_FAULT = replace(ON_NEW, outcome=Outcome.PROVIDER, code="ERROR_SQL")
LEASE = tlease(arm=Arm.NEW)
WITH_CODE = replace(LEASE, code_at=NOW + 100)


@pytest.mark.parametrize(
    ("metric", "purchase", "lease", "expected"),
    [
        ("acquire", ON_NEW, LEASE, GOOD),
        ("acquire", NO_STOCK, None, GOOD),
        ("acquire", SERVER_FAULT, None, BAD),
        ("acquire", TIMED_OUT, None, BAD),
        ("acquire", SPILLED, tlease(), BAD),
        ("acquire", replace(ON_NEW, latency=31.0), LEASE, BAD),
        ("stock", ON_NEW, LEASE, GOOD),
        ("stock", NO_STOCK, None, BAD),
        ("stock", SERVER_FAULT, None, None),
        ("lease_success", ON_NEW, WITH_CODE, GOOD),
        ("lease_success", ON_NEW, LEASE, BAD),
        ("lease_success", NO_STOCK, None, None),
        ("lease_success", SERVER_FAULT, None, BAD),
        ("lease_success", SPILLED, replace(WITH_CODE, arm=Arm.OLD), BAD),
        ("lease_success", ON_NEW, None, None),
        ("early_success", ON_NEW, WITH_CODE, GOOD),
        ("refund_ratio", ON_NEW, LEASE, GOOD),
        ("refund_ratio", SPILLED, tlease(), None),
        ("refund_ratio", TIMED_OUT, None, None),
        ("call_success", SPILLED, tlease(), BAD),
        ("call_success", TIMED_OUT, None, BAD),
        ("call_success", SERVER_FAULT, None, None),
        ("call_success", ON_NEW, LEASE, None),
    ],
)
def test_a_purchase_scores_for_the_arm_it_was_drawn_for(metric, purchase, lease, expected):
    """Faults, spillovers and silence count against the drawn arm; stock and other business do not."""
    window = 30.0 if metric in {"acquire", "stock"} else W
    assert score(metric, purchase, lease, window) == expected


def test_a_connection_that_fails_costs_both_arms_the_same():
    """What spills over counts against new exactly as it counts against old, which cannot spill."""
    refused = replace(TIMED_OUT, failure=Failure.CONNECT)
    for metric in ("acquire", "lease_success", "early_success", "call_success", "refund_ratio"):
        assert score(metric, SPILLED, tlease(), W) == score(metric, refused, None, W)


def test_a_spilled_purchase_belongs_to_new():
    """Intention to treat: the draw counts, not who served."""
    assert drawn_arm(SPILLED) is Arm.NEW


def test_calls_count_by_their_failed_fraction():
    """Each of a lease's first calls weighs alike, and faults are read from the packed flags."""
    calls = b""
    for age, fault in ((0, False), (5, True), (10, False), (15, True)):
        calls = append_call(calls, age, bin_of(0.2), fault)
    assert score("call_success", ON_NEW, replace(LEASE, calls=calls), 120.0) == Score(2, 4)


def test_latency_counts_calls_above_each_arms_own_threshold():
    """New is measured against the threshold that its margin allows."""
    calls = b""
    for latency in (0.1, 0.3, 0.5, 0.9):
        calls = append_call(calls, 1, bin_of(latency), fault=False)
    slow = Slow(old=bin_of(0.2), new=bin_of(0.4))
    on_old = tpurchase(assignment=tassignment(arm=Arm.OLD))
    assert score("latency_p95", ON_NEW, replace(LEASE, calls=calls), 120.0, slow) == Score(2, 4)
    assert score("latency_p95", on_old, tlease(calls=calls), 120.0, slow) == Score(3, 4)
    assert score("latency_p95", SPILLED, tlease(calls=calls), 120.0, slow) is None


def test_a_call_without_its_answer_at_the_window_is_not_counted():
    """A call sent just before the window and answered after it was not known then."""
    calls = append_call(append_call(b"", 10, bin_of(0.2), fault=False), 119, bin_of(5.0), fault=True)
    assert len(calls_by(replace(LEASE, calls=calls), 120.0)) == 1


@pytest.mark.parametrize(
    ("changes", "refunded"),
    [
        ({}, False),
        ({"claimed_at": NOW + 300}, True),
        ({"claimed_at": NOW + 300, "code_at": NOW + 400}, False),
        ({"claimed_at": NOW + W + 1}, False),
        ({"state": LeaseState.EXPIRED, "ended_at": NOW + 900}, True),
        ({"state": LeaseState.EXPIRED, "ended_at": NOW + W + 1}, False),
        ({"state": LeaseState.ABANDONED, "ended_at": NOW + 900}, False),
        ({"state": LeaseState.SUCCEEDED, "ended_at": NOW + 900}, False),
    ],
)
def test_what_counts_as_refunded(changes, refunded):
    """A claim, or the provider's word, by the window and without a code."""
    assert is_refunded(replace(LEASE, **changes), W) is refunded


moments = st.floats(min_value=0, max_value=W)
later = st.floats(min_value=W + 1, max_value=10 * W)


@given(st.lists(st.tuples(st.sampled_from([LeaseEvent.CODE, LeaseEvent.CLAIMED]), moments)), later)
def test_a_late_reading_scores_like_a_timely_one(events, after):
    """A code, a cancel or the end of the lifetime after the window changes no score."""
    timely = LEASE
    for event, age in sorted(events, key=lambda item: item[1]):
        if event is LeaseEvent.CLAIMED and timely.claimed_at is None and timely.state is LeaseState.OPEN:
            timely = replace(timely, claimed_at=NOW + age)
        timely = apply(timely, event, NOW + age)
    for event in (LeaseEvent.LIFETIME, LeaseEvent.CODE, LeaseEvent.FINISHED):
        late = apply(timely, event, NOW + after)
        late = replace(late, calls=append_call(late.calls, after, bin_of(0.2), fault=True))
        for metric in ("lease_success", "refund_ratio", "call_success"):
            assert score(metric, ON_NEW, late, W) == score(metric, ON_NEW, timely, W)


SCALE = Cost(Decimal("0.20"), Decimal("0.50"), Decimal("1.10"), {})


def test_the_cost_score_is_right_on_average():
    """Rounding to sixteenths goes up or down by the purchase's hash, so that its mean is exact."""
    scores = [
        score(
            "cost_per_success", replace(ON_NEW, id=f"p-{n}"), replace(LEASE, price=Decimal("0.22")), W, SCALE
        )
        for n in range(4000)
    ]
    mean = sum(found.bad for found in scores if found) / PARTS / len(scores)
    assert mean == pytest.approx((0.22 / 1.10 + 0.20) / 0.70, abs=0.003)


def test_cost_counts_what_was_paid_net_of_refunds():
    """A refunded lease costs nothing, a code earns what a success used to cost, and an unknown price is no bet."""
    paid = replace(WITH_CODE, price=Decimal("0.22"))
    refunded = replace(LEASE, price=Decimal("0.22"), claimed_at=NOW + 300)
    parts = [score("cost_per_success", ON_NEW, lease, W, SCALE) for lease in (paid, refunded)]
    assert [found.bad for found in parts if found] == pytest.approx([0.2 / 0.7 * 16, 0.2 / 0.7 * 16], abs=1)
    assert score("cost_per_success", ON_NEW, replace(paid, price=None), W, SCALE) is None


def test_a_dear_lease_is_capped():
    """One price above the cap cannot leave the score's range."""
    dear = replace(LEASE, price=Decimal(99))
    on_old = tpurchase(assignment=tassignment(arm=Arm.OLD))
    assert score("cost_per_success", on_old, dear, W, SCALE) == Score(16, 16)


def test_a_scale_that_is_missing_is_an_error():
    """Latency and cost have no score without the thresholds that they were frozen with."""
    for metric in ("latency_p95", "cost_per_success"):
        with pytest.raises(TypeError, match=metric):
            score(metric, ON_NEW, LEASE, W)


def test_a_success_without_its_lease_was_lost_on_the_way():
    """A purchase that bought a number must have a lease; what bought nothing needs none."""
    assert not is_known(ON_NEW, None)
    assert is_known(ON_NEW, LEASE)
    assert is_known(NO_STOCK, None)
    assert is_known(TIMED_OUT, None)


def test_scores_are_read_when_every_purchase_has_its_answer():
    """A window shorter than the timeouts waits for those."""
    assert judged_before(NOW, 1200.0, 30.0) == NOW - 1200.0 - SETTLE
    assert judged_before(NOW, 30.0, 60.0) == NOW - 60.0 - SETTLE
