"""May a pipeline go on? One answer from a status, whoever asks: ``canary gate``, Argo Rollouts or Flagger.

cleared    the rollout is complete or waits for approval, or the last verdict is to advance, or the stage that was
           asked for has been left
harm       the rollout was rolled back, or the last verdict is to roll back, or an enforced gate found harm in a
           stage without leases on new, where nothing can be rolled back
undecided  none of these yet, or the stage that was asked for has not been reached
no data    nothing has been judged, no enforced gate has data although leases go to new, or the controller has
           given no sign of life for a minute
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from canary.core.policy.notation import in_words
from canary.store.store import Store
from canary.web.headline import LOST
from canary.web.status import status_of


class UnknownStage(ValueError):
    """The policy has no such stage."""


class Outcome(StrEnum):
    CLEARED = "cleared"
    HARM = "harm"
    UNDECIDED = "undecided"
    NO_DATA = "no_data"


CODES = {Outcome.CLEARED: 0, Outcome.HARM: 1, Outcome.UNDECIDED: 3, Outcome.NO_DATA: 4}
"""Exit codes of ``canary gate``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says. ``status`` is empty when the rollout could not be looked at."""

    outcome: Outcome
    why: str
    status: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """The answer for people."""
        return f"{self.outcome.replace('_', ' ')}: {self.why}"

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        """An answer that another process gave."""
        return cls(Outcome(said["outcome"]), said["sentence"].partition(": ")[2], said)

    def as_json(self) -> dict[str, Any]:
        """The answer for scripts."""
        place = {name: self.status.get(name) for name in ("name", "stage", "state", "weight", "verdict")}
        return {"outcome": self.outcome, "code": CODES[self.outcome], "sentence": self.sentence, **place}


def gate_of(store: Store, name: str, now: float, stage: str | None = None) -> Answer:
    """The answer for the rollout ``name``.

    Args:
        stage: cleared once this stage is, or has been left; by default the present one.

    Raises:
        UnknownStage: the policy has no such stage.
        StoreError: the store cannot be read, or holds no such rollout.
    """
    status = status_of(store, name, now)
    return judged(status, _asked_for(store, name, stage) if stage else status)


def _asked_for(store: Store, name: str, stage: str) -> Mapping[str, Any]:
    policy = store.policy(name)
    names = [one["name"] for one in json.loads(policy.json)["stages"]] if policy else []
    if stage not in names:
        raise UnknownStage(f"there is no stage {stage!r}; the policy has {', '.join(names)}")
    return {"stage": stage, "stage_index": names.index(stage)}


def judged(status: Mapping[str, Any], asked: Mapping[str, Any]) -> Answer:
    """The answer to a status.

    Args:
        asked: ``stage`` and ``stage_index`` that are asked for; while waiting, the status when it began.
    """
    outcome = next(outcome for outcome, holds in _RULES if holds(status, asked))
    return Answer(outcome, _why(outcome, status, asked), status)


def _why(outcome: Outcome, status: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    said = [f"{status['name']} is {status['state'].replace('_', ' ')} in stage {status['stage']}"]
    if outcome is Outcome.NO_DATA and _unwatched(status, asked):
        said.append(
            f"the controller was last seen {_last_seen(status)}; start it with canary run or canary controller"
        )
    elif outcome is Outcome.CLEARED and _moved_on(status, asked):
        said.append(f"it has left stage {asked['stage']}")
    elif outcome is Outcome.UNDECIDED and not _reached(status, asked):
        said.append(f"it has not reached stage {asked['stage']}")
    else:
        said.extend(status["verdict"]["reasons"])
    return "; ".join(said)


def _last_seen(status: Mapping[str, Any]) -> str:
    age = status["controller"]["heartbeat_age"]
    return "never" if age is None else f"{in_words(age)} ago"


# --- the rules, in order; each is asked with the status now and the stage that is asked for ------------------------

type _Status = Mapping[str, Any]


def _state(name: str) -> Callable[[_Status, _Status], bool]:
    return lambda status, asked: status["state"] == name


def _verdict(kind: str) -> Callable[[_Status, _Status], bool]:
    return lambda status, asked: status["verdict"]["kind"] == kind


def _waits_for_approval(status: _Status, asked: _Status) -> bool:
    return status["state"] == "awaiting_approval" and _reached(status, asked)


def _advances(status: _Status, asked: _Status) -> bool:
    return status["verdict"]["kind"] == "advance" and _reached(status, asked)


def _unwatched(status: _Status, asked: _Status) -> bool:
    age = status["controller"]["heartbeat_age"]
    return age is None or age > LOST


def _reached(status: _Status, asked: _Status) -> bool:
    return bool(status["stage_index"] >= asked["stage_index"])


def _moved_on(status: _Status, asked: _Status) -> bool:
    return bool(status["stage_index"] > asked["stage_index"])


def _harm_without_leases(status: _Status, asked: _Status) -> bool:
    return status["weight"] == 0 and "harm" in {gate["verdict"] for gate in _enforced(status)}


def _no_data(status: _Status, asked: _Status) -> bool:
    compared = {
        gate["verdict"] for gate in _enforced(status) if gate["old"] is not None
    }  # a plain count has no arms
    return status["weight"] > 0 and compared <= {"no_data"}


def _enforced(status: _Status) -> list[Mapping[str, Any]]:
    return [gate for gate in status["metrics"].values() if gate["enforced"]]


_RULES: tuple[tuple[Outcome, Callable[[_Status, _Status], bool]], ...] = (
    (Outcome.HARM, _state("rolled_back")),
    (Outcome.CLEARED, _state("complete")),
    (Outcome.NO_DATA, _unwatched),
    (Outcome.CLEARED, _waits_for_approval),
    (Outcome.CLEARED, _advances),
    (Outcome.HARM, _verdict("rollback")),
    (Outcome.CLEARED, _moved_on),
    (Outcome.HARM, _harm_without_leases),
    (Outcome.NO_DATA, _no_data),
    (Outcome.UNDECIDED, lambda status, asked: True),
)
