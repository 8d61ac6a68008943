"""What the gate says of a status, stage by stage."""

from typing import Any

import pytest

from canary.store.store import Store
from canary.web.gate import Answer, Outcome, UnknownStage, gate_of, judged
from tests.factories import FakeClock
from tests.web.serving import NAME

LONG_AGO = 3600.0


def found(**verdicts: str) -> dict[str, Any]:
    """Metrics of a verdict; a name with ``_reported`` is of a gate that is not enforced. The contract has no arms."""
    return {
        name.removesuffix("_reported"): {
            "verdict": verdict,
            "enforced": not name.endswith("_reported"),
            "old": None if name == "contract" else {"n": 0, "value": None},
        }
        for name, verdict in verdicts.items()
    }


def tstatus(kind: str = "hold", **changes: Any) -> dict[str, Any]:
    """A running canary under a controller that lives, whose gates are undecided."""
    status = {
        "name": "t",
        "stage": "canary",
        "stage_index": 1,
        "state": "running",
        "weight": 0.05,
        "controller": {"heartbeat_age": 2.0},
        "verdict": {"kind": kind, "reasons": ["the stage holds for 24 h; 3 h are left"]},
        "metrics": found(acquire="undecided"),
    }
    return status | changes


def ask(status: dict[str, Any], first: dict[str, Any] | None = None) -> Answer:
    return judged(status, first or status)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (tstatus(state="complete", controller={"heartbeat_age": LONG_AGO}), Outcome.CLEARED),
        (tstatus(state="awaiting_approval"), Outcome.CLEARED),
        (tstatus("advance"), Outcome.CLEARED),
        (tstatus("advance", state="paused"), Outcome.CLEARED),
        (tstatus(state="rolled_back", controller={"heartbeat_age": None}), Outcome.HARM),
        (tstatus("rollback"), Outcome.HARM),
        (tstatus(weight=0.0, metrics=found(call_success="harm")), Outcome.HARM),
        (tstatus(weight=0.0, metrics=found(contract="harm", acquire="no_data")), Outcome.HARM),
        (tstatus(weight=0.0, metrics=found(call_success_reported="harm")), Outcome.UNDECIDED),
        (tstatus(metrics=found(acquire="harm")), Outcome.UNDECIDED),  # held: the sample is lopsided
        (tstatus(), Outcome.UNDECIDED),
        (tstatus(state="paused"), Outcome.UNDECIDED),
        (tstatus(weight=0.0, metrics=found(acquire="no_data")), Outcome.UNDECIDED),
        (tstatus(metrics=found(acquire="no_data", stock_reported="undecided")), Outcome.NO_DATA),
        (tstatus(metrics=found(acquire="no_data", contract="pass")), Outcome.NO_DATA),
        (tstatus(metrics={}), Outcome.NO_DATA),
        (tstatus(controller={"heartbeat_age": None}), Outcome.NO_DATA),
        (tstatus("advance", controller={"heartbeat_age": LONG_AGO}), Outcome.NO_DATA),
        (tstatus(state="awaiting_approval", controller={"heartbeat_age": LONG_AGO}), Outcome.NO_DATA),
    ],
)
def test_an_outcome_follows_from_the_status(status: dict[str, Any], outcome: Outcome) -> None:
    """What has ended is final; what nobody watches is no data; the rest follows from the verdict."""
    assert ask(status).outcome is outcome


def test_a_later_stage_clears_the_one_that_was_waited_for() -> None:
    """While waiting the rollout may have moved on between two looks."""
    answer = ask(tstatus(stage="quarter", stage_index=2), tstatus())
    assert answer.outcome is Outcome.CLEARED
    assert answer.sentence == "cleared: t is running in stage quarter; it has left stage canary"


def test_harm_in_a_later_stage_is_harm() -> None:
    """Having moved on excuses nothing."""
    assert ask(tstatus("rollback", stage_index=2), tstatus()).outcome is Outcome.HARM


def test_the_sentence_gives_the_reasons() -> None:
    """One line: the outcome, where the rollout is, and why."""
    assert ask(tstatus()).sentence == (
        "undecided: t is running in stage canary; the stage holds for 24 h; 3 h are left"
    )
    assert ask(tstatus(controller={"heartbeat_age": LONG_AGO})).sentence == (
        "no data: t is running in stage canary; the controller was last seen 1 h ago; "
        "start it with canary run or canary controller"
    )


# --- a stage that is asked for --------------------------------------------------------------------------------

LATER = {"stage": "quarter", "stage_index": 2}
EARLIER = {"stage": "shadow", "stage_index": 0}


@pytest.mark.parametrize(
    ("status", "asked", "outcome"),
    [
        (tstatus(), EARLIER, Outcome.CLEARED),
        (tstatus("advance"), LATER, Outcome.UNDECIDED),
        (tstatus(state="awaiting_approval"), LATER, Outcome.UNDECIDED),
        (tstatus("rollback"), LATER, Outcome.HARM),
        (tstatus(state="complete"), LATER, Outcome.CLEARED),
        (tstatus("advance", stage="quarter", stage_index=2), LATER, Outcome.CLEARED),
        (tstatus(controller={"heartbeat_age": None}), EARLIER, Outcome.NO_DATA),
    ],
)
def test_a_stage_can_be_asked_for(status: dict[str, Any], asked: dict[str, Any], outcome: Outcome) -> None:
    """Cleared once it is, or was left; a stage before it clears nothing; harm and blindness are told of any."""
    assert judged(status, asked).outcome is outcome


def test_a_stage_that_is_still_to_come_is_named() -> None:
    """The sentence says what is waited for."""
    assert judged(tstatus(), LATER).why == "t is running in stage canary; it has not reached stage quarter"


def test_a_stage_that_is_none_is_refused(store: Store, clock: FakeClock) -> None:
    """A misspelt stage would be waited for without end; the right names are told."""
    with pytest.raises(UnknownStage, match="the policy has canary, half, cutover"):
        gate_of(store, NAME, clock(), "quarter")
    assert gate_of(store, NAME, clock(), "half").outcome is Outcome.NO_DATA
