"""The state of a rollout in one sentence."""

from typing import Any

import pytest

from canary.core.model import Decision
from canary.web.headline import LOST, headline
from tests.factories import tdecision


def status(state: str = "running", weight: float = 0.05, **changes: Any) -> dict[str, Any]:
    """A status with two gates that can promote, one of which has passed, and a guard."""
    gates = {
        "lease_success": gate("pass"),
        "acquire": gate("undecided"),
        "early_success": gate("undecided", promote_at=None),
        "stock": gate("pass", enforced=False),
        "contract": {"verdict": "pass", "enforced": True, "evidence": None},
    }
    return {
        "state": state,
        "stage": "canary",
        "weight": weight,
        "safe_arm": "old",
        "verdict": {"kind": "hold", "reasons": ["acquire lacks data"]},
        "metrics": gates,
        "controller": {"heartbeat_age": 1.0},
        **changes,
    }


def gate(verdict: str, *, enforced: bool = True, promote_at: float | None = 20.0) -> dict[str, Any]:
    return {"verdict": verdict, "enforced": enforced, "evidence": {"promote_at": promote_at}}


@pytest.mark.parametrize(
    ("found", "sentence", "tone"),
    [
        (status(), "Holding at 5%, 1 of 2 gates cleared.", "calm"),
        (status(metrics={}), "Holding at 5%.", "calm"),
        (status(weight=0), "Shadowing: no new lease goes to new yet.", "calm"),
        (status(weight=1), "Cut over: every new lease goes to new.", "calm"),
        (status("paused"), "Paused at 5%. Harm still rolls back.", "waiting"),
        (status("awaiting_approval"), "Stage canary is cleared. The next one waits for approval.", "waiting"),
        (status("rolled_back", 0), "Rolled back: no new lease goes to new.", "alarm"),
        (status("complete", 1), "Complete: every new lease goes to new.", "calm"),
        (
            status(verdict={"kind": "rollback", "reasons": ["worse"]}),
            "Harm found at 5%, 1 of 2 gates cleared.",
            "alarm",
        ),
    ],
)
def test_each_state_has_its_sentence(found: dict[str, Any], sentence: str, tone: str) -> None:
    """What holds, how far the gates are, and whether somebody has to act."""
    said = headline(found, [])
    assert (said.sentence, said.tone) == (sentence, tone)


@pytest.mark.parametrize(
    ("age", "seen"), [(None, "has not been seen yet"), (LOST + 65, "was last seen 2 min ago")]
)
def test_a_dead_controller_comes_first(age: float | None, seen: str) -> None:
    """Nobody is watching: that is the news, whatever the last verdict was."""
    said = headline(status(controller={"heartbeat_age": age}), [])
    assert said.sentence == f"Nobody is watching: the controller {seen}, so new leases go to old."
    assert said.tone == "alarm"


def test_a_rollout_that_is_over_needs_no_controller() -> None:
    """After a rollback or completion nothing is judged."""
    found = status("rolled_back", 0, controller={"heartbeat_age": None})
    assert headline(found, []).sentence.startswith("Rolled back")


@pytest.mark.parametrize(
    ("last", "state", "why"),
    [
        (
            tdecision(event="rollback", actor="ada", reason="codes stopped"),
            "rolled_back",
            ("rollback by ada: codes stopped",),
        ),
        (
            tdecision(event="rollback", actor="ada", reason=""),
            "rolled_back",
            ("rollback by ada, without a reason",),
        ),
        (tdecision(event="harm"), "rolled_back", ("acquire lacks data",)),
        (
            tdecision(event="pause", actor="ada", reason="lunch"),
            "paused",
            ("pause by ada: lunch", "acquire lacks data"),
        ),
        (tdecision(event="promote", actor="ada"), "running", ("acquire lacks data",)),
    ],
)
def test_what_an_operator_did_has_the_operator_s_reason(
    last: Decision, state: str, why: tuple[str, ...]
) -> None:
    """The controller's reasons explain its own acts only."""
    assert headline(status(state), [last]).why == why
