"""The verdict: the order of its rules, what it latches, and what it tells the operator."""

import json
from dataclasses import replace
from typing import Any

import pytest

from canary.core.check import Check
from canary.core.evidence import Evidence
from canary.core.measure import Finding
from canary.core.model import Arm
from canary.core.pairs import Pairs
from canary.core.policy.gates import Gates
from canary.core.policy.model import ErrorRates, Policy
from canary.core.stats.eprocess import Side
from canary.core.verdict import StageFacts, Verdict, VerdictKind, judge, stage_facts
from tests.core.traffic import EPOCH, EQUAL, START, Behaviour, against, feed, traffic
from tests.factories import NOW, trollout

GATES = Gates.all().resolved(1200.0)
RATES = ErrorRates()
CANARY = StageFacts(index=1, weight=0.25, held=7200.0, hold=3600.0)
SHADOW = StageFacts(index=0, weight=0.0, held=7200.0, hold=3600.0, warmup_leases=200)


def warm(gates: Any = GATES) -> tuple[Evidence, int]:
    evidence = Evidence(gates, 1, EPOCH)
    return evidence, feed(evidence, traffic(EQUAL, 400, pi=0.0, stage=0))


def observed(arms: Any, n: int, gates: Any = GATES, **options: Any) -> Evidence:
    """A warm-up, then ``n`` purchases split between these arms."""
    evidence, last = warm(gates)
    feed(evidence, traffic(arms, n, start=START + EPOCH, first=last + 1, **{"seed": 4, **options}))
    return evidence


@pytest.fixture(scope="module")
def equal() -> Evidence:
    return observed(EQUAL, 4000, pi=0.25)


@pytest.fixture(scope="module")
def worse() -> Evidence:
    return observed(against(success=0.3, refund=0.6), 800)


def only(verdict: Verdict) -> str:
    [reason] = verdict.reasons
    return reason


# --- rollback -----------------------------------------------------------------------------------------------------


def test_harm_rolls_back_and_says_why(worse):
    """The reason names the metric, both values, the leases, the margin and the meaning of the chance."""
    verdict = judge(worse, CANARY, RATES)
    assert verdict.kind is VerdictKind.ROLLBACK
    n = worse["refund_ratio"].pooled.leases(Arm.NEW)
    metric = verdict.metrics["refund_ratio"]
    assert metric.verdict is Finding.HARM
    assert (
        f"refund ratio of new is {metric.new.value:.2f} against {metric.old.value:.2f} on old over {n} matured "
        "leases; the allowed difference is 0.03; the chance of such evidence if new were within the margin is "
        "below 1 in 1000"
    ) in verdict.reasons


def test_harm_in_a_reported_metric_rolls_nothing_back(worse):
    """A gate that is not enforced is shown, and decides nothing."""
    gates = tuple(replace(gate, enforce=False) for gate in GATES)
    verdict = judge(observed(against(success=0.3, refund=0.6), 800, gates), CANARY, RATES)
    assert verdict.metrics["refund_ratio"].verdict is Finding.HARM
    assert verdict.kind is not VerdictKind.ROLLBACK


def test_proven_harm_stays_proven(worse):
    """The highest evidence so far counts: by Ville's inequality the level holds for it too."""
    seen = judge(worse, CANARY, RATES)
    fresh, _ = warm()
    peaks = json.loads(json.dumps(seen.peaks))
    assert judge(fresh, CANARY, RATES).kind is VerdictKind.HOLD
    assert judge(fresh, CANARY, RATES, peaks=peaks).kind is VerdictKind.ROLLBACK


def test_earlier_attempts_are_remembered(worse):
    """What was risked before is added up, and said where it matters."""
    verdict = judge(worse, CANARY, RATES, spent=0.01)
    assert verdict.alpha_spent == pytest.approx(0.02)
    assert "with this one the chance of any is at most 0.02" in verdict.reasons[-1]


def test_proven_latency_harm_is_a_ratio():
    """Latency is told in seconds, and its margin as a factor."""
    verdict = judge(observed(against(slower=2.0), 800), CANARY, RATES)
    [reason] = [reason for reason in verdict.reasons if "latency" in reason]
    assert reason.startswith("p95 latency of new is 0.")
    assert " s against 0." in reason
    assert "the allowed ratio is 1.25" in reason


# --- advance ------------------------------------------------------------------------------------------------------


def test_an_equal_arm_advances(equal):
    """Every gate within its margin, time and leases there: the stage is left, each gate with its reason."""
    verdict = judge(equal, CANARY, RATES)
    assert verdict.kind is VerdictKind.ADVANCE
    assert verdict.reasons[0] == "the stage has held for 2 h"
    assert any(
        reason.startswith("success rate of leases of new is 0.8")
        and reason.endswith("if new were worse by 0.05 or more is below 1 in 20")
        for reason in verdict.reasons
    )


def test_a_guard_need_not_pass(equal):
    """Early success has no promote margin, and does not keep the stage."""
    verdict = judge(equal, CANARY, RATES)
    assert verdict.metrics["early_success"].verdict is Finding.UNDECIDED
    assert verdict.kind is VerdictKind.ADVANCE


def test_the_hold_is_waited_for(equal):
    """Evidence alone does not shorten a stage."""
    verdict = judge(equal, replace(CANARY, held=1800.0, hold=86400.0), RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert only(verdict) == "the stage holds for 24 h; 23 h 30 min are left"


def test_the_leases_of_a_stage_are_waited_for(equal):
    """The policy's own minimum counts leases on new that matured in this stage."""
    n = equal["lease_success"].pooled.leases(Arm.NEW)
    verdict = judge(equal, replace(CANARY, min_leases=5000), RATES)
    assert only(verdict) == (
        f"success rate of leases: {n} leases have matured in this stage; at least 5000 are needed"
    )


def test_a_stage_without_traffic_is_not_left(equal):
    """Evidence of an earlier stage stays, but a stage that saw nothing has shown nothing."""
    verdict = judge(equal, replace(CANARY, index=2), RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert (
        "success rate of leases: 0 leases have matured in this stage; at least 10 are needed"
        in verdict.reasons
    )


def test_what_was_proven_stays_proven(equal):
    """A gate that passed in one stage has passed in the next: its evidence is latched."""
    seen = judge(equal, CANARY, RATES)
    evidence, last = warm()
    feed(evidence, traffic(EQUAL, 80, pi=0.5, stage=2, start=START + EPOCH, first=last + 1))
    verdict = judge(evidence, replace(CANARY, index=2), RATES, peaks=seen.peaks)
    assert verdict.kind is VerdictKind.ADVANCE


def test_no_data_decides_nothing():
    """Without a single lease there is a hold with its reasons, even long after every time limit."""
    empty = Evidence(GATES, 1, EPOCH)
    for max_hold in (None, 3600.0):
        verdict = judge(empty, replace(CANARY, max_hold=max_hold), RATES)
        assert verdict.kind is VerdictKind.HOLD
        assert {metric.verdict for metric in verdict.metrics.values()} == {Finding.NO_DATA}
    assert any(
        "has no data of both arms yet: 0 matured leases on old, 0 on new" in text for text in verdict.reasons
    )


def test_too_little_data_says_what_is_missing():
    """An undecided gate tells how far its evidence is."""
    verdict = judge(observed(EQUAL, 60), CANARY, RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert any("the evidence that new is not worse by 0.05 or more stands at" in r for r in verdict.reasons)
    assert any("of the 20 needed" in reason for reason in verdict.reasons)


def test_a_policy_without_gates_still_needs_leases():
    """With nothing to test, a stage is left only after it has seen leases."""
    evidence = Evidence((), 1, EPOCH)
    assert judge(evidence, CANARY, RATES).kind is VerdictKind.HOLD
    feed(evidence, traffic(EQUAL, 200))
    assert judge(evidence, CANARY, RATES).kind is VerdictKind.ADVANCE


@pytest.mark.parametrize(
    ("on_undecided", "kind"), [("hold", VerdictKind.HOLD), ("rollback", VerdictKind.ROLLBACK)]
)
def test_the_horizon_never_promotes(on_undecided, kind):
    """After the longest time the policy may give up; waiting promotes nothing."""
    stage = replace(CANARY, max_hold=7200.0, on_undecided=on_undecided)
    verdict = judge(observed(EQUAL, 60), stage, RATES)
    assert verdict.kind is kind
    assert verdict.reasons[0].startswith("undecided after 2 h")


# --- what comes before --------------------------------------------------------------------------------------------


def test_a_lopsided_sample_stops_everything(equal):
    """With leases of one arm lost, not even harm is believed."""

    def losing(bought):
        return (row for row in bought if row[1].assignment.arm is Arm.OLD or row[0] % 3)

    evidence, last = warm()
    feed(evidence, losing(traffic(against(success=0.1), 3000, start=START + EPOCH, first=last + 1)))
    verdict = judge(evidence, CANARY, RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.metrics["lease_success"].verdict is Finding.HARM
    assert "where the design leads one to expect 25.00%" in verdict.reasons[0]
    assert "below 1 in 1000" in verdict.reasons[0]


def test_lost_outcomes_of_one_arm_are_lopsided_too():
    """Purchases that are all there, but whose leases are missing on new, show in the matured sample."""

    def forgetting(bought):
        for serial, purchase, lease in bought:
            lost = purchase.assignment.arm is Arm.NEW and serial % 2
            yield serial, purchase, None if lost else lease

    evidence, last = warm()
    feed(evidence, forgetting(traffic(EQUAL, 2000, start=START + EPOCH, first=last + 1)))
    verdict = judge(evidence, CANARY, RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert "matured purchases belong to new" in only(verdict)


def test_trouble_of_both_arms_pauses_and_does_not_roll_back():
    """When old fails as new does, the operator is asked."""
    down = Behaviour(success=0.05, refund=0.5)
    verdict = judge(observed({Arm.OLD: down, Arm.NEW: down}, 600), CANARY, RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.pause
    assert "is down on both arms" in verdict.reasons[0]


# --- stages without a comparison ----------------------------------------------------------------------------------


def test_a_shadow_stage_is_left_when_old_is_known():
    """Leases cannot be judged without new; time, a warm-up and answers that agree are enough."""
    evidence, _ = warm()
    verdict = judge(evidence, SHADOW, RATES, pairs={"call_success": Pairs(2, 3, 5, 990)})
    assert verdict.kind is VerdictKind.ADVANCE
    assert "leases cannot be judged here" in verdict.reasons[-1]
    assert verdict.metrics["lease_success"].verdict is Finding.NO_DATA
    assert verdict.metrics["call_success"].verdict is Finding.UNDECIDED
    assert verdict.metrics["call_success"].new.value == pytest.approx(0.993)


def test_a_shadow_stage_waits_for_its_warm_up():
    """Old must be known before anything is compared with it."""
    verdict = judge(Evidence(GATES, 1, EPOCH), SHADOW, RATES)
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.reasons[0] == "0 leases on old have matured; 200 are needed to know what old is like"


def test_answers_that_are_worse_keep_the_shadow_stage():
    """Lone failures of new beyond the margin block, with the number of pairs."""
    evidence, _ = warm()
    verdict = judge(evidence, SHADOW, RATES, pairs={"call_success": Pairs(40, 2, 5, 953)})
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.reasons[0].startswith(
        "success rate of calls of new is 0.955 against 0.993 on old over 1000 pairs"
    )


def test_a_significant_but_small_difference_of_answers_blocks_nothing():
    """Within the margin new may be a little worse."""
    evidence, _ = warm()
    verdict = judge(evidence, SHADOW, RATES, pairs={"call_success": Pairs(40, 2, 0, 99958)})
    assert verdict.kind is VerdictKind.ADVANCE


def test_a_full_cutover_is_over_when_its_hold_is(equal):
    """Without a control arm nothing is left to prove: the stage waits for its hold, and says that it judged nothing."""
    cutover = replace(CANARY, index=4, weight=1.0, hold=3600.0)
    holding = judge(equal, replace(cutover, held=60.0), RATES)
    assert holding.kind is VerdictKind.HOLD
    assert "no control arm" in holding.reasons[1]
    over = judge(equal, replace(cutover, held=3600.0), RATES)
    assert over.kind is VerdictKind.ADVANCE
    assert "no control arm" in only(over)


def test_a_cutover_with_a_hold_back_is_judged():
    """Three percent on old are a control arm."""
    harmed = judge(
        observed(against(success=0.1), 3000, pi=0.97, stage=4), replace(CANARY, index=4, weight=0.97), RATES
    )
    assert harmed.kind is VerdictKind.ROLLBACK


# --- checks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [CANARY, SHADOW])
def test_a_failed_check_keeps_any_stage(equal, stage):
    """Contract differences above what the policy allows block, and are named."""
    check = Check("contract", found=3, seen=900, detail="getPrices: 2, getBalance: 1")
    verdict = judge(equal, stage, RATES, checks=[check], pairs={})
    assert verdict.kind is VerdictKind.HOLD
    assert "contract: 3 found, 0 allowed (getPrices: 2, getBalance: 1)" in verdict.reasons
    assert verdict.as_json()["metrics"]["contract"]["verdict"] == "harm"


def test_a_check_that_only_reports_blocks_nothing(equal):
    """Unmapped actions block the cutover alone; before that they are shown."""
    check = Check("coverage", found=1, seen=20, blocks=False)
    verdict = judge(equal, CANARY, RATES, checks=[check])
    assert verdict.kind is VerdictKind.ADVANCE
    assert verdict.as_json()["metrics"]["coverage"]["new"] == {"n": 20, "value": 1}


@pytest.mark.parametrize(("stage", "kind"), [(CANARY, VerdictKind.ROLLBACK), (SHADOW, VerdictKind.HOLD)])
def test_a_count_that_is_harm_rolls_back_whatever_old_is_like(equal, stage, kind):
    """Refunds that never came need no control arm; without leases on new there is nothing to end."""
    check = Check("refunds", found=12, allowed=9, seen=40, rolls_back=True)
    verdict = judge(equal, stage, RATES, checks=[check], pairs={})
    assert verdict.kind is kind
    assert "refunds: 12 found, 9 allowed" in verdict.reasons
    whole = replace(CANARY, weight=1.0)
    assert judge(equal, whole, RATES, checks=[check]).kind is VerdictKind.ROLLBACK


# --- the look itself ----------------------------------------------------------------------------------------------


def test_a_verdict_is_json(worse):
    """Status and decisions store it as it is."""
    verdict = judge(worse, CANARY, RATES, checks=[Check("contract", 0, seen=5)])
    shown = json.loads(json.dumps(verdict.as_json(), allow_nan=False))
    assert shown["kind"] == "rollback"
    assert set(shown["metrics"]) == {gate.name for gate in GATES} | {"stock", "contract"}
    metric = shown["metrics"]["lease_success"]
    assert metric["difference"] == pytest.approx(metric["new"]["value"] - metric["old"]["value"])
    assert metric["interval"][0] <= metric["difference"] <= metric["interval"][1]
    assert metric["evidence"]["rollback"] >= metric["evidence"]["rollback_at"] == pytest.approx(100 / 0.35)
    refunds = shown["metrics"]["refund_ratio"]
    assert refunds["difference"] > 0
    assert refunds["interval"][0] <= refunds["difference"] <= refunds["interval"][1]


def test_the_same_evidence_gives_the_same_verdict(equal):
    """A decision can be recomputed from the store."""
    again = Evidence(GATES, 1, EPOCH)
    source = observed(EQUAL, 4000, pi=0.25)
    again.restore(json.loads(json.dumps(source.take_changed())))
    first, second = judge(equal, CANARY, RATES), judge(again, CANARY, RATES)
    assert first.reasons == second.reasons
    for name, metric in first.metrics.items():
        assert second.metrics[name].as_json()["evidence"] == pytest.approx(metric.as_json()["evidence"])


def test_peaks_only_rise(equal):
    """A look with weaker evidence keeps the stronger one of before."""
    peaks = {"acquire": {"rollback": 3.0, "promote": 500.0}}
    after = judge(equal, CANARY, RATES, peaks=peaks).peaks
    assert after["acquire"] == peaks["acquire"]
    assert after["lease_success"][Side.PROMOTE] == pytest.approx(equal["lease_success"].log_e(Side.PROMOTE))


def test_the_facts_of_a_stage_come_from_the_policy():
    """Time in the stage from the rollout, the rest from the policy."""
    arms = {name: {"url": f"https://{name}.example/api"} for name in ("old", "new")}
    policy = Policy.model_validate({"name": "p", "arms": arms})
    facts = stage_facts(policy, trollout(since=NOW - 60), NOW)
    assert facts == StageFacts(1, 0.05, 60.0, 86400.0, None, 100, 200, "hold")
