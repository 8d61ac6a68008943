"""A decision as a message to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from canary.core.model import Decision, RolloutState
from canary.core.policy.notation import show_share
from canary.core.stage import Event

type Urgency = Literal["info", "success", "warning", "failure"]

TOLD = frozenset(event.value for event in Event)
"""Events that people are told of: those that move the rollout. What else is in the log can be read there."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent; ``urgency`` is one of apprise's words."""

    title: str
    body: str
    urgency: Urgency


def message(rollout: str, decision: Decision) -> Message:
    """What to tell of a decision."""
    state = decision.after.replace("_", " ")
    lines = [
        decision.reason or "no reason was given",
        f"{decision.event} by {decision.actor}; stage {decision.stage}, "
        f"{show_share(decision.weight)} of new leases go to new",
    ]
    return Message(f"canary {rollout}: {state}", "\n".join(lines), _urgency(decision))


def _urgency(decision: Decision) -> Urgency:
    if decision.after in _BY_STATE:
        return _BY_STATE[decision.after]
    return "success" if decision.event == Event.ADVANCE else "info"


_BY_STATE: Mapping[RolloutState, Urgency] = {
    RolloutState.ROLLED_BACK: "failure",
    RolloutState.PAUSED: "warning",
    RolloutState.AWAITING_APPROVAL: "warning",
    RolloutState.COMPLETE: "success",
}
