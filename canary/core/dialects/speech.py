"""handler_api as its clients know it, put together from what a provider's own API says: one function per action."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from canary.core.dialects.model import (
    Dialect,
    Garbled,
    Offer,
    Order,
    OrderState,
    Refused,
    Settings,
    Steps,
    Want,
    as_json,
)
from canary.core.model import Call, Headers

HTML = "text/html; charset=UTF-8"
JSON = "application/json"

CURRENCY = 840
"""US dollars, as SMS-Activate counted from 2024 on."""


@dataclass(frozen=True, slots=True)
class Sold:
    """What the provider says of a purchase beyond the reply that a client is shown; times as it writes them."""

    price: Decimal | None = None
    began_at: str = ""
    ends_at: str = ""
    lives: int | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A handler_api reply. ``sold``: of a purchase."""

    body: str = field(repr=False)
    status: int = 200
    content_type: str = HTML
    sold: Sold | None = None

    @property
    def headers(self) -> Headers:
        return (("content-type", self.content_type),)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to be carried out, at a time in seconds since the epoch. ``ids`` are the provider's own."""

    dialect: Dialect
    call: Call
    ids: tuple[str, ...]
    settings: Settings
    at: float

    def get(self, *names: str) -> str:
        """The first of the named parameters that is there and not empty."""
        return next((value for name in names if (value := self.call.params.get(name))), "")

    @property
    def id(self) -> str:
        """The lease that is named.

        Raises:
            Refused: none is.
        """
        if not self.ids:
            raise Refused("NO_ACTIVATION")
        return self.ids[0]


type Way = Callable[[Ask], Steps[Spoken]]


def _json(value: object, sold: Sold | None = None) -> Spoken:
    return Spoken(as_json(value), content_type=JSON, sold=sold)


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what the provider does not say."""
    return {name: value for name, value in row.items() if value is not None}


# --- the account ------------------------------------------------------------------------------------------------------


def _balance(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.balance is not None, "the table says what is needed"
    balance = yield from ask.dialect.balance(ask.settings)
    return Spoken(f"ACCESS_BALANCE:{money(balance)}")


def money(amount: Decimal) -> str:
    """Two decimals or more: a client in the field reads a balance without any as nothing."""
    decimals = -int(amount.normalize().as_tuple().exponent)
    return f"{amount:.{max(2, decimals)}f}"


def _active(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.orders is not None, "the table says what is needed"
    orders = yield from ask.dialect.orders(ask.settings)
    listed = [_said(_active_row(ask, order)) for order in orders if order.state is not OrderState.ENDED]
    return _json({"status": "success", "activeActivations": listed}) if listed else Spoken("NO_ACTIVATIONS")


def _active_row(ask: Ask, order: Order) -> dict[str, Any]:
    country = ask.settings.id(order.country)
    return {
        "activationId": own_id(order.id),
        "serviceCode": ask.settings.code(order.service),
        "phoneNumber": digits(order.phone),
        "activationCost": order.price,
        "activationStatus": "4",
        "smsCode": [order.code] if order.code else [],
        "smsText": order.text,
        "activationTime": _began(ask, order),
        "discount": "0",
        "repeated": "0",
        "countryCode": country,
        "countryName": ask.settings.titles.get(country, order.country),
        "canGetAnotherSms": _again_flag(ask),
        "currency": str(CURRENCY),
    }


def _began(ask: Ask, order: Order) -> str:
    """When it was bought, which some providers tell only by what is left of its life."""
    if order.began_at or order.lives is None:
        return date(order.began_at)
    return moment(ask.at + order.lives - ask.settings.lifetime)


def _history(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.history is not None, "the table says what is needed"
    orders = yield from ask.dialect.history(ask.settings)
    return _json([_said(_history_row(ask, order)) for order in orders])


def _history_row(ask: Ask, order: Order) -> dict[str, Any]:
    return {
        "id": own_id(order.id),
        "date": date(order.began_at),
        "phone": digits(order.phone),
        "service": ask.settings.code(order.service),
        "sms": [order.text] if order.text else [],
        "cost": 0 if order.returned else order.price,
        "status": _history_status(order),
        "currency": str(CURRENCY),
    }


def _history_status(order: Order) -> str:
    """Open, given back or paid for."""
    if order.state is not OrderState.ENDED:
        return "4"
    return "8" if order.returned else "6"


# --- purchases --------------------------------------------------------------------------------------------------------


def _number(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.buy(ask.settings, _want(ask))
    return Spoken(f"ACCESS_NUMBER:{order.id}:{digits(order.phone)}", sold=_sold(order))


def _number_v2(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.buy(ask.settings, _want(ask))
    shown = {
        "activationId": own_id(order.id),
        "phoneNumber": digits(order.phone),
        "activationCost": order.price,
        "currency": CURRENCY,
        "countryCode": ask.get("country") or ask.settings.id(order.country),
        "canGetAnotherSms": _again_flag(ask),
        "activationTime": date(order.began_at) or moment(ask.at),
        "activationOperator": order.operator or ask.get("operator") or "any",
    }
    return _json(_said(shown), _sold(order))


def _sold(order: Order) -> Sold:
    return Sold(order.price, order.began_at, order.ends_at, order.lives)


def _want(ask: Ask) -> Want:
    service = ask.get("service")
    if not service:
        raise Refused("BAD_SERVICE")
    cap = ask.get("maxPrice", "max_price")
    return Want(
        ask.settings.service(service),
        ask.settings.country(ask.get("country") or "0"),
        ask.get("operator"),
        _cap(cap) if cap else None,
    )


def _cap(text: str) -> Decimal:
    try:
        cap = Decimal(text)
    except InvalidOperation:
        raise Refused("WRONG_MAX_PRICE") from None
    if not cap.is_finite() or not 0 <= cap < 10**9:
        raise Refused("WRONG_MAX_PRICE")
    return cap


def _again_flag(ask: Ask) -> str:
    return "1" if ask.dialect.again is not None else "0"


# --- one activation ---------------------------------------------------------------------------------------------------


def _status(ask: Ask) -> Steps[Spoken]:
    return Spoken((yield from _status_text(ask, ask.id)))


def _status_text(ask: Ask, own: str) -> Steps[str]:
    order = yield from ask.dialect.look(ask.settings, own)
    return _STATUS_TEXTS[order.state].format(code=one_line(order.code or order.text))


_STATUS_TEXTS = {
    OrderState.WAITING: "STATUS_WAIT_CODE",
    OrderState.RECEIVED: "STATUS_OK:{code}",
    OrderState.AGAIN: "STATUS_WAIT_RETRY:{code}",
    OrderState.ENDED: "STATUS_CANCEL",
}


def _status_v2(ask: Ask) -> Steps[Spoken]:
    if len(ask.ids) > 1:
        return _json((yield from _statuses(ask)))
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is OrderState.ENDED:
        return Spoken("STATUS_CANCEL")
    came = order.state is OrderState.RECEIVED
    sms = {
        "dateTime": date(order.began_at) or moment(ask.at),
        "code": order.code or order.text,
        "text": order.text,
    }
    return _json({"verificationType": 0, "sms": sms if came else None, "call": None})


def _statuses(ask: Ask) -> Steps[dict[str, str]]:
    """What resellers answer to several ids at once."""
    found: dict[str, str] = {}
    for own in ask.ids:
        try:
            found[own] = yield from _status_text(ask, own)
        except Refused as refused:
            found[own] = refused.word or UNKNOWN_REFUSAL
    return found


def _full_sms(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is OrderState.RECEIVED:
        return Spoken(f"FULL_SMS:{order.text or order.code}")
    return Spoken("STATUS_CANCEL" if order.state is OrderState.ENDED else "STATUS_WAIT_CODE")


def _set_status(ask: Ask) -> Steps[Spoken]:
    way = _SET.get(ask.get("status"))
    if way is None:
        raise Refused("BAD_STATUS")
    return Spoken((yield from way(ask)))


def _ready(ask: Ask) -> Steps[str]:
    """Nobody has a word for it; the number is as ready as it was."""
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is not OrderState.WAITING:
        raise Refused("BAD_STATUS")
    return "ACCESS_READY"


def _ask_again(ask: Ask) -> Steps[str]:
    if ask.dialect.again is None:
        raise Refused("BAD_STATUS")
    yield from ask.dialect.again(ask.settings, ask.id)
    return "ACCESS_RETRY_GET"


def _finish(ask: Ask) -> Steps[str]:
    """Where nothing finishes an order, one whose code came is finished already."""
    if ask.dialect.finish is not None:
        yield from ask.dialect.finish(ask.settings, ask.id)
        return "ACCESS_ACTIVATION"
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is not OrderState.RECEIVED:
        raise Refused("BAD_STATUS")
    return "ACCESS_ACTIVATION"


def _cancel(ask: Ask) -> Steps[str]:
    """A number that still waits, and whose cancel is refused without a known reason, may not be cancelled yet."""
    try:
        yield from ask.dialect.cancel(ask.settings, ask.id)
    except Refused as refused:
        if refused.word:
            raise
        order = yield from ask.dialect.look(ask.settings, ask.id)
        early = order.state is OrderState.WAITING
        raise Refused("EARLY_CANCEL_DENIED" if early else "BAD_STATUS") from None
    return "ACCESS_CANCEL"


_SET: dict[str, Callable[[Ask], Steps[str]]] = {
    "1": _ready,
    "3": _ask_again,
    "6": _finish,
    "8": _cancel,
    "-1": _cancel,
}


# --- the market -------------------------------------------------------------------------------------------------------


def _named(ask: Ask, service: str, country: str) -> tuple[Settings, str, str]:
    names = ask.settings
    return names, names.service(service) if service else "", names.country(country) if country else ""


def _prices(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.offers is not None, "the table says what is needed"
    offers = yield from ask.dialect.offers(*_named(ask, ask.get("service"), ask.get("country")))
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for offer in offers:
        row = {"cost": offer.price, "count": offer.count, "physicalCount": offer.count}
        table.setdefault(ask.settings.id(offer.country), {})[ask.settings.code(offer.service)] = _said(row)
    return _json(table)


def _numbers_status(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.stock is not None, "the table says what is needed"
    offers = yield from ask.dialect.stock(*_named(ask, "", ask.get("country") or "0"))
    counts = {ask.settings.code(offer.service): str(offer.count or 0) for offer in offers}
    return Spoken(as_json(counts))


def _top_countries(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.stock is not None, "the table says what is needed"
    if not ask.get("service"):
        raise Refused("BAD_SERVICE")
    offers = yield from ask.dialect.stock(*_named(ask, ask.get("service"), ""))
    ranked = sorted(offers, key=lambda offer: -(offer.count or 0))
    return _json({str(rank): _ranked(ask, offer) for rank, offer in enumerate(ranked)})


def _ranked(ask: Ask, offer: Offer) -> dict[str, Any]:
    country = ask.settings.id(offer.country)
    return {
        "country": int(country) if country.isdecimal() else country,
        "count": offer.count or 0,
        "price": offer.price,
        "retail_price": offer.price,
    }


def _services(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.services is not None, "the table says what is needed"
    country = ask.get("country")
    known = yield from ask.dialect.services(ask.settings, ask.settings.country(country) if country else "")
    listed = [{"code": ask.settings.code(one.name), "name": one.title or one.name} for one in known]
    return _json({"status": "success", "services": listed})


def _countries(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.places is not None, "the table says what is needed"
    places = yield from ask.dialect.places(ask.settings)
    named = ((ask.settings.id(place.name), place) for place in places)
    return _json({own: _country(own, place.title or place.name) for own, place in named})


def _country(own: str, title: str) -> dict[str, Any]:
    shown = int(own) if own.isdecimal() else own
    names = {"rus": title, "eng": title, "chn": title}
    return {"id": shown, **names, "visible": 1, "retry": 1, "rent": 1, "multiService": 0}


def _operators(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.operators is not None, "the table says what is needed"
    places = yield from ask.dialect.operators(ask.settings)
    asked = ask.settings.country(ask.get("country")) if ask.get("country") else ""
    chosen = [place for place in places if asked in {"", place.name}]
    if not chosen:
        raise Refused("OPERATORS_NOT_FOUND")
    listed = {ask.settings.id(place.name): list(place.operators) for place in chosen}
    return _json({"status": "success", "countryOperators": listed})


# --- rents ------------------------------------------------------------------------------------------------------------


def _rent(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.rent is not None, "the table says what is needed"
    asked = ask.get("rent_time", "time", "duration", "hours") or "4"
    if not (asked.isascii() and asked.isdecimal() and 0 < len(asked) < 6):
        raise Refused("INVALID_TIME")
    service, country = ask.get("service") or "full", ask.get("country") or "0"
    want = Want(
        ask.settings.service(service), ask.settings.country(country), ask.get("operator"), hours=int(asked)
    )
    order = yield from ask.dialect.rent(ask.settings, want)
    phone = {
        "id": own_id(order.id),
        "endDate": date(order.ends_at).replace(" ", "T"),
        "number": digits(order.phone),
    }
    return _json({"status": "success", "phone": phone}, _sold(order))


def _rent_status(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.inbox is not None, "the table says what is needed"
    messages = yield from ask.dialect.inbox(ask.settings, ask.id)
    if not messages:
        raise Refused("STATUS_WAIT_CODE")
    values = {
        str(n): {"phoneFrom": m.sender, "text": m.text or m.code, "service": "", "date": date(m.at)}
        for n, m in enumerate(messages)
    }
    return _json({"status": "success", "quantity": str(len(values)), "values": values})


def _set_rent_status(ask: Ask) -> Steps[Spoken]:
    ways = {"1": ask.dialect.give_up, "2": ask.dialect.give_back}
    way = ways.get(ask.get("status"))
    if way is None:
        raise Refused("INCORECT_STATUS")
    try:
        yield from way(ask.settings, ask.id)
    except Refused as refused:
        raise Refused(refused.word or "CANT_CANCEL") from None
    return _json({"status": "success"})


def _rent_list(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.rents is not None, "the table says what is needed"
    rents = yield from ask.dialect.rents(ask.settings)
    if not rents:
        raise Refused("NO_NUMBERS")
    listed = {str(n): {"id": own_id(r.id), "phone": digits(r.phone)} for n, r in enumerate(rents)}
    return _json({"status": "success", "values": listed})


# --- the table --------------------------------------------------------------------------------------------------------

_WAYS: dict[str, tuple[Way, str]] = {
    "getBalance": (_balance, "balance"),
    "getBalanceAndCashBack": (_balance, "balance"),
    "getActiveActivations": (_active, "orders"),
    "getHistory": (_history, "history"),
    "getNumber": (_number, "buy"),
    "getNumberV2": (_number_v2, "buy"),
    "getStatus": (_status, "look"),
    "getStatusV2": (_status_v2, "look"),
    "getFullSms": (_full_sms, "look"),
    "setStatus": (_set_status, "cancel"),
    "getPrices": (_prices, "offers"),
    "getNumbersStatus": (_numbers_status, "stock"),
    "getTopCountriesByService": (_top_countries, "stock"),
    "getTopCountriesByServiceRank": (_top_countries, "stock"),
    "getServicesList": (_services, "services"),
    "getCountries": (_countries, "places"),
    "getOperators": (_operators, "operators"),
    "getRentNumber": (_rent, "rent"),
    "getRentStatus": (_rent_status, "inbox"),
    "setRentStatus": (_set_rent_status, "give_back"),
    "getRentList": (_rent_list, "rents"),
}
"""How an action is carried out, and what a dialect must have for it."""


def actions(dialect: Dialect) -> frozenset[str]:
    """The actions that can be carried out in a dialect."""
    return frozenset(name for name, (_, needs) in _WAYS.items() if getattr(dialect, needs) is not None)


UNKNOWN_REFUSAL = "BAD_REQUEST"
"""What a client is told when the provider refuses for a reason that is not known."""

_RATE_LIMITED = 429


def exchange(
    dialect: Dialect, call: Call, ids: tuple[str, ...], settings: Settings, at: float
) -> Steps[Spoken | None]:
    """Carry out one call: requests that are sent their responses, and the reply that a client sees.

    Args:
        ids: of the leases that the call names, the provider's own.
        at: seconds since the epoch, for replies that have to name a time where the provider names none.

    Returns:
        The reply; ``None`` when the provider's own makes no sense, and whatever was asked for may have been done.

    Raises:
        Unanswered: when it is thrown in for a request without which there is no answer.
    """
    if call.malformed or call.action not in actions(dialect):
        return Spoken("BAD_ACTION")
    way, _ = _WAYS[call.action]
    try:
        return (yield from way(Ask(dialect, call, ids, settings, at)))
    except Refused as refused:
        return _refusal(call, refused)
    except Garbled:
        return None


def _refusal(call: Call, refused: Refused) -> Spoken:
    word = refused.word or UNKNOWN_REFUSAL
    status = _RATE_LIMITED if word == "RATE_LIMITED" else 200
    if "Rent" in call.action:
        return Spoken(as_json({"status": "error", "message": _RENT_WORDS.get(word, word)}), status, JSON)
    return Spoken(f"{word}:{refused.tail}" if refused.tail else word, status)


_RENT_WORDS = {"NO_ACTIVATION": "NO_ID_RENT", "BAD_STATUS": "CANT_CANCEL"}
"""Words that rents have their own for."""


def refused_by(table: Mapping[str, str], settings: Settings, said: str) -> Refused:
    """The refusal that a provider's words mean: the profile's own table first, then the dialect's.

    Args:
        table: handler_api's word by what the provider's words begin with or contain, in lower case.
    """
    lower = said.lower().strip()
    known: Iterable[tuple[str, str]] = (*settings.refusals.items(), *table.items())
    return Refused(next((word for part, word in known if part in lower), ""))


# --- writing ----------------------------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")


def date(text: str) -> str:
    """``2022-06-01 17:30:57``, SMS-Activate's way to write a time; an empty string for what is no date."""
    found = _DATE.match(text)
    return f"{found.group(1)} {found.group(2)}" if found else ""


_DAY = 86_400


def moment(at: float) -> str:
    """Seconds since the epoch as ``2022-06-01 17:30:57``, in UTC."""
    days, seconds = divmod(int(at), _DAY)
    # Hinnant's civil_from_days: years begin in March, eras have 400 years
    era, day = divmod(days + 719_468, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month = month + 3 if month < 10 else month - 9
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{year + 400 * era + (month <= 2):04}-{month:02}-{day + 1:02} {clock}"


def digits(phone: str) -> str:
    """A number as SMS-Activate writes it: without a plus, spaces and dashes."""
    return "".join(mark for mark in phone if mark.isascii() and mark.isdecimal()) or phone


def own_id(own: str) -> int | str:
    """A lease's id as JSON: a number when it is one."""
    return int(own) if own.isascii() and own.isdecimal() and str(int(own)) == own else own


def one_line(text: str) -> str:
    """A code or message as it fits behind a colon."""
    return " ".join(text.split())
