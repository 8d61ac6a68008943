"""SMSPVA v2: GETs that buy, PUTs that write, and a status code in every body that tells what happened.

Source: https://docs.smspva.com. Numbers are told without their dial code, prices in a request of their own; an order
ends by itself after 580 seconds and is forgotten after ten minutes. Nothing finishes an order: one whose message came
is done. Rents are another API at another address with the key in the query, and are not spoken.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import (
    Dialect,
    Garbled,
    Named,
    Naming,
    NativeRequest,
    NativeResponse,
    Offer,
    Order,
    OrderState,
    Refused,
    Settings,
    Steps,
    Unanswered,
    Want,
    in_path,
    read_from,
    write_to,
)
from canary.core.dialects.reading import amount_of, count_of, known_id, mapping, rows, text_of

_REFUSED = {
    401: "BAD_KEY",
    403: "BAD_KEY",
    405: "BAD_SERVICE",
    406: "NO_ACTIVATION",
    407: "NO_BALANCE",
    411: "RATE_LIMITED",  # "limited by low karma or ratelimits"
    429: "RATE_LIMITED",
    503: "ERROR_SQL",  # "server overload, try later"
}
"""handler_api's word by the status code in a body."""

_NO_NUMBERS = frozenset({501, 502})
"""Codes that a purchase is answered with when there is no number; to anything else 501 says that it failed."""

_WAITING, _CLOSED, _NO_SMS = 202, 410, 404


def _asked(request: NativeRequest, settings: Settings) -> Steps[tuple[int, Any]]:
    """The status code and the data that a request is answered with."""
    answer = yield request
    body = _body(answer)
    code = count_of(body, "statusCode") or answer.status
    word = _REFUSED.get(code)
    if word is not None:
        raise Refused(_spoken(settings, body) or word)
    return code, body.get("data")


def _body(answer: NativeResponse) -> Mapping[str, Any]:
    try:
        return mapping(answer.data)
    except Garbled:
        if answer.status in _REFUSED:
            return {}
        raise


def _spoken(settings: Settings, body: Mapping[str, Any]) -> str:
    """The profile's word for what an error says."""
    error = body.get("error")
    said = text_of(error, "description", "message") if isinstance(error, dict) else text_of(body, "error")
    return next((word for part, word in settings.refusals.items() if part in said.lower()), "")


def _data(request: NativeRequest, settings: Settings) -> Steps[Any]:
    """The data of a request that worked."""
    code, data = yield from _asked(request, settings)
    if 400 <= code < 500:
        raise Refused("")
    if code != 200:
        raise Garbled
    return data


# --- orders -----------------------------------------------------------------------------------------------------------


def _buy(settings: Settings, want: Want) -> Steps[Order]:
    """There is no cap on the price: with one the price is read first, otherwise when the number is there."""
    price = None
    if want.max_price is not None:
        price = yield from _price(settings, want)
        if price is not None and price > want.max_price:
            raise Refused("WRONG_MAX_PRICE", f"{price:f}")
    path = f"/activation/number/{in_path(want.country)}/{in_path(want.service)}"
    code, data = yield from _asked(NativeRequest("GET", path), settings)  # a GET that buys
    if code in _NO_NUMBERS:
        raise Refused("NO_NUMBERS")
    if code != 200:
        raise Refused("") if 400 <= code < 500 else Garbled
    order = known_id(_order(mapping(data), settings, want))
    if price is None:
        price = yield from _price(settings, want)
    return Order(
        order.id, order.phone, service=want.service, country=want.country, price=price, lives=order.lives
    )


def _price(settings: Settings, want: Want) -> Steps[Decimal | None]:
    """What a number costs, as far as it is told: no purchase fails for want of it."""
    path = f"/activation/serviceprice/{in_path(want.country)}/{in_path(want.service)}"
    try:
        return amount_of(mapping((yield from _data(read_from(path), settings))), "price")
    except (Refused, Garbled, Unanswered):
        return None


def _order(row: Mapping[str, Any], settings: Settings, want: Want) -> Order:
    country = text_of(row, "countryCode", "country") or want.country
    digits = text_of(row, "phoneNumber", "phone").lstrip("+")
    dial = text_of(row, "countryPhoneCode").lstrip("+") or settings.dial_codes.get(country, "")
    code, text = _message(row.get("sms"))
    return Order(
        id=text_of(row, "orderId", "id"),
        phone=dial + digits if digits else "",
        state=OrderState.RECEIVED if code or text else OrderState.WAITING,
        code=code,
        text=text,
        service=text_of(row, "service") or want.service,
        country=country,
        lives=count_of(row, "orderExpireIn"),
    )


def _message(sms: Any) -> tuple[str, str]:
    if isinstance(sms, str):
        return sms.strip(), sms.strip()
    row = sms if isinstance(sms, dict) else {}
    return text_of(row, "code"), text_of(row, "fullText", "text", "message")


def _look(settings: Settings, own: str) -> Steps[Order]:
    code, data = yield from _asked(read_from(f"/activation/sms/{in_path(own)}"), settings)
    if code == _WAITING:
        return Order(own)
    if code == _CLOSED:
        return Order(own, state=OrderState.ENDED)
    if code != 200:
        raise Refused("") if 400 <= code < 500 else Garbled
    came, text = _message(mapping(data).get("sms"))
    return Order(own, state=OrderState.RECEIVED, code=came, text=text) if came or text else Order(own)


def _cancel(settings: Settings, own: str) -> Steps[None]:
    yield from _data(write_to("PUT", f"/activation/cancelorder/{in_path(own)}"), settings)


def _again(settings: Settings, own: str) -> Steps[None]:
    code, _ = yield from _asked(write_to("PUT", f"/activation/clearsms/{in_path(own)}"), settings)
    if code in {_NO_SMS, _CLOSED}:
        raise Refused("BAD_STATUS")
    if code != 200:
        raise Refused("") if 400 <= code < 500 else Garbled


def _orders(settings: Settings) -> Steps[list[Order]]:
    data = mapping((yield from _data(read_from("/activation/orders"), settings)))
    nobody = Want("", "")
    return [_order(row, settings, nobody) for row in rows(data.get("orders"))]


# --- the account and the market ---------------------------------------------------------------------------------------


def _balance(settings: Settings) -> Steps[Decimal]:
    balance = amount_of(mapping((yield from _data(read_from("/activation/balance"), settings))), "balance")
    if balance is None:
        raise Garbled
    return balance


def _offers(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    if service and country:
        path = f"/activation/serviceprice/{in_path(country)}/{in_path(service)}"
        row = mapping((yield from _data(read_from(path), settings)))
        return [Offer(country, service, amount_of(row, "price"), count_of(row, "count"))]
    listed = yield from _listed(settings)
    return [
        Offer(place, name, amount_of(row, "price"), count_of(row, "count"))
        for row in listed
        if (name := text_of(row, "service")) and service in {"", name}
        if (place := text_of(row, "country", "countryCode") or country) and country in {"", place}
    ]


def _services(settings: Settings, country: str) -> Steps[list[Named]]:
    listed = yield from _listed(settings)
    named = {text_of(row, "service"): text_of(row, "serviceDescription") for row in listed}
    return [Named(name, title) for name, title in named.items() if name]


def _listed(settings: Settings) -> Steps[list[Mapping[str, Any]]]:
    return rows((yield from _data(read_from("/activation/servicesprices"), settings)))


SMSPVA = Dialect(
    name="smspva",
    title="SMSPVA v2",
    naming=Naming.ISO,
    buy=_buy,
    look=_look,
    cancel=_cancel,
    again=_again,
    balance=_balance,
    orders=_orders,
    offers=_offers,
    services=_services,
    key_header="apikey",
    bearer="",
)
