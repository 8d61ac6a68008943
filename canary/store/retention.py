"""What is let go of in time, a little at once: whatever no decision stands on and nobody asks for any more.

Kept for good: decisions, and every purchase that may be evidence, with its leases. A purchase is none when it was not
drawn, or when it went to ``new`` without having had a choice, as after the cutover (``canary.core.evidence``).
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from canary.core.model import Arm, LeaseState
from canary.core.money import Result
from canary.store import settled
from canary.store.book import Book, touched
from canary.store.lists import filled
from canary.store.schema import accounts, hazards, leases, purchases, rollouts, tallies, traits

BATCH = 500
"""Rows that go in one transaction: a purchase that waits for it is late by some milliseconds."""

BUCKETS = 600
"""Seconds of tallies that go in one transaction."""

PAGES = 500
"""Pages of an SQLite file that are given back in one transaction."""


class Retention(Book):
    """Lets go of old rows of one rollout."""

    def prune(self, before: float) -> int:
        """Let go of some rows that are older than a moment (seconds since the epoch); how many, 0 when none is left."""
        with self._write() as connection:
            return sum(let_go(connection, self._rollout, before) for let_go in _IN_TURN)

    def shrink(self) -> bool:
        """Give some of the file's free pages back to the disk; whether there may be more."""
        with self._write() as connection:
            if connection.dialect.name != "sqlite":
                return False  # PostgreSQL sees to it by itself
            before = _free(connection)
            # each row that is fetched gives back one page, and only the driver lets fetch them
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
            return 0 < _free(connection) < before


def _free(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


def _leases(connection: Connection, rollout: str, before: float) -> int:
    """Ended leases that nobody has named since; how many there were of a kind, and what they cost, stays."""
    where = [
        leases.c.rollout == rollout,
        leases.c.state != LeaseState.OPEN,
        leases.c.ended_at < before,
        leases.c.seen_at < before,
        ~exists().where(
            purchases.c.rollout == rollout, purchases.c.id == leases.c.purchase, _may_be_evidence()
        ),
    ]
    if connection.scalar(select(exists().where(accounts.c.rollout == rollout))):
        # a refund that no balance has shown may still come, or be asked for
        where.append(or_(leases.c.result != Result.REFUND, leases.c.refunded_at.is_not(None)))
    gone = connection.execute(_some(leases, where)).mappings().all()
    settled.add(connection, rollout, gone)
    keys = filled([(row["arm"], row["kind"], row["id"]) for row in gone])
    key = tuple_(leases.c.arm, leases.c.kind, leases.c.id)
    return (
        touched(connection, delete(leases).where(leases.c.rollout == rollout, key.in_(keys))) if keys else 0
    )


def _purchases(connection: Connection, rollout: str, before: float) -> int:
    """Purchases of which no lease is left. A unit that is drawn once for many purchases is remembered by its first."""
    led_to = exists().where(leases.c.rollout == rollout, leases.c.purchase == purchases.c.id)
    once = or_(purchases.c.unit.is_(None), purchases.c.unit.not_like("%:%"))
    old = (purchases.c.rollout == rollout, purchases.c.at < before, ~purchases.c.lost)
    found = connection.execute(_some(purchases, [*old, ~_may_be_evidence(), once, ~led_to])).mappings()
    serials = filled([row["serial"] for row in found])
    return touched(connection, delete(purchases).where(purchases.c.serial.in_(serials))) if serials else 0


def _may_be_evidence() -> ColumnElement[bool]:
    drawn, chance = purchases.c.assigned_arm, purchases.c.probability
    return and_(drawn.is_not(None), or_(drawn == Arm.OLD, and_(chance > 0, chance < 1)))


def _tallies(connection: Connection, rollout: str, before: float) -> int:
    first = connection.scalar(select(func.min(tallies.c.bucket)).where(tallies.c.rollout == rollout))
    if first is None:
        return 0
    until = min(before, first + BUCKETS)
    return touched(connection, delete(tallies).where(tallies.c.rollout == rollout, tallies.c.bucket < until))


def _traits(connection: Connection, rollout: str, before: float) -> int:
    """What replies looked like in earlier attempts; differences are those of the present one."""
    attempt = select(rollouts.c.attempt).where(rollouts.c.name == rollout).scalar_subquery()
    old = (traits.c.rollout == rollout, traits.c.attempt < attempt, traits.c.last_at < before)
    return touched(connection, delete(traits).where(*old))


def _hazards(connection: Connection, rollout: str, before: float) -> int:
    return touched(
        connection, delete(hazards).where(hazards.c.rollout == rollout, hazards.c.last_at < before)
    )


def _some(table: Any, where: list[ColumnElement[bool]]) -> Select[Any]:
    return select(table).where(*where).limit(BATCH).with_for_update()


_IN_TURN = (_leases, _purchases, _tallies, _traits, _hazards)
