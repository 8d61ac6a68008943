"""Whether a verdict made again says what was recorded."""

from dataclasses import replace
from typing import Any

import pytest

from canary.core.measure import ArmValue, Finding, MetricVerdict, Weighed
from canary.core.verdict import Verdict, VerdictKind
from canary.toolkit.agreement import disagreements
from tests.factories import tdecision

SAID = "success rate of leases of new is 0.81 against 0.85 on old over 412 matured leases"
METRIC = MetricVerdict(
    "lease_success",
    Finding.PASS,
    ArmValue(400, 0.85),
    ArmValue(412, 0.81),
    -0.04,
    (-0.1, 0.02),
    0.02,
    Weighed(-1.0, 4.96, 3.1, 3.0),
)
VERDICT = Verdict(VerdictKind.ADVANCE, (SAID,), {"lease_success": METRIC}, alpha_spent=0.01)


def recorded(**changes: Any) -> Any:
    """The decision that was made on the verdict."""
    evidence = VERDICT.as_json() | {"basis": {"any": "thing"}}
    return tdecision(**{"event": "advance", "reason": SAID, "evidence": evidence, **changes})


def found(decision: Any, verdict: Verdict = VERDICT) -> list[str]:
    return list(disagreements(decision, verdict))


def test_the_same_verdict_agrees() -> None:
    """Equal kind, reasons and numbers are no difference."""
    assert found(recorded()) == []


def test_numbers_may_differ_in_their_last_bits() -> None:
    """Sums that were taken in another order agree to a billionth, and no further."""
    near = replace(METRIC, difference=-0.04 - 1e-12)
    far = replace(METRIC, difference=-0.04 - 1e-6)
    assert found(recorded(), replace(VERDICT, metrics={"lease_success": near})) == []
    [said] = found(recorded(), replace(VERDICT, metrics={"lease_success": far}))
    assert said.startswith("metrics.lease_success.difference: recorded -0.04, recomputed -0.040001")


def test_each_difference_has_its_place() -> None:
    """Kind, event, a missing metric and a longer list are each told with both values."""
    held = replace(VERDICT, kind=VerdictKind.HOLD, reasons=(SAID, "and more"), metrics={})
    said = found(recorded(), held)
    assert "kind: recorded 'advance', recomputed 'hold'" in said
    assert "event: recorded 'advance', recomputed None" in said
    assert any(text.startswith("metrics.lease_success: recorded {") for text in said)
    assert any(text.startswith("reasons: recorded [") for text in said)
    assert any(text.startswith("reason: recorded ") for text in said)


@pytest.mark.parametrize(
    ("sentence", "agrees"),
    [
        (SAID.replace("0.81", "0.82"), True),  # 0.815 may be rounded either way
        (SAID.replace("0.81", "0.83"), False),
        (SAID.replace("412", "413"), False),
        (SAID.replace("new", "old"), False),
        (SAID + ".", False),
    ],
)
def test_sentences_agree_but_for_rounding(sentence: str, agrees: bool) -> None:
    """The last decimal of a number may be rounded apart; counts and words may not differ."""
    verdict = replace(VERDICT, reasons=(sentence,))
    assert (found(recorded(), verdict) == []) is agrees


def test_truth_is_no_number() -> None:
    """A flag that was recorded as a number is a difference."""
    evidence = VERDICT.as_json() | {"pause": 0}
    assert found(recorded(evidence=evidence)) == ["pause: recorded 0, recomputed False"]
