"""One metric at one look."""

from math import inf, log

import pytest

from canary.core.evidence import Evidence
from canary.core.measure import (
    ArmValue,
    Finding,
    MetricVerdict,
    Weighed,
    measure,
    measure_pairs,
    peaks_of,
    unmeasured,
)
from canary.core.model import Arm
from canary.core.pairs import Pairs
from canary.core.policy.gates import Gate, Gates
from canary.core.policy.model import ErrorRates
from tests.core.traffic import EPOCH, EQUAL, START, against, feed, traffic

GATES = {gate.name: gate for gate in Gates.all().resolved(1200.0)}
CALLS = Gate("call_success", 0.01, 0.02, 120.0, 0.15)
RATES = ErrorRates()


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    found = Evidence(tuple(GATES.values()), 1, EPOCH)
    last = feed(found, traffic(EQUAL, 400, pi=0.0, stage=0))
    feed(found, traffic(against(slower=1.2), 1500, start=START + EPOCH, first=last + 1))
    return found


def test_rates_are_fractions_latency_seconds_and_cost_money(evidence):
    """Each metric is shown in its own unit, and compared by difference or by ratio."""
    found = {name: measure(evidence, gate, RATES, {}) for name, gate in GATES.items()}
    assert found["lease_success"].old.value == pytest.approx(0.85, abs=0.03)
    assert found["refund_ratio"].old.value == pytest.approx(0.10, abs=0.03)
    assert found["latency_p95"].old.value == pytest.approx(0.46, rel=0.1)
    assert found["latency_p95"].difference == pytest.approx(1.2, rel=0.1)
    assert found["cost_per_success"].old.value == pytest.approx(12.5 / 0.85 * 0.9, rel=0.1)
    assert found["cost_per_success"].difference == pytest.approx(1, rel=0.1)
    assert found["lease_success"].new.n == evidence["lease_success"].pooled.leases(Arm.NEW)


def test_each_gate_has_its_share_of_alpha(evidence):
    """The thresholds are 1/(share x alpha) for harm and 1/beta for equality."""
    weighed = measure(evidence, GATES["acquire"], RATES, {}).evidence
    assert weighed is not None
    assert weighed.rollback_at == pytest.approx(log(1 / (0.15 * 0.01)))
    assert weighed.promote_at == pytest.approx(log(20))


def test_the_highest_evidence_counts(evidence):
    """A peak of an earlier look is not lost."""
    weighed = measure(evidence, GATES["acquire"], RATES, {"acquire": {"rollback": 99.0}}).evidence
    assert weighed is not None
    assert weighed.rollback == 99.0


def test_pairs_need_evidence_and_a_difference_above_the_margin():
    """A difference that is sure but small is no harm, nor is one that is large but unsure."""
    assert measure_pairs(CALLS, Pairs(60, 5, 0, 935), RATES).verdict is Finding.HARM
    assert measure_pairs(CALLS, Pairs(60, 5, 0, 99935), RATES).verdict is Finding.UNDECIDED
    assert measure_pairs(CALLS, Pairs(2, 0, 0, 20), RATES).verdict is Finding.UNDECIDED
    assert measure_pairs(CALLS, Pairs(), RATES).verdict is Finding.NO_DATA


def test_peaks_are_json_without_infinities():
    """A guard has no promotion to remember, and pairs are not remembered at all."""
    guard = MetricVerdict(
        "early_success", Finding.UNDECIDED, ArmValue(), ArmValue(), evidence=Weighed(1.0, 7.0)
    )
    paired = measure_pairs(CALLS, Pairs(2, 1, 0, 9), RATES)
    peaks = peaks_of({"early_success": guard, "call_success": paired}, {"acquire": {"promote": 4.0}})
    assert peaks == {"acquire": {"promote": 4.0}, "early_success": {"rollback": 1.0}}


def test_an_infinite_interval_end_is_shown_as_nothing():
    """JSON has no infinity."""
    found = MetricVerdict("latency_p95", Finding.UNDECIDED, ArmValue(), ArmValue(), interval=(0.5, inf))
    assert found.as_json()["interval"] == [0.5, None]


def test_what_cannot_be_measured_has_no_data():
    """In a stage without a comparison the metric says so."""
    found = unmeasured(CALLS)
    assert (found.verdict, found.old.value, found.margin) == (Finding.NO_DATA, None, 0.01)
