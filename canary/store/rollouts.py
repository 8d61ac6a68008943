"""The rollout and its decisions as rows; one writer wins each revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from canary.core.model import Decision, Rollout
from canary.store.book import touched
from canary.store.notices import announce
from canary.store.rows import decision_of, decision_row, rollout_of, rollout_row
from canary.store.schema import decisions, policies, rollouts
from canary.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Look:
    """What a proxy needs to know of a rollout, in one read.

    ``heartbeat``: wall-clock time of the controller's last tick, ``None`` before the first.
    """

    rollout: Rollout
    heartbeat: float | None


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy that a rollout runs or ran under, as canonical JSON."""

    hash: str
    json: str


def create(connection: Connection, rollout: Rollout, policy: StoredPolicy) -> None:
    """Write a rollout and its policy, unless there is one of that name."""
    if look(connection, rollout.name) is None:
        _keep(connection, policy)
        insert_new(connection, rollouts, [rollout_row(rollout) | {"policy_hash": policy.hash}])


def _keep(connection: Connection, policy: StoredPolicy) -> None:
    insert_new(connection, policies, [{"hash": policy.hash, "json": policy.json}])


def look(connection: Connection, name: str) -> Look | None:
    """The rollout of that name as it stands."""
    row = connection.execute(select(rollouts).where(rollouts.c.name == name)).mappings().one_or_none()
    return None if row is None else Look(rollout_of(row), row["heartbeat"])


def names(connection: Connection) -> list[str]:
    """All rollouts in the store."""
    return list(connection.scalars(select(rollouts.c.name).order_by(rollouts.c.name)))


def policy_of(connection: Connection, name: str) -> StoredPolicy | None:
    """The policy that a rollout runs under."""
    found = connection.scalar(select(rollouts.c.policy_hash).where(rollouts.c.name == name))
    return None if found is None else policy_by_hash(connection, found)


def policy_by_hash(connection: Connection, hash_: str) -> StoredPolicy | None:
    """The policy of that hash, if a rollout ever ran under it."""
    row = connection.execute(select(policies).where(policies.c.hash == hash_)).one_or_none()
    return None if row is None else StoredPolicy(row.hash, row.json)


def save(
    connection: Connection,
    before: Rollout,
    after: Rollout,
    decision: Decision,
    policy: StoredPolicy | None = None,
) -> bool:
    """Replace ``before`` by ``after`` and append the decision; ``False`` when it has changed meanwhile."""
    row = rollout_row(after) | ({"policy_hash": policy.hash} if policy else {})
    current = (rollouts.c.name == before.name, rollouts.c.revision == before.revision)
    if touched(connection, update(rollouts).where(*current).values(row)) != 1:
        return False
    if policy is not None:
        _keep(connection, policy)
    connection.execute(insert(decisions), decision_row(after.name, decision))
    announce(connection, after.name)
    return True


def decided(connection: Connection, name: str, limit: int | None = None) -> list[Decision]:
    """The decisions in order; with ``limit`` only the last ones."""
    statement = select(decisions).where(decisions.c.rollout == name).order_by(decisions.c.id.desc())
    if limit is not None:
        statement = statement.limit(limit)
    return [decision_of(row) for row in connection.execute(statement).mappings()][::-1]


def beat(connection: Connection, name: str, at: float, verdict: Mapping[str, Any] | None) -> None:
    """Leave the controller's sign of life, and its verdict unless it has none."""
    values: dict[str, Any] = {"heartbeat": at} | ({"verdict": dict(verdict)} if verdict is not None else {})
    connection.execute(update(rollouts).where(rollouts.c.name == name).values(values))


def verdict_of(connection: Connection, name: str) -> dict[str, Any] | None:
    """The controller's last verdict, as it wrote it."""
    found: dict[str, Any] | None = connection.scalar(
        select(rollouts.c.verdict).where(rollouts.c.name == name)
    )
    return found
