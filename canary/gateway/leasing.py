"""Leases as they begin: bought through the harness, or met in traffic because they are older than it."""

from datetime import datetime
from decimal import Decimal

from canary.core.leases import append_call
from canary.core.model import Call, Issued, Kind, Lease, Purchase, Request
from canary.core.protocol.read import price_from_headers
from canary.core.protocol.rewrite import fingerprint
from canary.core.stats.bins import bin_of
from canary.gateway.asking import ArmSide, Asked

MAX_LABEL = 100
"""Characters that are kept of a service or country; nobody's is longer, and clients may write anything."""


def label(text: str) -> str:
    """A service or country as it is kept."""
    return text[:MAX_LABEL]


def bought(
    request: Request, call: Call, asked: Asked, purchase: Purchase, issued: Issued, side: ArmSide
) -> Lease:
    """The lease of one number that a purchase reply names, shown by the arm's own id so far."""
    service = label(issued.service) or purchase.service
    price, source = _price(asked, issued, side)
    return Lease(
        arm=asked.arm,
        kind=call.kind,
        id=issued.id,
        visible_id=issued.id,
        opened_at=purchase.at,
        purchase=purchase.id,
        service=service,
        country=purchase.country,
        client=request.client,
        key=fingerprint(call.key or ""),
        price=price,
        price_source=source,
        expires_at=_named_end(issued, purchase.at) or _usual_end(call, purchase.at, service, side),
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
        seen_at=at,
    )


def _price(asked: Asked, issued: Issued, side: ArmSide) -> tuple[Decimal | None, str]:
    price = price_from_headers(asked.response.headers, side.price_headers) if asked.response else None
    if price is not None:
        return price, "header"
    return issued.price, "reply" if issued.price is not None else ""


def _named_end(issued: Issued, at: float) -> float | None:
    """The end that the reply names, if its time zone is known (HeroSMS writes RFC 3339) and it is to come."""
    try:
        end = datetime.fromisoformat(issued.expires_at)
    except ValueError:
        return None
    return end.timestamp() if end.tzinfo is not None and end.timestamp() > at else None


def _usual_end(call: Call, at: float, service: str, side: ArmSide) -> float | None:
    """When a lease ends by itself; ``None`` for a rent of unknown length, which the provider's word alone ends."""
    if call.kind is not Kind.RENT:
        return at + side.lifetime_of(service)
    hours = call.params.get("rent_time", "")  # SMS-Activate counts rents in hours
    return at + int(hours) * 3600 if hours.isascii() and hours.isdecimal() and len(hours) < 6 else None
