"""Tallies and counters as rows per proxy process, added up when read."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from canary.core.model import Arm
from canary.core.tally import Tally, TallyKey
from canary.store.schema import counters, tallies
from canary.store.upsert import upsert


def write_tallies(connection: Connection, rollout: str, proxy: str, new: Mapping[TallyKey, Tally]) -> None:
    """Replace this proxy's rows: writing the same counts twice changes nothing."""
    upsert(connection, tallies, [_row(rollout, proxy, key, tally) for key, tally in new.items()])


def _row(rollout: str, proxy: str, key: TallyKey, tally: Tally) -> dict[str, Any]:
    return key._asdict() | {
        "rollout": rollout,
        "proxy": proxy,
        "outcomes": dict(tally.outcomes),
        "codes": dict(tally.codes),
        "latency": {str(index): n for index, n in tally.latency.items()},
    }


def read_tallies(
    connection: Connection, rollout: str, attempt: int | None, since: int
) -> dict[TallyKey, Tally]:
    """Tallies of all proxies by key, of one attempt or all, from a time bucket on."""
    where = [tallies.c.rollout == rollout, tallies.c.bucket >= since]
    if attempt is not None:
        where.append(tallies.c.attempt == attempt)
    found: dict[TallyKey, Tally] = {}
    for row in connection.execute(select(tallies).where(*where)).mappings():
        key = TallyKey(row["attempt"], row["stage"], row["bucket"], Arm(row["arm"]), row["action"])
        tally = Tally(
            Counter(row["outcomes"]),
            Counter(row["codes"]),
            Counter({int(index): n for index, n in row["latency"].items()}),
        )
        found[key] = found[key].merge(tally) if key in found else tally
    return found


def actions_seen(connection: Connection, rollout: str, attempt: int, stage: int) -> set[str]:
    """The actions that were called in a stage of an attempt."""
    where = (tallies.c.rollout == rollout, tallies.c.attempt == attempt, tallies.c.stage == stage)
    return {*connection.scalars(select(tallies.c.action).where(*where).distinct())}


def write_counters(connection: Connection, rollout: str, proxy: str, new: Mapping[str, int]) -> None:
    """Replace this proxy's counters."""
    rows = [{"rollout": rollout, "proxy": proxy, "name": name, "n": n} for name, n in new.items()]
    upsert(connection, counters, rows)


def read_counters(connection: Connection, rollout: str) -> Counter[str]:
    """Counters of all proxies, added up."""
    statement = (
        select(counters.c.name, func.sum(counters.c.n))
        .where(counters.c.rollout == rollout)
        .group_by(counters.c.name)
    )
    return Counter({name: int(n) for name, n in connection.execute(statement)})
