"""The basis of a decision: kept as JSON, and enough to judge again."""

import json
from math import inf

import pytest

from canary.core.basis import Basis, Ground, event_of
from canary.core.model import Arm
from canary.core.policy.model import Policy
from canary.core.stage import Event
from canary.core.verdict import StageFacts, Verdict, VerdictKind
from tests.core.traffic import START, against, feed, traffic

STAGE = StageFacts(1, 0.25, 7200.0, 3600.0, None, 20, 200, "rollback")
ARMS = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}


def basis(since: float = -inf, risked: float = 0.0) -> Basis:
    return Basis(Ground(1, since, 1200.0), STAGE, {"acquire": 7}, {"acquire": {"rollback": 0.25}}, risked)


def policy(**changes: object) -> Policy:
    return Policy.model_validate({"name": "t", "arms": ARMS, **changes})


@pytest.mark.parametrize("since", [-inf, START])
def test_a_basis_survives_as_plain_json(since: float) -> None:
    """It is written without what JSON does not have, and read again as it was."""
    kept = json.loads(json.dumps(basis(since).as_json(), allow_nan=False))
    assert Basis.from_json(kept) == basis(since)


@pytest.mark.parametrize("damage", [{"ground": None}, {"stage": {"index": 1, "surprise": 2}}])
def test_another_versions_basis_is_refused(damage: dict[str, object]) -> None:
    """What cannot be read is no basis."""
    with pytest.raises((KeyError, TypeError)):
        Basis.from_json(basis().as_json() | damage)


def test_the_ground_fixes_gates_and_prices() -> None:
    """Evidence reads leases at the policy's maturity, or else at their lifetime, and knows both arms' prices."""
    arms = {name: arm | {"price_factor": 2 if name == "new" else 1} for name, arm in ARMS.items()}
    found = basis().ground.evidence(policy(arms=arms))
    assert {gate.name: gate.window for gate in found.gates}["lease_success"] == 1200.0
    assert found._factors[Arm.NEW] == 2
    found = basis().ground.evidence(policy(maturity="30m"))
    assert {gate.name: gate.window for gate in found.gates}["lease_success"] == 1800.0


def test_the_same_basis_gives_the_same_verdict() -> None:
    """Judging twice from one basis gives one verdict; what was spent before is in it."""
    terms = policy()
    verdicts = []
    for _ in range(2):
        evidence = basis(risked=0.02).ground.evidence(terms)
        feed(evidence, traffic(against(success=0.2), 300))
        verdicts.append(basis(risked=0.02).judge(evidence, terms))
    assert verdicts[0] == verdicts[1]
    assert verdicts[0].kind is VerdictKind.ROLLBACK
    assert verdicts[0].alpha_spent == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("kind", "pause", "event"),
    [
        (VerdictKind.ADVANCE, False, Event.ADVANCE),
        (VerdictKind.ROLLBACK, False, Event.HARM),
        (VerdictKind.HOLD, True, Event.PAUSE),
        (VerdictKind.HOLD, False, None),
    ],
)
def test_a_verdict_asks_for_an_event(kind: VerdictKind, pause: bool, event: Event | None) -> None:
    """Advance, harm, pause, or nothing."""
    assert event_of(Verdict(kind, (), pause=pause)) is event
