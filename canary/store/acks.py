"""Acknowledgements as rows: of each finding the latest, while the log of decisions keeps all of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from canary.core.compare.acks import Ack, Place
from canary.core.model import Decision
from canary.store.rows import decision_row
from canary.store.schema import acks, decisions
from canary.store.upsert import upsert


def write(connection: Connection, rollout: str, new: Sequence[Ack], decision: Decision) -> None:
    """Write acknowledgements and append the decision."""
    upsert(connection, acks, [_row(rollout, ack) for ack in new])
    connection.execute(insert(decisions), decision_row(rollout, decision))


def read(connection: Connection, rollout: str) -> list[Ack]:
    """All acknowledgements of a rollout, in the order in which they were made."""
    statement = select(acks).where(acks.c.rollout == rollout)
    ordered = statement.order_by(acks.c.at, acks.c.action, acks.c.kind, acks.c.path)
    return [
        Ack(Place(row.action, row.kind, row.path), row.shown, row.reason, row.actor, row.at)
        for row in connection.execute(ordered)
    ]


def _row(rollout: str, ack: Ack) -> dict[str, Any]:
    return {
        "rollout": rollout,
        **ack.place._asdict(),
        "shown": ack.shown,
        "reason": ack.reason,
        "actor": ack.actor,
        "at": ack.at,
    }
