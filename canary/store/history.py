"""What the controller's looks found over time: a few hundred points per era, close together when it is young."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from canary.store.schema import history

MOST = 400
"""Points kept per era; at more, every second one is dropped."""

SPACING = 1 / 200
"""A point is kept when this part of the era's age has passed since the one before."""


@dataclass(frozen=True, slots=True)
class Point:
    """One look.

    ``metrics``: by metric ``rollback`` and ``promote``, the e-values of both sides (``None`` without one), the
    values of ``old`` and ``new``, and ``n``, on how many observations of new they stand.
    """

    at: float
    metrics: Mapping[str, Mapping[str, float | None]]


def record(
    connection: Connection, rollout: str, era: int, at: float, verdict: Mapping[str, Any], *, always: bool
) -> None:
    """Keep a look, unless the one before is recent for the era's age; with ``always`` even then."""
    where = _of(rollout, era)
    asked = select(func.count(), func.min(history.c.at), func.max(history.c.at)).where(*where)
    n, first, last = connection.execute(asked).one()
    if n and (at <= last or (not always and at - last < (at - first) * SPACING)):
        return
    judged = {name: metric for name, metric in verdict.get("metrics", {}).items() if metric["evidence"]}
    metrics = {name: _point(metric) for name, metric in judged.items()}
    connection.execute(insert(history), {"rollout": rollout, "era": era, "at": at, "metrics": metrics})
    if n >= MOST:
        _thin(connection, where)


def read(connection: Connection, rollout: str) -> list[Point]:
    """The latest era's looks, in order."""
    latest = connection.scalar(select(func.max(history.c.era)).where(history.c.rollout == rollout))
    if latest is None:
        return []
    statement = select(history.c.at, history.c.metrics).where(*_of(rollout, latest)).order_by(history.c.at)
    return [Point(row.at, row.metrics) for row in connection.execute(statement)]


def _of(rollout: str, era: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return history.c.rollout == rollout, history.c.era == era


def _point(metric: Mapping[str, Any]) -> dict[str, float | None]:
    evidence = metric["evidence"]
    return {
        "rollback": evidence["rollback"],
        "promote": evidence["promote"],
        "old": metric["old"]["value"],
        "new": metric["new"]["value"],
        "n": metric["new"]["n"],
    }


def _thin(connection: Connection, where: tuple[ColumnElement[bool], ColumnElement[bool]]) -> None:
    """Drop every second point; the first and the last stay."""
    kept = connection.scalars(select(history.c.at).where(*where).order_by(history.c.at)).all()
    connection.execute(delete(history).where(*where, history.c.at.in_(kept[1:-1:2])))
