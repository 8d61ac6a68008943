"""Shadow leases as rows: the money of each is reserved before it is bought, and none is forgotten.

    reserved ──bought──> open ──cancelled, or over──> ended
        │ └──nothing was bought──> (no row)
        └──its answer was lost, and no list shows it──> ended

A row has a time at which something is to be done about it. Whoever does it moves that time first, so that of several
processes one does, and the others try again should it die.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Update,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from canary import __version__
from canary.core.budget import NOTHING, Caps, Refusal, Spent, day_of, last_day_of
from canary.core.model import Decision
from canary.store.book import Book, touched
from canary.store.lists import filled
from canary.store.rows import Row, decision_row, rollout_of
from canary.store.schema import decisions, rollouts, shadow_leases, shadow_switch
from canary.store.upsert import upsert

STOP, START = "shadow_stop", "shadow_start"
"""Events of decisions that turned the switch."""

LEFT_OUT = "shadow_left_out_"
"""Prefix of the counters of purchases that would be repeated if they were of one number alone, by action."""

_MONEY = "live"
"""The mode whose amounts are money."""


class State(StrEnum):
    RESERVED = "reserved"
    OPEN = "open"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ShadowLease:
    """A number that was bought for comparison, or is about to be. Times are seconds since the epoch.

    ``amount``: money that is reserved for it, and what it cost once that is known; nothing in a sandbox.
    ``next_at``: when something is to be done about it. ``of_id``: old's own id of the lease that it shadows,
    ``own_id``: new's id of it. ``claim``: the word that answered its cancel.
    """

    id: str
    mode: str
    at: float
    next_at: float
    expires_at: float
    amount: Decimal = NOTHING
    of_id: str = ""
    service: str = ""
    country: str = ""
    own_id: str = ""
    state: State = State.RESERVED
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether shadow leases are stopped, by whom, why and since when."""

    stopped: bool = False
    reason: str = ""
    actor: str = ""
    at: float = 0.0


class ShadowBook(Book):
    """The shadow leases of one rollout."""

    def reserve(self, lease: ShadowLease, caps: Caps | None) -> Refusal | None:
        """Write a row before its purchase is sent; ``None`` when that was possible.

        Args:
            caps: what may be spent; ``None`` in a sandbox.
        """
        with self._write() as connection:
            _lock(connection, self._rollout)
            if _switch(connection, self._rollout).stopped:
                return Refusal.STOPPED
            refusal = caps.refusal(_spent(connection, self._rollout, lease.at)) if caps else None
            if refusal is None:
                connection.execute(insert(shadow_leases), _row(self._rollout, lease))
            return refusal

    def bought(self, lease: ShadowLease) -> None:
        """Write what came of a purchase; written twice it changes nothing."""
        self._change(self._opening(lease))

    def found(self, lease: ShadowLease) -> bool:
        """Write that a number was found for a lost purchase; ``False`` when it was found for another one."""
        with self._write() as connection:
            _lock(connection, self._rollout)
            here = shadow_leases.c.rollout == self._rollout
            taken = select(exists().where(here, shadow_leases.c.own_id == lease.own_id))
            if connection.scalar(taken):
                return False
            return touched(connection, self._opening(lease)) == 1

    def release(self, lease: ShadowLease) -> None:
        """Nothing was bought: the money is free again."""
        self._change(delete(shadow_leases).where(self._of(lease), shadow_leases.c.state == State.RESERVED))

    def end(self, lease: ShadowLease, claim: str) -> None:
        """Nothing is left to be done about it."""
        values = {"state": State.ENDED, "claim": claim[:60]}
        self._change(update(shadow_leases).where(self._of(lease)).values(values))

    def due(self, now: float, farthest: float = float("inf")) -> list[ShadowLease]:
        """The rows about which something is to be done.

        Args:
            farthest: until when anything is put off at most; what is to be done later was written by a clock that
                has been set back since, and is due as well.
        """
        at = shadow_leases.c.next_at
        return self._select(or_(at <= now, at > farthest), shadow_leases.c.state != State.ENDED)

    def claim(self, lease: ShadowLease, until: float) -> bool:
        """Whether this process is the one to do it; another one may try at ``until``."""
        mine = (
            self._of(lease),
            shadow_leases.c.next_at == lease.next_at,
            shadow_leases.c.state == lease.state,
        )
        return self._change(update(shadow_leases).where(*mine).values(next_at=until)) == 1

    def open_ones(self) -> list[ShadowLease]:
        """Those that were bought and are not given back."""
        return self._select(shadow_leases.c.state == State.OPEN)

    def reserved(self) -> list[ShadowLease]:
        """Those of which it is not known whether they were bought."""
        return self._select(shadow_leases.c.state == State.RESERVED)

    def owned(self, own: Collection[str]) -> dict[str, float]:
        """Those of new's ids that are shadow leases, also ended ones, and when they were bought."""
        found = self._select(shadow_leases.c.own_id.in_(filled(sorted(own)))) if own else []
        return {lease.own_id: lease.at for lease in found}

    def spent(self, now: float) -> Spent:
        """What was spent."""
        with self._read() as connection:
            return _spent(connection, self._rollout, now)

    def counts(self) -> Mapping[State, int]:
        """How many there are in each state."""
        statement = select(shadow_leases.c.state, func.count()).where(
            shadow_leases.c.rollout == self._rollout
        )
        with self._read() as connection:
            found = {State(s): n for s, n in connection.execute(statement.group_by(shadow_leases.c.state))}
        return {state: found.get(state, 0) for state in State}

    def switch(self) -> Switch:
        """Whether they are stopped."""
        with self._read() as connection:
            return _switch(connection, self._rollout)

    def turn(self, switch: Switch) -> None:
        """Stop them, or let them go on, and append that to the decisions."""
        with self._write() as connection:
            upsert(connection, shadow_switch, [{"rollout": self._rollout, **asdict(switch)}])
            decision = _decision(connection, self._rollout, switch)
            connection.execute(insert(decisions), decision_row(self._rollout, decision))

    def _opening(self, lease: ShadowLease) -> Update:
        values = {
            "state": State.OPEN,
            "own_id": lease.own_id,
            "amount": lease.amount,
            "next_at": lease.next_at,
        }
        reserved = shadow_leases.c.state == State.RESERVED
        return update(shadow_leases).where(self._of(lease), reserved).values(values)

    def _select(self, *where: ColumnElement[bool]) -> list[ShadowLease]:
        statement = select(shadow_leases).where(shadow_leases.c.rollout == self._rollout, *where)
        with self._read() as connection:
            return [
                _lease(row) for row in connection.execute(statement.order_by(shadow_leases.c.at)).mappings()
            ]

    def _of(self, lease: ShadowLease) -> ColumnElement[bool]:
        return (shadow_leases.c.rollout == self._rollout) & (shadow_leases.c.id == lease.id)


def _lock(connection: Connection, rollout: str) -> None:
    """One reservation after the other: both would find the same money. SQLite has one writer at a time anyway."""
    connection.execute(select(rollouts.c.name).where(rollouts.c.name == rollout).with_for_update()).all()


def _spent(connection: Connection, rollout: str, now: float) -> Spent:
    where = (shadow_leases.c.rollout == rollout, shadow_leases.c.mode == _MONEY)
    columns = (shadow_leases.c.amount, shadow_leases.c.day, shadow_leases.c.state)
    rows = connection.execute(select(*columns, func.count()).where(*where).group_by(*columns))
    today = day_of(now)  # what a clock wrote that was ahead counts until its day is over
    return _sum((amount * n, day >= today, state != State.ENDED) for amount, day, state, n in rows)


def _sum(amounts: Iterable[tuple[Decimal, bool, bool]]) -> Spent:
    parts = (
        Spent(amount, amount if today else NOTHING, amount if outstanding else NOTHING)
        for amount, today, outstanding in amounts
    )
    return sum(parts, start=Spent())


def _switch(connection: Connection, rollout: str) -> Switch:
    where = shadow_switch.c.rollout == rollout
    row = connection.execute(select(shadow_switch).where(where)).one_or_none()
    return Switch(row.stopped, row.reason, row.actor, row.at) if row else Switch()


def _decision(connection: Connection, rollout: str, switch: Switch) -> Decision:
    row = connection.execute(select(rollouts).where(rollouts.c.name == rollout)).mappings().one()
    at = rollout_of(row)
    return Decision(
        at=switch.at,
        actor=switch.actor,
        event=STOP if switch.stopped else START,
        reason=switch.reason,
        before=at.state,
        after=at.state,
        stage=at.stage,
        weight=at.weight,
        attempt=at.attempt,
        policy_hash=row["policy_hash"],
        version=__version__,
    )


def _row(rollout: str, lease: ShadowLease) -> dict[str, Any]:
    return {"rollout": rollout, "day": last_day_of(lease.at), **asdict(lease)}


def _lease(row: Row) -> ShadowLease:
    values = {name: row[name] for name in ShadowLease.__slots__}
    return ShadowLease(**{**values, "state": State(row["state"])})
