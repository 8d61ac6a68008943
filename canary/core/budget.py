"""What live shadow leases may cost: money is reserved before a purchase is sent, and counted whatever comes back.

Refunds give nothing back to the caps: whether one really comes is known much later, if ever, and a provider that
never refunds must not cost more than the policy says.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum

NOTHING = Decimal(0)

DAY = 86_400
"""Seconds of a day; days are those of UTC."""

LATE = 300
"""Seconds before midnight from which on a purchase counts for both days: it may be charged to the next one, because
its answer takes time and the provider's clock is another."""


class Refusal(StrEnum):
    """Why no shadow lease is bought; a part of a counter's name."""

    STOPPED = "stopped"  # by hand, or because a number cost more than it may
    RUN = "over_run"
    DAY = "over_day"
    OUTSTANDING = "over_outstanding"


@dataclass(frozen=True, slots=True)
class Spent:
    """What shadow leases cost so far, in the unit of new's account.

    ``run``: in the whole rollout, ``day``: today, refunds aside. ``outstanding``: of those that are not given back.
    """

    run: Decimal = NOTHING
    day: Decimal = NOTHING
    outstanding: Decimal = NOTHING

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Spent)))


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be spent, and ``price``: the most that one number may cost. It is what is reserved."""

    run: Decimal
    day: Decimal
    outstanding: Decimal
    price: Decimal

    def refusal(self, spent: Spent) -> Refusal | None:
        """Which cap another purchase could break; ``None`` when it fits."""
        after = spent + Spent(self.price, self.price, self.price)
        if after.run > self.run:
            return Refusal.RUN
        if after.day > self.day:
            return Refusal.DAY
        return Refusal.OUTSTANDING if after.outstanding > self.outstanding else None


def day_of(at: float) -> int:
    """The day that holds a wall-clock time."""
    return int(at // DAY)


def last_day_of(at: float) -> int:
    """The last day to which a purchase made at that time may be charged."""
    return day_of(at + LATE)
