"""Leases that are kept as counts alone: what they were, what they cost, and how many of a kind there were."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from canary.core.money import NOTHING, Result
from canary.store.rows import Row
from canary.store.schema import settled
from canary.store.upsert import add_up

_KIND = tuple(column for column in settled.primary_key if column.name != "rollout")


def add(connection: Connection, rollout: str, gone: Iterable[Row]) -> None:
    """Count leases, given as rows of the table ``leases``."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for lease in gone:
        of = {column.name: lease[column.name] for column in _KIND[:6]} | {
            "rollout": rollout,
            "price": "" if lease["price"] is None else format(lease["price"], "f"),
            "refunded": lease["refunded_at"] is not None,
            "purchased": lease["purchase"] is not None,
        }
        row = rows.setdefault(tuple(of.values()), of | {"n": 0})
        row["n"] += 1
    add_up(connection, settled, [*rows.values()])


def grouped(
    connection: Connection, rollout: str, *groups: str
) -> Iterator[tuple[tuple[Any, ...], Result, Decimal | None, int, int, int]]:
    """Per group, result and price: how many there were, how many refunds came, how many were bought."""
    counted = (
        func.sum(settled.c.n),
        func.sum(settled.c.n).filter(settled.c.refunded),
        func.sum(settled.c.n).filter(settled.c.purchased),
    )
    columns = (*(settled.c[name] for name in groups), settled.c.result, settled.c.price)
    statement = select(*columns, *counted).where(settled.c.rollout == rollout).group_by(*columns)
    for *group, result, price, n, back, purchased in connection.execute(statement):
        amount = Decimal(price) if price else None
        yield tuple(group), Result(result), amount, int(n), int(back or 0), int(purchased or 0)


def amount(connection: Connection, rollout: str, *where: ColumnElement[bool]) -> Decimal:
    """What those of a known price cost."""
    known = (settled.c.rollout == rollout, settled.c.price != "", *where)
    statement = select(settled.c.price, func.sum(settled.c.n)).where(*known).group_by(settled.c.price)
    return sum((Decimal(price) * int(n) for price, n in connection.execute(statement)), start=NOTHING)
