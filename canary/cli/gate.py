"""``canary gate``: may the pipeline go on? The answer is the exit code.

0  cleared    the rollout is complete or waits for approval, or the last verdict is to advance; with --wait also
              when it has moved on to a later stage since the command was called
1  harm       the rollout was rolled back, or the last verdict is to roll back, or an enforced gate found harm in
              a stage without leases on new, where nothing can be rolled back
2             the command was not called as it should be
3  undecided  none of these yet
4  no data    the rollout cannot be looked at, nothing has been judged, no enforced gate has data although leases
              go to new, or the controller has given no sign of life for a minute
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic, sleep
from typing import Any

import click

from canary.cli.desk import desk, places
from canary.cli.errors import UsageError
from canary.cli.params import DURATION
from canary.cli.screen import LOST, ago
from canary.store.errors import StoreError

POLL = 1.0
"""Seconds between two looks while waiting."""


class Outcome(StrEnum):
    CLEARED = "cleared"
    HARM = "harm"
    UNDECIDED = "undecided"
    NO_DATA = "no_data"


CODES = {Outcome.CLEARED: 0, Outcome.HARM: 1, Outcome.UNDECIDED: 3, Outcome.NO_DATA: 4}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate says. ``status`` is empty when the rollout could not be looked at."""

    outcome: Outcome
    why: str
    status: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        return f"{self.outcome.replace('_', ' ')}: {self.why}"

    def as_json(self) -> dict[str, Any]:
        """The answer for scripts."""
        place = {name: self.status.get(name) for name in ("name", "stage", "state", "weight", "verdict")}
        return {"outcome": self.outcome, "code": CODES[self.outcome], "sentence": self.sentence, **place}


@click.command()
@places
@click.option("--wait", type=DURATION, default=0, help="Wait so long for cleared or harm, such as 24h.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def gate(admin: str | None, state: str | None, name: str | None, wait: float, as_json: bool) -> None:
    """Exit 0 when the stage is cleared, 1 on harm or rollback, 3 when undecided, 4 without data."""
    if admin is not None:
        with desk(admin, state, name):
            pass  # an address that is none is not worth waiting for
    until = monotonic() + wait
    first: Mapping[str, Any] | None = None
    while True:
        answer = _ask(admin, state, name, first)
        first = first or answer.status or None
        left = until - monotonic()
        if answer.outcome in {Outcome.CLEARED, Outcome.HARM} or left <= 0:
            break
        sleep(min(POLL, left))
    lost = not answer.status and not as_json
    click.echo(json.dumps(answer.as_json()) if as_json else answer.sentence, err=lost)
    sys.exit(CODES[answer.outcome])


def _ask(admin: str | None, state: str | None, name: str | None, first: Mapping[str, Any] | None) -> Answer:
    try:
        with desk(admin, state, name) as place:
            status = place.status()
    except (UsageError, StoreError) as error:
        return Answer(Outcome.NO_DATA, str(error), {})
    return judged(status, first or status)


def judged(status: Mapping[str, Any], first: Mapping[str, Any]) -> Answer:
    """The answer to a status.

    Args:
        first: the status when the command was called.
    """
    outcome = next(outcome for outcome, holds in _RULES if holds(status, first))
    return Answer(outcome, _why(outcome, status, first), status)


def _why(outcome: Outcome, status: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    said = [f"{status['name']} is {status['state'].replace('_', ' ')} in stage {status['stage']}"]
    if outcome is Outcome.NO_DATA and _unwatched(status, first):
        said.append(
            f"the controller was last seen {_last_seen(status)}; start it with canary run or canary controller"
        )
    elif outcome is Outcome.CLEARED and _moved_on(status, first):
        said.append(f"it has left stage {first['stage']}")
    else:
        said.extend(status["verdict"]["reasons"])
    return "; ".join(said)


def _last_seen(status: Mapping[str, Any]) -> str:
    age = status["controller"]["heartbeat_age"]
    return "never" if age is None else f"{ago(age)} ago"


# --- the rules, in order; each is asked with the status now and the first one -------------------------------------

type _Status = Mapping[str, Any]


def _state(name: str) -> Callable[[_Status, _Status], bool]:
    return lambda status, first: status["state"] == name


def _verdict(kind: str) -> Callable[[_Status, _Status], bool]:
    return lambda status, first: status["verdict"]["kind"] == kind


def _unwatched(status: _Status, first: _Status) -> bool:
    age = status["controller"]["heartbeat_age"]
    return age is None or age > LOST


def _moved_on(status: _Status, first: _Status) -> bool:
    return bool(status["stage_index"] > first["stage_index"])


def _harm_without_leases(status: _Status, first: _Status) -> bool:
    return status["weight"] == 0 and "harm" in {gate["verdict"] for gate in _enforced(status)}


def _no_data(status: _Status, first: _Status) -> bool:
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
    (Outcome.CLEARED, _state("awaiting_approval")),
    (Outcome.CLEARED, _verdict("advance")),
    (Outcome.HARM, _verdict("rollback")),
    (Outcome.CLEARED, _moved_on),
    (Outcome.HARM, _harm_without_leases),
    (Outcome.NO_DATA, _no_data),
    (Outcome.UNDECIDED, lambda status, first: True),
)
