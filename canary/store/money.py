"""What leases cost: equal prices are counted by the database and added up exactly here."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, func, select

from canary.core.model import Arm
from canary.core.money import Money, Result, money_of
from canary.store import settled
from canary.store.schema import leases


class Offer(NamedTuple):
    """What is bought: a service in a country, on an arm."""

    arm: Arm
    service: str
    country: str


def by_arm(connection: Connection, rollout: str) -> dict[Arm, Money]:
    """What each arm's leases cost."""
    found = {arm: Money() for arm in Arm}
    for (arm,), money in _sums(connection, rollout, leases.c.arm):
        found[Arm(arm)] += money
    return found


def by_offer(connection: Connection, rollout: str) -> dict[Offer, Money]:
    """What the leases of each service in each country cost, per arm."""
    found: defaultdict[Offer, Money] = defaultdict(Money)
    for (arm, service, country), money in _sums(
        connection, rollout, leases.c.arm, leases.c.service, leases.c.country
    ):
        found[Offer(Arm(arm), service, country)] += money
    return dict(found)


def _sums(
    connection: Connection, rollout: str, *groups: Column[Any]
) -> Iterator[tuple[tuple[Any, ...], Money]]:
    # aggregates, not conditions: rows come grouped as the index leases_in_sum has them, and none is looked up
    counted = (func.count(), func.count(leases.c.refunded_at), func.count(leases.c.purchase))
    columns = (*groups, leases.c.result, leases.c.state, leases.c.price)
    statement = select(*columns, *counted).where(leases.c.rollout == rollout).group_by(*columns)
    for *group, result, _state, price, n, back, purchased in connection.execute(statement):
        yield tuple(group), _of_kind(Result(result), price, n, back, purchased)
    names = [column.key for column in groups]
    for past, kind, amount, n, back, purchased in settled.grouped(connection, rollout, *names):
        yield past, _of_kind(kind, amount, n, back, purchased)


def _of_kind(kind: Result, price: Decimal | None, n: int, back: int, purchased: int) -> Money:
    # one that was bought before the harness was put in is none of the rollout's money
    bought = n if price is not None else purchased
    return money_of(kind, price, n=bought - back) + money_of(kind, price, confirmed=True, n=back)
