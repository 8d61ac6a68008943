"""One call at the counter: what a handler needs to answer it, checked parameters included."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, written
from canary.sim.behaviour import Behaviour
from canary.sim.dialects import Dialect
from canary.sim.incoming import Incoming
from canary.sim.lease import Lease
from canary.sim.market import country_named
from canary.sim.shop import Shop

_CODE = re.compile(r"[a-z0-9]{2,5}")
_PRODUCT = re.compile(r"[a-z0-9]{3,40}")


@dataclass(frozen=True, slots=True)
class Visit:
    """``sandbox``: the call carries the header with which nothing is charged."""

    call: Incoming
    shop: Shop
    dialect: Dialect
    now: float
    sandbox: bool = False

    @property
    def behaviour(self) -> Behaviour:
        return self.shop.behaviour

    def service(self, name: str = "service") -> str:
        """The service that is asked for.

        Raises:
            Refused: BAD_SERVICE.
        """
        return self.known_service(self.call.get(name))

    def known_service(self, service: str) -> str:
        pattern = _PRODUCT if self.dialect.products else _CODE
        if not pattern.fullmatch(service):
            raise Refused("BAD_SERVICE")
        return service

    def country(self) -> str:
        """The id of the country that is asked for.

        Raises:
            Refused: BAD_COUNTRY.
        """
        dialect = self.dialect
        found = country_named(
            self.call.get("country"), russia=dialect.russia, iso=dialect.iso, slugs=dialect.products
        )
        if found is None:
            raise Refused("BAD_COUNTRY")
        return str(found)

    def lease(self, *names: str, kind: Kind = Kind.ACTIVATION, unknown: str = "unknown_read") -> Lease:
        """The lease that is named by the first of these parameters.

        Raises:
            Refused: ``unknown``, when this provider never issued the id.
        """
        lease = self.shop.find(kind, self.call.get(*names), self.now)
        if lease is None:
            raise Refused(unknown)
        return lease

    def hours(self) -> int:
        """The hours of rent that are asked for, 4 by default.

        Raises:
            Refused: INVALID_TIME, or MAX_HOURS_EXCEED beyond eight weeks.
        """
        asked = self.call.get("rent_time", "time", "duration", "hours") or "4"
        if not (asked.isascii() and asked.isdigit() and int(asked) > 0):
            raise Refused("INVALID_TIME")
        if int(asked) > MAX_HOURS:
            raise Refused("MAX_HOURS_EXCEED", info={"max": MAX_HOURS})
        return int(asked)

    def buy(self, service: str, country: str, *, price: Decimal | None = None, **how: object) -> Lease:
        """Sell the caller a number.

        Raises:
            Refused: WRONG_MAX_PRICE when the caller's cap is too low, or as ``Shop.sell``.
        """
        price = self.behaviour.price_of(service, country) if price is None else price
        cap = _amount(self.call.get("maxPrice", "max_price"))
        if cap is not None and cap < price:
            raise Refused("WRONG_MAX_PRICE", tail=written(price), info={"min": written(price)})
        return self.shop.sell(
            self.now,
            service,
            country,
            price=price,
            key=self.call.payer,
            id_kind=self.dialect.id_kind or self.behaviour.id_kind,
            sandbox=self.sandbox,
            operator=self.call.get("operator") or "any",
            **how,  # type: ignore[arg-type]
        )


MAX_HOURS = 1344

type Handler = Callable[[Visit], Answer]


def _amount(written: str) -> Decimal | None:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
