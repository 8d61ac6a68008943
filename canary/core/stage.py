"""The rollout's state machine. Everything that changes a rollout's state is in this file, as one table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from canary.core.model import Arm, Rollout, RolloutState

HOLD_BACK = 0.05
"""A stage that leaves at most this share on ``old`` counts as the cutover: the rest is its control group."""


class Event(StrEnum):
    ADVANCE = "advance"  # the gates cleared the stage
    HARM = "harm"  # a gate found harm
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    PROMOTE = "promote"  # an operator moves on without the gates
    ROLLBACK = "rollback"
    RESTART = "restart"  # a new attempt after a rollback


class Move(StrEnum):
    """What an event does besides changing the state."""

    STAY = "stay"
    NEXT = "next"  # to the next stage, or to completion after the last
    ASK = "ask"  # to the next stage, waiting for approval first where it asks for one
    BACK = "back"  # no new lease on ``new``
    AGAIN = "again"  # the first stage, as a new attempt


_S = RolloutState
_E = Event
_M = Move
# state -> event -> (next state, move). ``NEXT`` and ``ASK`` end in COMPLETE when there is no further stage,
# ``ASK`` in AWAITING_APPROVAL when the next stage asks for it. What is absent is illegal.
TRANSITIONS: dict[RolloutState, dict[Event, tuple[RolloutState, Move]]] = {
    _S.RUNNING: {
        _E.ADVANCE: (_S.RUNNING, _M.ASK),
        _E.HARM: (_S.ROLLED_BACK, _M.BACK),
        _E.PAUSE: (_S.PAUSED, _M.STAY),
        _E.PROMOTE: (_S.RUNNING, _M.NEXT),
        _E.ROLLBACK: (_S.ROLLED_BACK, _M.BACK),
    },
    _S.PAUSED: {
        _E.HARM: (_S.ROLLED_BACK, _M.BACK),
        _E.RESUME: (_S.RUNNING, _M.STAY),
        _E.PROMOTE: (_S.RUNNING, _M.NEXT),
        _E.ROLLBACK: (_S.ROLLED_BACK, _M.BACK),
    },
    _S.AWAITING_APPROVAL: {
        _E.HARM: (_S.ROLLED_BACK, _M.BACK),
        _E.PAUSE: (_S.PAUSED, _M.STAY),
        _E.APPROVE: (_S.RUNNING, _M.NEXT),
        _E.PROMOTE: (_S.RUNNING, _M.NEXT),
        _E.ROLLBACK: (_S.ROLLED_BACK, _M.BACK),
    },
    _S.ROLLED_BACK: {
        _E.ROLLBACK: (_S.ROLLED_BACK, _M.BACK),
        _E.RESTART: (_S.RUNNING, _M.AGAIN),
    },
    _S.COMPLETE: {
        _E.ROLLBACK: (_S.ROLLED_BACK, _M.BACK),
    },
}


class IllegalEvent(ValueError):
    """The event is not legal in the rollout's state; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the machine needs of a policy's stage."""

    name: str
    weight: float
    shadow: float
    approval: bool = False

    @property
    def is_cutover(self) -> bool:
        return self.weight >= 1 - HOLD_BACK


def start(name: str, salt: str, steps: Sequence[Step], now: float) -> Rollout:
    """A rollout in its first stage."""
    blank = Rollout(name, salt, _S.RUNNING, "", 0, 0.0, 0.0, Arm.OLD, now)
    return _enter(blank, steps, 0, now)


def legal_events(state: RolloutState) -> frozenset[Event]:
    """The events that ``apply`` accepts in ``state``."""
    return frozenset(TRANSITIONS[state])


def apply(rollout: Rollout, event: Event, steps: Sequence[Step], now: float) -> Rollout:
    """The rollout after ``event``, one revision later.

    Raises:
        IllegalEvent: the state has no such event, or there is no stage to move on to.
    """
    entry = TRANSITIONS[rollout.state].get(event)
    if entry is None:
        raise IllegalEvent(_illegal(rollout.state, event))
    state, move = entry
    if not steps and move not in {Move.STAY, Move.BACK}:
        raise IllegalEvent(
            "the policy's stages are not known here; only pause, resume and rollback are possible"
        )
    return _MOVES[move](replace(rollout, state=state, revision=rollout.revision + 1), steps, now)


def adopt(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    """The rollout under an edited policy: same stage by name, its new weight and shadow share in force.

    Raises:
        IllegalEvent: the stage that the rollout is in no longer exists.
    """
    index = next((i for i, step in enumerate(steps) if step.name == rollout.stage), None)
    if index is None:
        raise IllegalEvent(f"the rollout is in stage {rollout.stage!r}, which the policy no longer has")
    if rollout.state in {_S.ROLLED_BACK, _S.COMPLETE}:
        return replace(rollout, stage_index=index, revision=rollout.revision + 1)
    return replace(_enter(rollout, steps, index, now), since=rollout.since, revision=rollout.revision + 1)


def _illegal(state: RolloutState, event: Event) -> str:
    legal = ", ".join(sorted(legal_events(state)))
    return f"{event} is not possible while the rollout is {state}; possible now: {legal}"


def _stay(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    return rollout


def _next(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    following = rollout.stage_index + 1
    if following < len(steps):
        return _enter(rollout, steps, following, now)
    last = steps[-1]
    if not last.is_cutover:
        raise IllegalEvent(f"{last.name!r} is the last stage and no cutover; add a stage of 100 % to go on")
    return replace(rollout, state=_S.COMPLETE, weight=1.0, shadow=0.0, safe_arm=Arm.NEW, since=now)


def _ask(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    following = rollout.stage_index + 1
    if following < len(steps) and steps[following].approval:
        return replace(rollout, state=_S.AWAITING_APPROVAL)
    return _next(rollout, steps, now)


def _back(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    return replace(rollout, weight=0.0, shadow=0.0, safe_arm=Arm.OLD)


def _again(rollout: Rollout, steps: Sequence[Step], now: float) -> Rollout:
    return replace(_enter(rollout, steps, 0, now), attempt=rollout.attempt + 1)


def _enter(rollout: Rollout, steps: Sequence[Step], index: int, now: float) -> Rollout:
    step = steps[index]
    return replace(
        rollout,
        stage=step.name,
        stage_index=index,
        weight=step.weight,
        shadow=step.shadow,
        safe_arm=Arm.NEW if step.is_cutover else Arm.OLD,
        since=now,
    )


_MOVES = {_M.STAY: _stay, _M.NEXT: _next, _M.ASK: _ask, _M.BACK: _back, _M.AGAIN: _again}
