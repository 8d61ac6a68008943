"""One number that a simulated provider sold, with everything that befell it."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from canary.core.model import Kind
from canary.sim.answers import written


class State(StrEnum):
    WAITING = "waiting"  # for the first code
    CODE = "code"  # the latest code is there
    ASKED = "asked"  # for another code
    FINISHED = "finished"  # by the client, or by its lifetime after a code came: billed
    CANCELLED = "cancelled"  # by the client: refunded
    EXPIRED = "expired"  # without a code


OPEN = frozenset({State.WAITING, State.CODE, State.ASKED})


@dataclass(slots=True)
class Lease:
    """Times are the provider's clock. ``price`` is what was charged: nothing in the sandbox."""

    ordinal: int  # among all that were sold
    kind: Kind
    id: str
    service: str
    country: str
    phone: str
    price: Decimal
    sandbox: bool
    key: str  # fingerprint
    bought_at: float
    ends_at: float
    operator: str = "any"
    state: State = State.WAITING
    codes: list[str] = field(default_factory=list)
    code_due: float | None = None
    code_at: float | None = None
    ended_at: float | None = None
    refund_due: float | None = None
    refunded_at: float | None = None
    calls: int = 0
    draws: int = 0  # random streams used so far

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def code(self) -> str:
        """The latest code, or an empty string."""
        return self.codes[-1] if self.codes else ""

    def as_json(self) -> dict[str, Any]:
        """The row that the books show."""
        return {
            "kind": self.kind.value,
            "id": self.id,
            "service": self.service,
            "country": self.country,
            "phone": self.phone,
            "price": written(self.price),
            "sandbox": self.sandbox,
            "key": self.key,
            "state": self.state.value,
            "codes": list(self.codes),
            "bought_at": self.bought_at,
            "ends_at": self.ends_at,
            "code_at": self.code_at,
            "ended_at": self.ended_at,
            "refund_due": self.refund_due,
            "refunded_at": self.refunded_at,
            "calls": self.calls,
        }
