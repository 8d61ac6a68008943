"""Counts of pairs as rows per proxy process, added up when read."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from canary.core.pairs import PairKey, Pairs
from canary.store.schema import pairs
from canary.store.upsert import upsert


def write(connection: Connection, rollout: str, proxy: str, new: Mapping[PairKey, Pairs]) -> None:
    """Replace this proxy's rows: writing the same counts twice changes nothing."""
    rows = [
        {"rollout": rollout, "proxy": proxy, **key._asdict(), **counts._asdict()}
        for key, counts in new.items()
    ]
    upsert(connection, pairs, rows)


def read(connection: Connection, rollout: str, terms: str, attempt: int, stage: int) -> dict[str, Pairs]:
    """The counts of all proxies, by metric."""
    where = {"rollout": rollout, "terms": terms, "attempt": attempt, "stage": stage}
    statement = (
        select(pairs.c.metric, *(func.sum(pairs.c[name]) for name in Pairs._fields))
        .where(*(pairs.c[name] == value for name, value in where.items()))
        .group_by(pairs.c.metric)
    )
    return {metric: Pairs(*map(int, counts)) for metric, *counts in connection.execute(statement)}
