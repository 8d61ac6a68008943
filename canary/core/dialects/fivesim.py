"""5sim v1: plain GETs for everything, names instead of ids, errors as plain text.

Source: https://5sim.net/docs, and answers recorded from it: a purchase without stock answers 200 with text; orders
gather messages until they are finished, so that there is no way to ask for another; prices nest differently by what
is asked for; 503 stands for the limits of an address. The inbox of a hosting order has an address of its own.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import (
    Dialect,
    Garbled,
    Message,
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
    Want,
    in_path,
    read_from,
)
from canary.core.dialects.reading import (
    amount_of,
    count_of,
    known_id,
    latest,
    mapping,
    refused_by,
    rows,
    text_of,
)

WORDS: Mapping[str, str] = {
    "no free phones": "NO_NUMBERS",
    "not enough user balance": "NO_BALANCE",
    "not enough rating": "ACCOUNT_INACTIVE",
    "bad country": "BAD_COUNTRY",
    "select country": "BAD_COUNTRY",
    "country is incorrect": "BAD_COUNTRY",
    "bad operator": "BAD_OPERATOR",
    "select operator": "BAD_OPERATOR",
    "no product": "BAD_SERVICE",
    "bad product": "BAD_SERVICE",
    "product is incorrect": "BAD_SERVICE",
    "order not found": "NO_ACTIVATION",
    "record not found": "NO_ACTIVATION",
    "order expired": "BAD_STATUS",
    "order has sms": "BAD_STATUS",
    "order no sms": "BAD_STATUS",
    "hosting order": "CANT_CANCEL",
    "server offline": "ERROR_SQL",
    "internal error": "ERROR_SQL",
}
"""handler_api's word by 5sim's own, which is the whole body."""

_LISTED = 100
"""Orders of a list that are asked for at once."""

_STATES = {"PENDING": OrderState.WAITING, "RECEIVED": OrderState.RECEIVED}
"""Every other status is an end: CANCELED, TIMEOUT, FINISHED, BANNED."""

_RETURNED = frozenset({"CANCELED", "TIMEOUT", "BANNED"})

_HOURS = {3: "3hours", 24: "1day", 240: "10days", 720: "1month"}
"""The lengths for which a number is hosted."""

_ABOUT_COUNTRY = frozenset({"iso", "prefix", "text_en", "text_ru"})
"""Members of a country that are no operators."""


def _asked(request: NativeRequest, settings: Settings) -> Steps[Any]:
    """The JSON that a request is answered with."""
    answer = yield request
    if answer.status == 401:
        raise Refused("BAD_KEY")
    if answer.status in {429, 503}:
        raise Refused("RATE_LIMITED")
    if answer.text[:1] in {"{", "["}:
        if answer.status >= 500:
            raise Garbled
        return answer.data
    raise _said(answer, settings)


def _said(answer: NativeResponse, settings: Settings) -> Exception:
    text = answer.text
    refused = refused_by(WORDS, settings, text[:200]) if text[:1] != "<" else Refused("")
    return refused if refused.word or 400 <= answer.status < 500 else Garbled()


# --- orders -----------------------------------------------------------------------------------------------------------


def _order(data: Any) -> Order:
    row = mapping(data)
    sms = row.get("sms")
    message = latest(_messages(sms if isinstance(sms, list) else []))
    state = _STATES.get(text_of(row, "status"), OrderState.ENDED)
    if state is OrderState.RECEIVED and not (message.code or message.text):
        state = OrderState.WAITING  # for the message: the word is said of the number
    return Order(
        id=text_of(row, "id"),
        phone=text_of(row, "phone"),
        state=state,
        code=message.code,
        text=message.text,
        service=text_of(row, "product"),
        country=text_of(row, "country"),
        operator=text_of(row, "operator"),
        price=amount_of(row, "price"),
        began_at=text_of(row, "created_at"),
        ends_at=text_of(row, "expires"),
        returned=text_of(row, "status") in _RETURNED,
    )


def _messages(sms: list[Any]) -> list[Message]:
    return [
        Message(
            text_of(row, "text"),
            text_of(row, "code"),
            text_of(row, "sender"),
            text_of(row, "created_at", "date"),
        )
        for row in rows(sms)
    ]


def _bought(category: str, want: Want, product: str, settings: Settings) -> Steps[Order]:
    """A cap on the price is honoured only for any operator."""
    operator = "any" if want.max_price is not None else want.operator or "any"
    path = f"/user/buy/{category}/{in_path(want.country)}/{in_path(operator)}/{in_path(product)}"
    cap = "" if want.max_price is None else f"maxPrice={want.max_price:f}"
    answer = yield from _asked(NativeRequest("GET", path, cap), settings)  # a GET that buys
    return known_id(_order(answer))


def _buy(settings: Settings, want: Want) -> Steps[Order]:
    return (yield from _bought("activation", want, want.service, settings))


def _look(settings: Settings, own: str) -> Steps[Order]:
    return _order((yield from _asked(read_from(f"/user/check/{in_path(own)}"), settings)))


def _ended(verb: str, own: str, settings: Settings) -> Steps[None]:
    answer = yield from _asked(
        NativeRequest("GET", f"/user/{verb}/{in_path(own)}"), settings
    )  # a GET that writes
    if _order(answer).state is not OrderState.ENDED:
        raise Garbled


def _finish(settings: Settings, own: str) -> Steps[None]:
    yield from _ended("finish", own, settings)


def _cancel(settings: Settings, own: str) -> Steps[None]:
    yield from _ended("cancel", own, settings)


def _listed(category: str, settings: Settings) -> Steps[list[Order]]:
    request = read_from(
        "/user/orders", category=category, limit=_LISTED, offset=0, order="id", reverse="true"
    )
    answer = yield from _asked(request, settings)
    return [_order(row) for row in rows(mapping(answer).get("Data"))]


def _orders(settings: Settings) -> Steps[list[Order]]:
    orders = yield from _listed("activation", settings)
    return [order for order in orders if order.state is not OrderState.ENDED]


def _history(settings: Settings) -> Steps[list[Order]]:
    return (yield from _listed("activation", settings))


# --- the account and the market ---------------------------------------------------------------------------------------


def _balance(settings: Settings) -> Steps[Decimal]:
    answer = yield from _asked(read_from("/user/profile"), settings)
    balance = amount_of(mapping(answer), "balance")
    if balance is None:
        raise Garbled
    return balance


def _offers(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    """Without a service and a country it would be nine megabytes: the whole list of one country is the most."""
    if not service and not country:
        raise Refused("BAD_SERVICE")
    answer = yield from _asked(read_from("/guest/prices", country=country, product=service), settings)
    nested = ((outer, name, row) for outer, inner in mapping(answer).items() for name, row in _inner(inner))
    if country:
        return [offer for place, product, row in nested for offer in _offer(place, product, row)]
    return [offer for product, place, row in nested for offer in _offer(place, product, row)]


def _inner(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, row) for name, row in value.items() if isinstance(row, dict))


def _offer(country: str, service: str, operators: Mapping[str, Any]) -> Iterator[Offer]:
    """The cheapest operator that has numbers, or else the cheapest; numbers of all."""
    stock = [
        (amount_of(row, "cost"), count_of(row, "count") or 0)
        for row in operators.values()
        if isinstance(row, dict)
    ]
    priced = [(price, count) for price, count in stock if price is not None]
    if not priced:
        return
    cheapest = min(priced, key=lambda one: (one[1] == 0, one[0]))
    yield Offer(country, service, cheapest[0], sum(count for _, count in stock))


def _services(settings: Settings, country: str) -> Steps[list[Named]]:
    path = f"/guest/products/{in_path(country or 'any')}/any"
    answer = yield from _asked(read_from(path), settings)
    return [
        Named(name)
        for name, row in mapping(answer).items()
        if isinstance(row, dict) and text_of(row, "Category") == "activation"
    ]


def _places(settings: Settings) -> Steps[list[Named]]:
    answer = yield from _asked(read_from("/guest/countries"), settings)
    return [
        Named(name, text_of(row, "text_en"), tuple(key for key in row if key not in _ABOUT_COUNTRY))
        for name, row in mapping(answer).items()
        if isinstance(row, dict)
    ]


# --- hosting ----------------------------------------------------------------------------------------------------------


def _rent(settings: Settings, want: Want) -> Steps[Order]:
    """A hosted number takes messages of every service."""
    product = _HOURS.get(want.hours)
    if product is None:
        raise Refused("INVALID_TIME")
    return (yield from _bought("hosting", want, product, settings))


def _inbox(settings: Settings, own: str) -> Steps[list[Message]]:
    answer = yield from _asked(read_from(f"/user/sms/inbox/{in_path(own)}"), settings)
    return _messages(rows(mapping(answer).get("Data")) or [])


def _rents(settings: Settings) -> Steps[list[Order]]:
    rents = yield from _listed("hosting", settings)
    return [rent for rent in rents if rent.state is not OrderState.ENDED]


FIVESIM = Dialect(
    name="5sim-native",
    title="5sim v1",
    naming=Naming.WORD,
    buy=_buy,
    look=_look,
    cancel=_cancel,
    finish=_finish,
    balance=_balance,
    orders=_orders,
    history=_history,
    offers=_offers,
    stock=_offers,
    services=_services,
    places=_places,
    operators=_places,
    rent=_rent,
    inbox=_inbox,
    give_back=_cancel,
    give_up=_finish,
    rents=_rents,
)
