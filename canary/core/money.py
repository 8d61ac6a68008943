"""What leases cost: when a refund fell due and why, and sums that stay exact."""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from canary.core.leases import SKEW
from canary.core.model import Lease, LeaseState

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
