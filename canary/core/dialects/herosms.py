"""HeroSMS v1: JSON under ``data``, errors with a title that is a word of handler_api's, nothing in between.

Source: HeroSMS's OpenAPI description as its readers use it. A purchase is a batch of one and answers a list; no
activation can be asked for by its id, only for its last code, and 404 stands for a code that did not come as well as
for an activation that nobody knows. There is no balance: that is the handler_api endpoint's, which HeroSMS has too.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import (
    Dialect,
    Garbled,
    Message,
    Naming,
    NativeRequest,
    NativeResponse,
    Offer,
    Order,
    OrderState,
    Refused,
    Settings,
    Steps,
    Want,
    in_path,
    read_from,
    write_to,
)
from canary.core.dialects.reading import amount_of, count_of, known_id, mapping, rows, text_of
from canary.core.protocol.words import OUTCOMES, normalised

_WORDS = {
    "NOT_FOUND": "NO_ACTIVATION",
    "ACTIVATION_NOT_FOUND": "NO_ACTIVATION",
    "OTP_RECEIVED": "BAD_STATUS",
    "ACTIVATION_NOT_ACTIVE": "BAD_STATUS",
    "OFFER_NOT_FOUND": "NO_NUMBERS",
    "UNAUTHENTICATED": "BAD_KEY",
    "UNAUTHORIZED": "BAD_KEY",
    "RATE_LIMIT": "RATE_LIMITED",
    "SERVER_ERROR": "ERROR_SQL",
    "UNPROCESSABLE_ENTITY": "BAD_SERVICE",
}
"""The word that SMS-Activate's clients know for a title; other titles are known as they are."""

_STATUSES = {401: "BAD_KEY", 402: "NO_BALANCE", 404: "NO_ACTIVATION", 422: "BAD_SERVICE", 429: "RATE_LIMITED"}

_LISTED = 100
"""Activations on a page."""


def _asked(request: NativeRequest, settings: Settings) -> Steps[Any]:
    """What stands under ``data`` in the answer; ``None`` for 204. Any other answer without a body says nothing."""
    answer = yield request
    if answer.status >= 300:
        raise _refusal(answer, settings)
    if answer.status == 204:
        return None
    data = answer.data
    return data.get("data") if isinstance(data, dict) else data


def _refusal(answer: NativeResponse, settings: Settings) -> Exception:
    title, _ = _envelope(answer)
    named = next((word for part, word in settings.refusals.items() if title and part in title.lower()), "")
    word = named or _WORDS.get(title) or (title if title in OUTCOMES else "")
    if word == "WRONG_MAX_PRICE":
        return Refused(word, _minimum(answer))
    if answer.status >= 500 or answer.status < 400:
        return Garbled()
    return Refused(word or _STATUSES.get(answer.status, ""))


def _envelope(answer: NativeResponse) -> tuple[str, str]:
    """The title as a word, and the details."""
    try:
        body = mapping(answer.data)
    except Garbled:
        return "", ""
    return normalised(text_of(body, "title")), text_of(body, "details")


def _minimum(answer: NativeResponse) -> str:
    """The price from which on there are numbers."""
    info = mapping(answer.data).get("info")
    return text_of(info, "min") if isinstance(info, dict) else ""


# --- activations ------------------------------------------------------------------------------------------------------


def _bought(settings: Settings, want: Want, hours: int | None) -> Steps[Order]:
    body = {
        "service": want.service,
        "country": int(want.country) if want.country.isdecimal() else want.country,
        "amount": 1,
        "operator": want.operator or None,
        "maxPrice": want.max_price,
        "duration": hours,
        "verificationType": "sms",
    }
    data = yield from _asked(write_to("POST", "/activations", body), settings)
    bought = rows(data)
    if len(bought) != 1:
        raise Garbled
    return known_id(_order(bought[0], want.service, want.country))


def _order(row: Mapping[str, Any], service: str = "", country: str = "") -> Order:
    return Order(
        id=text_of(row, "id", "activationId"),
        phone=text_of(row, "phone", "number", "phoneNumber"),
        service=text_of(row, "service", "serviceCode") or service,
        country=text_of(row, "country", "countryCode") or country,
        operator=text_of(row, "operator"),
        price=amount_of(row, "price", "cost"),
        began_at=text_of(row, "createdAt", "created_at", "activationTime"),
        ends_at=text_of(row, "expiresAt", "expires_at", "activationEndTime"),
    )


def _buy(settings: Settings, want: Want) -> Steps[Order]:
    return (yield from _bought(settings, want, None))


def _look(settings: Settings, own: str) -> Steps[Order]:
    """The last code; without one, the list of what is active tells whether it is waited for."""
    answer = yield read_from(f"/activations/{in_path(own)}/otp/last")
    if answer.status == 404:
        _, details = _envelope(answer)
        if "activation" in details.lower():
            raise Refused("NO_ACTIVATION")
        return (yield from _among_active(settings, own))
    if answer.status >= 300:
        raise _refusal(answer, settings)
    data = mapping(answer.data).get("data")
    row = data if isinstance(data, dict) else {}
    code, text = text_of(row, "code", "otp"), text_of(row, "text", "message")
    if not code and not text:
        return (yield from _among_active(settings, own))
    return Order(
        own,
        state=OrderState.RECEIVED,
        code=code,
        text=text,
        began_at=text_of(row, "receivedAt", "created_at", "date"),
    )


def _among_active(settings: Settings, own: str) -> Steps[Order]:
    page = 1
    while True:
        listed = yield from _page(settings, page)
        if any(order.id == own for order in listed):
            return Order(own)
        if len(listed) < _LISTED or page == _PAGES:
            return Order(own, state=OrderState.ENDED)
        page += 1


_PAGES = 5


def _page(settings: Settings, page: int) -> Steps[list[Order]]:
    request = read_from("/activations", page=page, size=_LISTED)
    return [_order(row) for row in rows((yield from _asked(request, settings)))]


def _orders(settings: Settings) -> Steps[list[Order]]:
    return (yield from _page(settings, 1))


def _finish(settings: Settings, own: str) -> Steps[None]:
    yield from _asked(write_to("POST", f"/activations/{in_path(own)}/finish"), settings)


def _cancel(settings: Settings, own: str) -> Steps[None]:
    yield from _asked(write_to("DELETE", f"/activations/{in_path(own)}"), settings)


# --- rents: activations with a duration -------------------------------------------------------------------------------


def _rent(settings: Settings, want: Want) -> Steps[Order]:
    return (yield from _bought(settings, want, want.hours))


def _inbox(settings: Settings, own: str) -> Steps[list[Message]]:
    answer = yield read_from(f"/activations/{in_path(own)}/otp")
    if answer.status == 404 and "activation" not in _envelope(answer)[1].lower():
        return []
    if answer.status >= 300:
        raise _refusal(answer, settings)
    return [
        Message(
            text_of(row, "text", "message"),
            text_of(row, "code", "otp"),
            text_of(row, "sender", "from", "phoneFrom"),
            text_of(row, "receivedAt", "created_at", "date"),
        )
        for row in rows(mapping(answer.data).get("data"))
    ]


# --- the market -------------------------------------------------------------------------------------------------------


def _offers(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    data = yield from _asked(read_from("/activations/offers", services=service, countries=country), settings)
    return [
        Offer(place, code, _price(row), _count(row))
        for code, places in mapping(data).items()
        if isinstance(places, dict)
        for place, row in places.items()
        if isinstance(row, dict)
    ]


def _price(row: Mapping[str, Any]) -> Decimal | None:
    prices = row.get("prices")
    return amount_of(prices, "default", "min", "retail") if isinstance(prices, dict) else None


def _count(row: Mapping[str, Any]) -> int | None:
    counts = row.get("counts")
    return count_of(counts, "total") if isinstance(counts, dict) else None


HEROSMS = Dialect(
    name="herosms-v1",
    title="HeroSMS v1",
    naming=Naming.ID,
    buy=_buy,
    look=_look,
    cancel=_cancel,
    finish=_finish,
    orders=_orders,
    offers=_offers,
    stock=_offers,
    rent=_rent,
    inbox=_inbox,
    give_back=_cancel,
    give_up=_finish,
    bearer="ApiKey",
)
