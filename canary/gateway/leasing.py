"""Leases as they begin: bought through the harness, or met in traffic because they are older than it."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from canary.core.leases import PRICE_SOURCES, append_call
from canary.core.model import Call, Issued, Kind, Lease, LeaseState, Purchase, Request
from canary.core.protocol.read import price_from_headers
from canary.core.protocol.rewrite import fingerprint
from canary.core.stats.bins import bin_of
from canary.gateway.asking import ArmSide, Asked
from canary.gateway.dates import end_of, written

MAX_LABEL = 100
"""Characters that are kept of a service or country; nobody's is longer, and clients may write anything."""


def label(text: str) -> str:
    """A service or country as it is kept."""
    return text[:MAX_LABEL]


def bought(
    request: Request, call: Call, asked: Asked, purchase: Purchase, side: ArmSide
) -> tuple[Lease, ...]:
    """The leases of the numbers that a purchase reply names, with the ids by which they might be shown."""
    issued = asked.exchange.reply.issued
    prices = _prices(asked, purchase, side)
    return tuple(
        _bought(request, call, purchase, one, price, side) for one, price in zip(issued, prices, strict=True)
    )


def living_on(lease: Lease, known: Iterable[Lease], *, again: bool) -> Lease:
    """The lease as it began, with what it costs and how long it lives now, when it is one of ``known``.

    One that is open and prolonged, or whose order is answered again, is the same lease: its first purchase keeps
    it. An id that comes back after its lease's end is another lease.

    Args:
        again: the order is answered again, and nothing more is paid.
    """
    before = next((one for one in known if one.lease_key == lease.lease_key), None)
    if before is None or before.state is not LeaseState.OPEN:
        return lease
    told = again and before.price is not None
    price, source = (before.price, before.price_source) if told else _price_so_far(before, lease)
    return replace(
        before, price=price, price_source=source, expires_at=lease.expires_at, seen_at=lease.seen_at
    )


def _price_so_far(before: Lease, lease: Lease) -> "_Price":
    """A header says what this purchase cost, a reply what the lease cost in all."""
    if lease.price is None:
        return before.price, before.price_source
    if before.price is None:
        return lease.price, lease.price_source
    paid = before.price + lease.price if lease.price_source == "header" else lease.price
    return paid, max(before.price_source, lease.price_source, key=PRICE_SOURCES.index)


def _bought(
    request: Request, call: Call, purchase: Purchase, issued: Issued, price: "_Price", side: ArmSide
) -> Lease:
    service = label(issued.service) or purchase.service
    usual = _usual_end(call, purchase.at, service, side)
    kind = issued.kind or call.kind
    return Lease(
        arm=purchase.arm,
        kind=kind,
        id=issued.id,
        visible_id=side.visible(issued.id),
        opened_at=purchase.at,
        purchase=purchase.id,
        service=service,
        country=purchase.country,
        client=request.client,
        key=fingerprint(call.key or ""),
        price=price[0],
        price_source=price[1],
        expires_at=_named_end(issued, purchase.at, usual) or usual,
        auto_refund=side.auto_refund and kind is not Kind.RENT,  # a rent is paid for its time
        seen_at=purchase.at,
        calls=append_call(b"", 0.0, bin_of(purchase.latency), fault=False),
    )


def met(request: Request, call: Call, asked: Asked, side: ArmSide) -> Lease:
    """The one lease that a call names and ``asked`` knows, although nobody saw it being bought."""
    at = asked.exchange.at
    return Lease(
        arm=asked.arm,
        kind=call.kind,
        id=call.ids[0],
        visible_id=call.ids[0],
        opened_at=at,
        client=request.client,
        key=fingerprint(call.key or ""),
        expires_at=_usual_end(call, at, "", side),
        auto_refund=side.auto_refund and call.kind is not Kind.RENT,
        seen_at=at,
    )


type _Price = tuple[Decimal | None, str]  # with its source


def _prices(asked: Asked, purchase: Purchase, side: ArmSide) -> list[_Price]:
    """The price of each number: of the cost header a share, or what the reply or the arm's price table says."""
    issued = asked.exchange.reply.issued
    paid = price_from_headers(asked.response.headers, side.price_headers) if asked.response else None
    if paid is not None:
        return [(share, "header") for share in _shares(paid, len(issued))]
    return [_listed_price(one, purchase, side) for one in issued]


def _listed_price(issued: Issued, purchase: Purchase, side: ArmSide) -> _Price:
    if issued.price is not None:
        return issued.price, "reply"
    price = side.prices.of(issued.service or purchase.service, purchase.country)
    return price, "table" if price is not None else ""


_FINEST = Decimal("0.0001")


def _shares(amount: Decimal, n: int) -> list[Decimal]:
    """``amount`` in ``n`` parts that add up to it exactly."""
    part = (amount / n).quantize(_FINEST, ROUND_DOWN)
    return [amount - part * (n - 1), *[part] * (n - 1)]


def _named_end(issued: Issued, at: float, usual: float | None) -> float | None:
    """The end that the reply names, as far as it can be read."""
    end = written(issued.expires_at)
    return end_of(end, written(issued.began_at), at, usual) if end is not None else None


_HOURS = ("rent_time", "time", "duration", "hours")


def _usual_end(call: Call, at: float, service: str, side: ArmSide) -> float | None:
    """When a lease ends by itself; ``None`` for a rent of unknown length, which the provider's word alone ends."""
    if call.kind is not Kind.RENT:
        return at + side.lifetime_of(service)
    hours = next((value for name in _HOURS if (value := call.params.get(name))), "")
    return at + int(hours) * 3600 if hours.isascii() and hours.isdecimal() and len(hours) < 6 else None
