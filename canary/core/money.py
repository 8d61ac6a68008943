"""What leases cost: when a refund fell due and why, sums that stay exact, and what a balance says of them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from canary.core.leases import SKEW
from canary.core.model import Arm, Lease, LeaseState

NOTHING = Decimal(0)


class Basis(StrEnum):
    """Why a provider owes a lease's price."""

    CLAIM = "claim"  # a cancel was carried out, or its answer was lost
    CLOSED = "closed"  # the provider reported it as over before its time
    RULE = "rule"  # the lifetime passed, and this provider refunds by itself


class Due(NamedTuple):
    """A refund: since when it is owed, and why."""

    at: float
    basis: Basis


def given_back(lease: Lease) -> Due | None:
    """The first reason for a refund that is known of a lease, whether or not a code came in the end."""
    claimed = [] if lease.claimed_at is None else [Due(lease.claimed_at, Basis.CLAIM)]
    over = _over(lease)
    return min(claimed if over is None else [*claimed, over], default=None)


_CLOSED = frozenset({LeaseState.REFUNDED, LeaseState.EXPIRED})


def _over(lease: Lease) -> Due | None:
    """The refund for a lease that is over: one that ran its time depends on the provider's rule."""
    if lease.ended_at is None or lease.state not in {*_CLOSED, LeaseState.ABANDONED}:
        return None
    if lease.expires_at is not None and lease.ended_at >= lease.expires_at - SKEW:
        at = min(lease.expires_at, lease.ended_at)
        return Due(at, Basis.RULE) if lease.auto_refund else None
    return Due(lease.ended_at, Basis.CLOSED) if lease.state in _CLOSED else None


class Result(StrEnum):
    """What became of a lease's price."""

    OPEN = "open"  # not known yet
    SUCCESS = "success"  # paid for: its code came, or the client accepted it
    REFUND = "refund"  # owed back, or back already
    LOSS = "loss"  # kept by the provider, for nothing


def result_of(lease: Lease) -> Result:
    """The result as far as it is known."""
    if lease.code_at is not None or lease.state is LeaseState.SUCCEEDED:
        return Result.SUCCESS
    if given_back(lease) is not None:
        return Result.REFUND
    return Result.OPEN if lease.state is LeaseState.OPEN else Result.LOSS


def refund_due(lease: Lease) -> Due | None:
    """The refund that is owed for a lease as it stands; one whose code came is owed none."""
    return given_back(lease) if result_of(lease) is Result.REFUND else None


@dataclass(frozen=True, slots=True)
class Money:
    """What some leases of known price cost, in their arm's unit.

    ``spent``: their prices. ``refunded``: prices of which the refund is due, by the provider's word or rule.
    ``settled``: the part of ``spent`` whose result is known, refunds included; the price of a lease that still
    waits for its code is not in it. ``successes``: those that brought a code. ``confirmed``: the part of
    ``refunded`` that a balance showed to have come back. ``leases``: how many there are; ``unpriced``: how many
    more there are whose price is not known.
    """

    spent: Decimal = NOTHING
    refunded: Decimal = NOTHING
    settled: Decimal = NOTHING
    successes: int = 0
    confirmed: Decimal = NOTHING
    leases: int = 0
    unpriced: int = 0

    def __add__(self, other: "Money") -> "Money":
        return Money(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Money)))

    @property
    def per_success(self) -> Decimal | None:
        """Money that does not come back, per success; ``None`` without one."""
        return (self.settled - self.refunded) / self.successes if self.successes else None

    @property
    def sticker(self) -> Decimal | None:
        """The mean price before refunds; ``None`` without a lease."""
        return self.spent / self.leases if self.leases else None


def money_of(result: Result, price: Decimal | None, *, confirmed: bool = False, n: int = 1) -> Money:
    """The money of ``n`` leases that are alike.

    Args:
        confirmed: whether a balance showed that their refund had come back.
    """
    if price is None:
        return Money(unpriced=n)
    amount = price * n
    back = amount if result is Result.REFUND else NOTHING
    return Money(
        spent=amount,
        refunded=back,
        settled=NOTHING if result is Result.OPEN else amount,
        successes=n if result is Result.SUCCESS else 0,
        confirmed=back if confirmed else NOTHING,
        leases=n,
    )


# --- what a balance says ------------------------------------------------------------------------------------------

SLOWEST = 86400.0
"""Seconds that refunds may take where a provider promises nothing: SMS-Activate took hours."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One arm's money.

    ``factor`` turns its unit into the one that both arms are compared in. ``refund_within``: seconds that a refund
    may take.
    """

    currency: str = "unknown"
    factor: Decimal = Decimal(1)
    refund_within: float = SLOWEST


@dataclass(frozen=True, slots=True)
class Reading:
    """A balance as an arm told it.

    ``account``: the fingerprint of the client's key that was passed on, empty for the arm's own. ``at`` and
    ``until``: when it was asked for and answered.
    """

    arm: Arm
    account: str
    at: float
    until: float
    balance: Decimal


class Range(NamedTuple):
    """A sum of which a part may or may not have been in the balance yet when it was told."""

    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """What the last balance showed.

    ``paid_in``: what the account would hold without any lease, as far as is known. ``due``: refunds that had fallen
    due for certain. ``outstanding``: the part of them that was not in the balance for certain, ``at_most``: that may
    not have been in it. ``unexplained``: what else was missing.
    """

    arm: Arm
    account: str
    at: float
    balance: Decimal
    paid_in: Decimal
    due: Decimal = NOTHING
    outstanding: Decimal = NOTHING
    at_most: Decimal = NOTHING
    unexplained: Decimal = NOTHING

    @property
    def expected(self) -> Decimal:
        """The balance if every refund had come and nothing else were missing."""
        return self.balance + self.outstanding + self.unexplained

    @property
    def arrived(self) -> Decimal:
        """Refunds that had come for certain."""
        return max(self.due - self.at_most, NOTHING)


def judged(reading: Reading, spent: Range, due: Range, before: Account | None) -> Account:
    """The account after a reading.

    Whatever has been paid in is the most that a balance, with the money of its leases put back, ever amounted to:
    refunds under way and money spent elsewhere only ever lower it. What is missing beyond the refunds that can be
    under way is unexplained, and stays so until the balance shows that it came back.

    Args:
        spent: prices of leases bought until then.
        due: refunds that fell due until then.
    """
    without = Range(reading.balance + spent.least - due.most, reading.balance + spent.most - due.least)
    if before is None:
        before = Account(reading.arm, reading.account, reading.at, reading.balance, without.least, due.least)
    paid_in = max(without.least, before.paid_in)
    missing = Range(max(paid_in - without.most, NOTHING), max(paid_in - without.least, NOTHING))
    under_way = before.at_most + due.most - before.due
    unexplained = min(before.unexplained, missing.least)
    unexplained += max(missing.least - unexplained - under_way, NOTHING)
    return Account(
        reading.arm,
        reading.account,
        reading.at,
        reading.balance,
        paid_in,
        due.least,
        missing.least - unexplained,
        missing.most - unexplained,
        unexplained,
    )


class Owed(NamedTuple):
    """A refund that no balance has confirmed."""

    lease: tuple[str, str]  # kind and the arm's own id
    due_at: float
    price: Decimal


def arrived(waiting: Iterable[Owed], amount: Decimal, late: float) -> list[Owed]:
    """Which refunds an amount that came back was made of.

    A balance does not say. They are taken in the order in which they fell due, those that fell due before ``late``
    last: a refund that is overdue is less likely to be the one that has just come.
    """
    found = []
    for one in sorted(waiting, key=lambda owed: (owed.due_at < late, owed.due_at)):
        if one.price <= amount:
            amount -= one.price
            found.append(one)
    return found
