"""The state of a rollout in one sentence, and why: what an operator reads first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from canary.core.model import Decision, RolloutState
from canary.core.policy.notation import in_words, show_share
from canary.core.stage import Event

LOST = 60.0
"""Seconds without a sign of life after which the controller is taken for dead."""

_OVER = frozenset({RolloutState.ROLLED_BACK, RolloutState.COMPLETE})


@dataclass(frozen=True, slots=True)
class Headline:
    """``tone`` is ``calm``, ``waiting`` for somebody, or ``alarm``."""

    sentence: str
    why: tuple[str, ...]
    tone: str


def headline(status: Mapping[str, Any], decisions: Sequence[Decision]) -> Headline:
    """The headline of a status.

    Args:
        decisions: in order; only the last one is told of.
    """
    state = RolloutState(status["state"])
    if _unwatched(status) and state not in _OVER:
        return Headline(_seen_last(status), tuple(status["verdict"]["reasons"]), "alarm")
    sentence, tone = _SENTENCES[state](status)
    return Headline(sentence, _why(status, state, decisions), tone)


def _unwatched(status: Mapping[str, Any]) -> bool:
    age = status["controller"]["heartbeat_age"]
    return age is None or age > LOST


def _seen_last(status: Mapping[str, Any]) -> str:
    age = status["controller"]["heartbeat_age"]
    seen = "has not been seen yet" if age is None else f"was last seen {in_words(age)} ago"
    return f"Nobody is watching: the controller {seen}, so new leases go to {status['safe_arm']}."


def _running(status: Mapping[str, Any]) -> tuple[str, str]:
    weight = status["weight"]
    if weight == 0:
        return "Shadowing: no new lease goes to new yet.", "calm"
    if weight == 1:
        return "Cut over: every new lease goes to new.", "calm"
    gating = [gate for gate in status["metrics"].values() if gate["enforced"] and _promotes(gate)]
    passed = sum(gate["verdict"] == "pass" for gate in gating)
    kind = {"advance": "Cleared", "rollback": "Harm found"}.get(status["verdict"]["kind"], "Holding")
    gates = f", {passed} of {len(gating)} gates cleared" if gating else ""
    return f"{kind} at {show_share(weight)}{gates}.", "alarm" if kind == "Harm found" else "calm"


def _promotes(gate: Mapping[str, Any]) -> bool:
    return bool(gate["evidence"]) and gate["evidence"]["promote_at"] is not None


def _paused(status: Mapping[str, Any]) -> tuple[str, str]:
    return f"Paused at {show_share(status['weight'])}. Harm still rolls back.", "waiting"


def _awaiting(status: Mapping[str, Any]) -> tuple[str, str]:
    return f"Stage {status['stage']} is cleared. The next one waits for approval.", "waiting"


def _rolled_back(_status: Mapping[str, Any]) -> tuple[str, str]:
    return "Rolled back: no new lease goes to new.", "alarm"


def _complete(_status: Mapping[str, Any]) -> tuple[str, str]:
    return "Complete: every new lease goes to new.", "calm"


_SENTENCES = {
    RolloutState.RUNNING: _running,
    RolloutState.PAUSED: _paused,
    RolloutState.AWAITING_APPROVAL: _awaiting,
    RolloutState.ROLLED_BACK: _rolled_back,
    RolloutState.COMPLETE: _complete,
}


def _why(status: Mapping[str, Any], state: RolloutState, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """The verdict's reasons; for what an operator did, the operator's."""
    last = decisions[-1] if decisions else None
    by_hand = last is not None and last.event in {Event.PAUSE, Event.ROLLBACK, Event.PROMOTE}
    if last is None or not by_hand or (state is RolloutState.RUNNING):
        return tuple(status["verdict"]["reasons"])
    said = f"{last.event} by {last.actor}" + (f": {last.reason}" if last.reason else ", without a reason")
    return (said,) if state in _OVER else (said, *status["verdict"]["reasons"])
