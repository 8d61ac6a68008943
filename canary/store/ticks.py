"""What the controller writes at each tick: its evidence, verdict and decision, all of them or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from canary.core.model import Decision, Rollout
from canary.store import history, rollouts
from canary.store.book import touched
from canary.store.schema import evidence
from canary.store.schema import rollouts as rollouts_table
from canary.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class Change:
    """A step of the rollout with its row of evidence."""

    before: Rollout
    after: Rollout
    decision: Decision


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick's result.

    ``number``: how many ticks there had been when it began. ``era``: the stretch of judging under one error
    rate that the evidence belongs to. ``parts``: what changed of the evidence. ``revision``: of the rollout that
    was looked at.
    """

    number: int
    at: float
    era: int
    verdict: Mapping[str, Any]
    parts: Mapping[str, Any] = field(default_factory=dict)
    change: Change | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The controller's memory of an era, by part, and how many ticks there have been."""

    ticks: int
    parts: Mapping[str, Any]


def write(connection: Connection, name: str, tick: Tick) -> bool:
    """Write a tick; ``False`` when it is not the next one, or the rollout changed: roll back then."""
    table = rollouts_table.c
    following = (table.name == name, table.ticks == tick.number, table.revision == tick.revision)
    values = {"ticks": tick.number + 1, "heartbeat": tick.at, "verdict": dict(tick.verdict)}
    statement = update(rollouts_table).where(*following).values(values)
    if touched(connection, statement) != 1:
        return False
    rows = [
        {"rollout": name, "era": tick.era, "part": part, "data": data} for part, data in tick.parts.items()
    ]
    upsert(connection, evidence, rows)
    change = tick.change
    history.record(connection, name, tick.era, tick.at, tick.verdict, always=change is not None)
    return change is None or rollouts.save(connection, change.before, change.after, change.decision)


def read(connection: Connection, name: str, era: int) -> Evidence:
    """The evidence of an era as the last tick left it."""
    count = connection.scalar(select(rollouts_table.c.ticks).where(rollouts_table.c.name == name))
    where = (evidence.c.rollout == name, evidence.c.era == era)
    rows = connection.execute(select(evidence.c.part, evidence.c.data).where(*where))
    return Evidence(count or 0, {row.part: row.data for row in rows})
