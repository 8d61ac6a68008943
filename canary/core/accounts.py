"""What an account's balance says of the leases that were bought with it: what came back, and what is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from canary.core.model import Arm
from canary.core.money import NOTHING, Money
from canary.core.protocol.listing import Listed

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
    ``until``: when it was asked for and answered. ``shared``: the other arm buys from the same account, as in an A/A
    run; it is followed as old's.
    """

    arm: Arm
    account: str
    at: float
    until: float
    balance: Decimal
    shared: bool = False

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Whose leases are bought from the account."""
        return tuple(Arm) if self.shared else (self.arm,)


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
    shared: bool = False  # by both arms

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
        reading.shared,
    )


class Word(StrEnum):
    """What a provider's own lists say of a lease whose refund is due."""

    REFUNDED = "refunded"  # its history charges nothing for it
    CHARGED = "charged"  # its history still charges for it
    ACTIVE = "active"  # it is still open there: the cancel was not carried out


def word_of(row: Listed, *, active: bool) -> Word | None:
    """What a row says of its lease; ``None`` when it tells no price.

    Args:
        active: the row is of the list of open leases, not of the history.
    """
    if active:
        return Word.ACTIVE
    if row.price is None:
        return None
    return Word.CHARGED if row.price else Word.REFUNDED


def missing_rank(word: Word | None) -> int:
    """Of refunds that may be missing: which is the likelier, the lower the rank."""
    return {None: 1, Word.REFUNDED: 2}.get(word, 0)


class Owed(NamedTuple):
    """A refund that no balance has confirmed; ``word``: what the provider's own lists said of it."""

    lease: tuple[str, str, str]  # arm, kind and the arm's own id
    due_at: float
    price: Decimal
    word: Word | None = None


def arrived(waiting: Iterable[Owed], amount: Decimal, late: float) -> list[Owed]:
    """Which refunds an amount that came back was made of.

    A balance does not say. Those that the provider's history has given back come first and those that it still
    charges for last. Else they are taken in the order in which they fell due, those that fell due before ``late`` last:
    a refund that is overdue is less likely to be the one that has just come.
    """
    found = []
    for one in sorted(waiting, key=lambda owed: (-missing_rank(owed.word), owed.due_at < late, owed.due_at)):
        if one.price <= amount:
            amount -= one.price
            found.append(one)
    return found


@dataclass(frozen=True, slots=True)
class Promises:
    """Refunds of one arm since some moment, by its balances: those that came, and those that are overdue.

    ``money``: what is overdue, in the arm's unit.
    """

    came: int = 0
    overdue: int = 0
    money: Decimal = NOTHING

    @property
    def due(self) -> int:
        """Refunds that should have come by the last balance."""
        return self.came + self.overdue


@dataclass(frozen=True, slots=True)
class Books:
    """One arm's money with what its balances show.

    ``overdue``: refunds that are due longer than the provider takes.
    """

    money: Money
    accounts: tuple[Account, ...] = ()
    overdue: Decimal = NOTHING

    @property
    def outstanding(self) -> Decimal:
        """Refunds that are due and were not in the last balance; without one every refund is taken to have come."""
        return sum((one.outstanding for one in self.accounts), start=NOTHING)

    @property
    def refunded(self) -> Decimal:
        """Refunds that came back."""
        return max(self.money.refunded - self.outstanding, NOTHING)

    @property
    def drift(self) -> Decimal | None:
        """Balances less what the leases say that they should be; ``None`` when no balance was seen."""
        if not self.accounts:
            return None
        return sum((one.balance - one.expected for one in self.accounts), start=NOTHING)

    @property
    def explained(self) -> bool:
        """Whether everything that is missing is on its way."""
        return not self.overdue and not any(one.unexplained for one in self.accounts)
