"""The knobs of a simulated provider: one frozen model, replaced as a whole when something changes."""

from collections.abc import Mapping
from decimal import Decimal
from math import exp, log
from random import Random
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from canary.core.policy.gates import Strict
from canary.core.policy.model import RateLimit
from canary.core.policy.notation import Duration, Money, Share
from canary.sim.dialects import DIALECTS
from canary.sim.drifts import DRIFTS
from canary.sim.knobs import close_to

_Z95 = 1.6448536269514722
"""The standard normal's 95th percentile."""


class Spread(Strict):
    """A length of time that varies: lognormal with this median and 95th percentile, constant without the latter."""

    median: Duration
    p95: Duration | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95 is not None and (self.p95 < self.median or self.median <= 0):
            raise ValueError("p95 needs a median above zero and not above p95")
        return self

    def draw(self, random: Random) -> float:
        """One length in seconds."""
        if self.p95 is None or self.p95 == self.median:
            return self.median
        sigma = log(self.p95 / self.median) / _Z95
        return self.median * exp(sigma * random.gauss(0.0, 1.0))


def _spread(value: Any) -> Any:
    """A bare duration is a constant spread."""
    return value if isinstance(value, Mapping | Spread) else {"median": value}


Delay = Annotated[Spread, BeforeValidator(_spread)]


class Limit(RateLimit):
    """Calls per second that a key, or a key at one source address, may make.

    ``burst``: calls at once after a pause; ``block``: how long everything is refused once the limit was hit.
    """

    burst: Annotated[int, Field(ge=1)] = 10
    block: Duration = 0.0


IdKind = Literal["int", "int64", "order", "uniqid", "ulid"]
"""``int`` below 2^31, ``int64`` ten digits, ``order`` as ORD-7F3A, ``uniqid`` 13 hex digits, ``ulid`` as lr_01K..."""


class Behaviour(Strict):
    """What the provider does from now on. Shares are probabilities per purchase or per call.

    The tables ``success_of``, ``stock_out_of`` and ``prices`` go by ``service`` or ``service/country`` (an id).
    """

    dialect: str = "generic"
    drifts: frozenset[str] = frozenset()

    # numbers
    success: Share = 0.9  # a bought number gets its code
    success_of: dict[str, Share] = Field(default_factory=dict)
    code_delay: Delay = Spread(median=8.0, p95=45.0)
    silent_outage: bool = False  # codes that fall due now never come
    stock_out: Share = 0.0
    stock_out_of: dict[str, Share] = Field(default_factory=dict)
    max_active: Annotated[int, Field(ge=0)] = 0  # open numbers per account; 0: any number
    id_kind: IdKind = "int"
    id_start: Annotated[int, Field(ge=1)] | None = None  # for int and int64
    rent_id_start: Annotated[int, Field(ge=1)] = 1049

    # life of a lease
    lifetime: Duration = 1200.0
    lifetimes: dict[str, Duration] = Field(default_factory=dict)  # by service
    minimum_hold: Duration = 120.0  # earlier cancels are refused
    rent_hour: Annotated[Duration, Field(gt=0)] = 3600.0  # length of an hour of rent, to compress a demo
    rent_cancel_within: Duration = 1200.0
    forget_after: Duration | None = None  # ids of ended leases are unknown after this

    # money
    deposit: Money = Decimal(10000)
    price: Money = Decimal("0.20")
    prices: dict[str, Money] = Field(default_factory=dict)
    rent_price: Money = Decimal("0.50")  # an hour
    refund_delay: Delay = Spread(median=0.0)
    auto_refund: bool = True  # when a lease expires without a code
    cost_header: str = ""  # name of the header that tells a purchase's price
    sandbox_header: str = ""  # name of the header with which purchases cost nothing

    keys_refused: bool = False  # no key is taken
    token_lifetime: Duration = 3600.0  # of those that keys are exchanged for

    # the wire
    latency: Delay = Spread(median=0.0)
    latencies: dict[str, Delay] = Field(default_factory=dict)  # by action
    rate_limit: Limit | None = None
    call_error: Share = 0.0  # ERROR_SQL
    empty: Share = 0.0  # an empty 200
    html_error: Share = 0.0  # a 502 page
    reset: Share = 0.0  # the connection is reset
    hang: Share = 0.0  # the connection stays open without an answer
    faults_on: frozenset[str] = frozenset()  # only these actions; none: all
    carried_out: Share = 0.5  # of the calls with such a fault, those that took effect all the same
    gzip: bool = False  # for clients that accept it
    chunked: bool = False
    webhook: str = ""  # where every message is posted, too; empty: nowhere
    webhook_retry: Duration = 15.0  # between two tries, until the answer is 200
    refuse: bool = False  # nobody listens, and open connections are reset

    @field_validator("dialect")
    @classmethod
    def _known_dialect(cls, value: str) -> str:
        if value not in DIALECTS:
            raise ValueError(f"there is no dialect {value}; expected one of {', '.join(DIALECTS)}")
        return value

    @field_validator("drifts", "faults_on", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return {name for name in value.split(",") if name} if isinstance(value, str) else value

    @field_validator("drifts")
    @classmethod
    def _known_drifts(cls, value: frozenset[str]) -> frozenset[str]:
        for name in sorted(value - set(DRIFTS)):
            raise ValueError(f"there is no drift {name}{close_to(name, DRIFTS)}")
        return value

    @field_serializer("drifts", "faults_on")
    def _sorted(self, value: frozenset[str]) -> list[str]:
        return sorted(value)

    def price_of(self, service: str, country: str) -> Decimal:
        return _by_offer(self.prices, service, country, self.price)

    def success_for(self, service: str, country: str) -> float:
        return _by_offer(self.success_of, service, country, self.success)

    def stock_out_for(self, service: str, country: str) -> float:
        return _by_offer(self.stock_out_of, service, country, self.stock_out)

    def lifetime_of(self, service: str) -> float:
        return self.lifetimes.get(service, self.lifetime)


def _by_offer[T](table: Mapping[str, T], service: str, country: str, default: T) -> T:
    if not table:
        return default
    return table.get(f"{service}/{country}", table.get(service, default))
