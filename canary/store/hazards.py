"""Hazards as rows per proxy process, added up when read."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from canary.core.hazards import HazardName, Record, Suspect
from canary.store.schema import hazards
from canary.store.upsert import upsert


def write(connection: Connection, rollout: str, proxy: str, changed: Mapping[Suspect, Record]) -> None:
    """Replace this proxy's rows: writing the same records twice changes nothing."""
    upsert(connection, hazards, [_row(rollout, proxy, *one) for one in changed.items()])


def _row(rollout: str, proxy: str, suspect: Suspect, record: Record) -> dict[str, Any]:
    return {
        "rollout": rollout,
        "proxy": proxy,
        **suspect._asdict(),
        "n": record.n,
        "first_at": record.first_at,
        "last_at": record.last_at,
        "amount": record.amount,
        "example": record.example,
    }


def read(connection: Connection, rollout: str) -> dict[Suspect, Record]:
    """The records of all proxies, added up; the most frequent of each name first."""
    found: dict[Suspect, Record] = {}
    for row in connection.execute(select(hazards).where(hazards.c.rollout == rollout)):
        suspect = Suspect(HazardName(row.name), row.client, row.key)
        record = Record(row.n, row.first_at, row.last_at, row.amount, row.example)
        found[suspect] = found[suspect] + record if suspect in found else record
    return dict(sorted(found.items(), key=lambda one: (one[0].name, -one[1].n, one[0])))
