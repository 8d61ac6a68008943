"""What balances show of the arms' accounts, held against the leases that were bought with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any, NamedTuple, Self

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_, update

from canary.core.accounts import (
    Account,
    Owed,
    Promises,
    Range,
    Reading,
    Terms,
    Word,
    arrived,
    judged,
    missing_rank,
)
from canary.core.leases import SKEW
from canary.core.model import Arm
from canary.core.money import NOTHING, Basis, Result
from canary.store import settled
from canary.store.lists import chunks
from canary.store.rows import Row
from canary.store.schema import accounts, arms, leases, statements
from canary.store.schema import settled as counted
from canary.store.upsert import upsert

type _Where = ColumnElement[bool]


def write_terms(connection: Connection, rollout: str, terms: Mapping[Arm, Terms]) -> None:
    """Replace what is known of the arms' money."""
    upsert(connection, arms, [{"rollout": rollout, "arm": arm} | asdict(one) for arm, one in terms.items()])


def read_terms(connection: Connection, rollout: str) -> dict[Arm, Terms]:
    """Each arm's money; the defaults for one that nothing is known of."""
    known = {
        Arm(row.arm): Terms(row.currency, row.factor, row.refund_within)
        for row in connection.execute(select(arms).where(arms.c.rollout == rollout))
    }
    return {arm: known.get(arm, Terms()) for arm in Arm}


def read(connection: Connection, rollout: str) -> list[Account]:
    """Every account of which a balance was seen."""
    statement = select(accounts).where(accounts.c.rollout == rollout).order_by(accounts.c.arm)
    return [_account(row) for row in connection.execute(statement).mappings()]


def _account(row: Row) -> Account:
    values = {field.name: row[field.name] for field in fields(Account)}
    return Account(**values | {"arm": Arm(row["arm"])})


def reconcile(
    connection: Connection,
    rollout: str,
    reading: Reading,
    refund_within: float,
    slowest: float,
    aside: Decimal = NOTHING,
) -> Account | None:
    """Hold a balance against the leases; ``None`` when a later one has been held already.

    Refunds that it shows to have come are confirmed. Every call that was under way when it was told must have been
    written by now.

    Args:
        refund_within: seconds that a refund of this arm may take.
        slowest: seconds that a call may take: what began so long before may not have been in the balance yet.
        aside: money that may be out of the account for other purposes of the harness.
    """
    key = and_(
        accounts.c.rollout == rollout,
        accounts.c.arm == reading.arm,
        accounts.c.account == reading.account,
    )
    row = connection.execute(select(accounts).where(key).with_for_update()).mappings().one_or_none()
    before = _account(row) if row is not None else None
    if before is not None and before.at >= reading.at:
        return None
    of_account = and_(
        leases.c.rollout == rollout,
        leases.c.arm.in_(reading.arms),
        leases.c.price.is_not(None),
        *([leases.c.key == reading.account] if reading.account else []),
    )
    refunds = and_(of_account, leases.c.result == Result.REFUND)
    certainly, possibly = _certainly_due(reading.at - slowest), _possibly_due(reading.until)
    gone = _Gone.of(connection, rollout, reading)
    spent = Range(
        _sum(connection, and_(of_account, leases.c.opened_at < reading.at - slowest)) + gone.spent,
        _sum(connection, and_(of_account, leases.c.opened_at < reading.until)) + gone.spent + aside,
    )
    due = Range(
        _sum(connection, and_(refunds, certainly)) + gone.due,
        _sum(connection, and_(refunds, possibly)) + gone.due,
    )
    after = judged(reading, spent, due, before)
    upsert(connection, accounts, [{"rollout": rollout} | asdict(after)])
    confirmed = _sum(connection, and_(refunds, leases.c.refunded_at.is_not(None))) + gone.confirmed
    came = after.arrived - confirmed
    if came > 0:
        owed = _owed(connection, and_(refunds, leases.c.refunded_at.is_(None), certainly))
        _confirm(connection, rollout, reading.at, arrived(owed, came, reading.at - refund_within))
    return after


class _Gone(NamedTuple):
    """The money of an account's leases that are kept as counts alone; all of it was long settled."""

    spent: Decimal
    due: Decimal
    confirmed: Decimal

    @classmethod
    def of(cls, connection: Connection, rollout: str, reading: Reading) -> Self:
        table = counted.c
        account = [table.arm.in_(reading.arms), *([table.key == reading.account] if reading.account else [])]
        refunds = [*account, table.result == Result.REFUND]
        return cls(
            settled.amount(connection, rollout, *account),
            settled.amount(connection, rollout, *refunds),
            settled.amount(connection, rollout, *refunds, table.refunded),
        )


def _certainly_due(at: float) -> _Where:
    by_rule = leases.c.basis == Basis.RULE
    return or_(and_(~by_rule, leases.c.due_at < at), and_(by_rule, leases.c.due_at < at - SKEW))


def _possibly_due(at: float) -> _Where:
    """What a provider ended by itself it may have ended long before we knew."""
    claimed = leases.c.basis == Basis.CLAIM
    return or_(and_(claimed, leases.c.due_at < at), and_(~claimed, leases.c.opened_at < at))


def _sum(connection: Connection, where: _Where) -> Decimal:
    statement = select(leases.c.price, func.count()).where(where).group_by(leases.c.price)
    return sum((price * n for price, n in connection.execute(statement)), start=NOTHING)


def _owed(connection: Connection, where: _Where) -> list[Owed]:
    chosen = (*_LEASE, leases.c.due_at, leases.c.price, statements.c.word)
    rows = connection.execute(_with_words(select(*chosen)).where(where))
    return [Owed((row.arm, row.kind, row.id), row.due_at, row.price, _word(row.word)) for row in rows]


def _with_words(statement: Select[Any]) -> Select[Any]:
    """What the arm's own history says of each lease, beside it."""
    same = [leases.c[name] == statements.c[name] for name in ("rollout", "arm", "kind", "id")]
    return statement.join_from(leases, statements, and_(*same), isouter=True)


def _word(text: str | None) -> Word | None:
    return Word(text) if text else None


def _confirm(connection: Connection, rollout: str, at: float, came: Sequence[Owed]) -> None:
    for keys in chunks([one.lease for one in came]):
        where = (leases.c.rollout == rollout, tuple_(*_LEASE).in_(keys))
        connection.execute(update(leases).where(*where).values(refunded_at=at))


_LEASE = (leases.c.arm, leases.c.kind, leases.c.id)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A refund that is due longer than its provider takes, and that no balance has confirmed.

    ``word``: what the provider's own lists say of it, where they were asked.
    """

    arm: Arm
    id: str
    service: str
    country: str
    client: str
    price: Decimal
    due_at: float
    basis: Basis
    word: Word | None = None


def overdue(connection: Connection, rollout: str) -> list[Overdue]:
    """The refunds that never came, by the last balance of each account, oldest first."""
    terms = read_terms(connection, rollout)
    return [
        one
        for account in read(connection, rollout)
        if account.outstanding
        for one in _overdue(connection, rollout, account, terms[account.arm].refund_within)
    ]


def _overdue(
    connection: Connection, rollout: str, account: Account, refund_within: float
) -> Iterable[Overdue]:
    where = [
        leases.c.rollout == rollout,
        leases.c.arm.in_(tuple(Arm) if account.shared else (account.arm,)),
        leases.c.result == Result.REFUND,
        leases.c.refunded_at.is_(None),
        leases.c.price.is_not(None),
        _certainly_due(account.at - refund_within),
    ]
    if account.account:
        where.append(leases.c.key == account.account)
    rows = connection.execute(_with_words(select(leases, statements.c.word)).where(*where)).all()
    chosen, left = [], account.outstanding
    for row in sorted(rows, key=lambda one: (missing_rank(_word(one.word)), one.due_at)):
        if row.price <= left:
            left -= row.price
            chosen.append(row)
    for row in sorted(chosen, key=lambda one: one.due_at):
        yield Overdue(
            Arm(row.arm),
            row.id,
            row.service,
            row.country,
            row.client,
            row.price,
            row.due_at,
            Basis(row.basis),
            _word(row.word),
        )


def promises(connection: Connection, rollout: str, arm: Arm, since: float) -> Promises:
    """What became of an arm's refunds since then; nothing is known of an account that both arms buy from."""
    mine = {one.account for one in read(connection, rollout) if one.arm is arm and not one.shared}
    if not mine:
        return Promises()
    came = select(func.count()).where(
        leases.c.rollout == rollout,
        leases.c.arm == arm,
        leases.c.result == Result.REFUND,
        leases.c.refunded_at >= since,
    )
    late = [one for one in overdue(connection, rollout) if one.arm is arm and one.due_at >= since]
    money = sum((one.price for one in late), start=NOTHING)
    return Promises(connection.execute(came).scalar_one(), len(late), money)


@dataclass(frozen=True, slots=True)
class Lag:
    """How long refunds took, in seconds, over those that a balance confirmed: at most, since it was asked later."""

    n: int = 0
    mean: float | None = None
    longest: float | None = None


def lags(connection: Connection, rollout: str) -> dict[Arm, Lag]:
    """Each arm's refund lag."""
    took = leases.c.refunded_at - leases.c.due_at
    statement = (
        select(leases.c.arm, func.count(), func.avg(took), func.max(took))
        .where(
            leases.c.rollout == rollout, leases.c.result == Result.REFUND, leases.c.refunded_at.is_not(None)
        )
        .group_by(leases.c.arm)
    )
    known = {Arm(arm): Lag(n, mean, longest) for arm, n, mean, longest in connection.execute(statement)}
    return {arm: known.get(arm, Lag()) for arm in Arm}
