"""The shadow section of a policy: copies of reads, and leases that are bought for comparison."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from canary.core.budget import Caps
from canary.core.policy.exceptions import ContractException
from canary.core.policy.gates import Strict
from canary.core.policy.notation import Count, Duration, Money, Share


class Budget(Strict):
    """What live shadow leases may cost, refunds aside, in the unit of new's account.

    ``outstanding``: what may be bought and not given back yet, by default as much as in all. ``price``: the most
    that one number may cost, by default a tenth of the smallest of the three.
    """

    run: Money = Decimal(0)
    day: Money = Decimal(0)
    outstanding: Money | None = None
    price: Money | None = None

    @property
    def caps(self) -> Caps:
        """The budget with its defaults filled in."""
        least = min(self.run, self.day)
        outstanding = least if self.outstanding is None else self.outstanding
        price = min(least, outstanding) / 10 if self.price is None else self.price
        return Caps(self.run, self.day, outstanding, price)


class ShadowPolicy(Strict):
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
    queue: Annotated[Count, Field(ge=1)] = 1000
    noise: Share = 0.01  # of the shadowed reads, those repeated to the serving arm too
    exceptions: tuple[ContractException, ...] = ()
    leases: Literal["off", "sandbox", "live"] = "off"
    budget: Budget = Budget()

    @model_validator(mode="after")
    def _live_needs_money(self) -> Self:
        if self.leases == "live" and not (self.budget.run > 0 and self.budget.day > 0):
            raise ValueError(
                "live shadow leases cost money; expected budget: {run: $..., day: $...} above zero"
            )
        caps = self.budget.caps
        if self.leases == "live" and not 0 < caps.price <= min(caps.run, caps.day, caps.outstanding):
            raise ValueError(
                f"the budget buys no number that costs {caps.price}; expected price above zero, and run, day and "
                "outstanding to hold it"
            )
        return self
