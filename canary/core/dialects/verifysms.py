"""VerifySMS's own JSON API. Its paths are public, its schema is not: every field has a name that a profile may change.

Source: the provider's migration playbook for the paths. Fields are looked for under ``data`` or at the top; the
meaning of a rental's status is the profile's table, or that of the words that handler_api itself has.
"""

from collections.abc import Mapping
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
    write_to,
)
from canary.core.dialects.reading import amount_of, count_of, known_id, mapping, refused_by, rows, text_of
from canary.core.protocol.words import OUTCOMES, normalised

FIELDS: Mapping[str, str] = {
    name: name
    for name in (
        *(
            "balance",
            "id",
            "phone",
            "status",
            "code",
            "text",
            "price",
            "service",
            "country",
            "operator",
            "count",
        ),
        *("created_at", "expires_at", "max_price", "hours", "messages", "sender", "error", "iso2", "name"),
    )
}
"""Names of fields until a profile says otherwise; ``fields`` of the profile's ``native`` section replaces them."""

_STATUSES: Mapping[str, OrderState] = {
    "waiting": OrderState.WAITING,
    "pending": OrderState.WAITING,
    "active": OrderState.WAITING,
    "received": OrderState.RECEIVED,
    "retry": OrderState.AGAIN,
    "cancelled": OrderState.ENDED,
    "canceled": OrderState.ENDED,
    "completed": OrderState.ENDED,
    "finished": OrderState.ENDED,
    "expired": OrderState.ENDED,
    "refunded": OrderState.ENDED,
}

_WORDS: Mapping[str, str] = {
    "insufficient": "NO_BALANCE",
    "no numbers": "NO_NUMBERS",
    "out of stock": "NO_NUMBERS",
    "too early": "EARLY_CANCEL_DENIED",
    "not found": "NO_ACTIVATION",
    "service": "BAD_SERVICE",
    "country": "BAD_COUNTRY",
}

_BY_STATUS = {401: "BAD_KEY", 402: "NO_BALANCE", 403: "BAD_KEY", 404: "NO_ACTIVATION", 429: "RATE_LIMITED"}


def _field(settings: Settings, name: str) -> str:
    return settings.fields.get(name, FIELDS[name])


def _text(settings: Settings, row: Mapping[str, Any], name: str) -> str:
    return text_of(row, _field(settings, name))


def _asked(request: NativeRequest, settings: Settings) -> Steps[Any]:
    """What the answer holds, without its envelope."""
    answer = yield request
    if answer.status >= 400:
        raise _refusal(answer, settings)
    if answer.status >= 300:
        raise Garbled
    if answer.status == 204:
        return {}
    data = answer.data
    return data["data"] if isinstance(data, dict) and isinstance(data.get("data"), dict | list) else data


def _refusal(answer: NativeResponse, settings: Settings) -> Exception:
    said = _said(answer, settings)
    refused = refused_by(_WORDS, settings, said)
    word = normalised(said)
    if word in OUTCOMES:  # handler_api's own
        refused = Refused(word)
    if not refused.word and answer.status >= 500:
        return Garbled()
    return refused if refused.word else Refused(_BY_STATUS.get(answer.status, ""))


def _said(answer: NativeResponse, settings: Settings) -> str:
    try:
        body = mapping(answer.data)
    except Garbled:
        return ""
    error = body.get(_field(settings, "error"))
    return (
        text_of(error, "code", "message")
        if isinstance(error, dict)
        else text_of(body, _field(settings, "error"), "message")
    )


# --- rentals ----------------------------------------------------------------------------------------------------------


def _body(settings: Settings, want: Want) -> dict[str, object]:
    said: dict[str, object] = {
        "service": want.service,
        "country": want.country,
        "operator": want.operator or None,
        "max_price": want.max_price,
        "hours": want.hours or None,
    }
    return {_field(settings, name): value for name, value in said.items()}


def _buy(settings: Settings, want: Want) -> Steps[Order]:
    data = yield from _asked(write_to("POST", "/rentals", _body(settings, want)), settings)
    return known_id(_order(settings, mapping(data)))


def _rent(settings: Settings, want: Want) -> Steps[Order]:
    data = yield from _asked(write_to("POST", "/rentals/long", _body(settings, want)), settings)
    return known_id(_order(settings, mapping(data)))


def _order(settings: Settings, row: Mapping[str, Any]) -> Order:
    code, text = _text(settings, row, "code"), _text(settings, row, "text")
    return Order(
        id=_text(settings, row, "id"),
        phone=_text(settings, row, "phone"),
        state=_state(settings, _text(settings, row, "status"), bool(code or text)),
        code=code,
        text=text,
        service=_text(settings, row, "service"),
        country=_text(settings, row, "country"),
        operator=_text(settings, row, "operator"),
        price=amount_of(row, _field(settings, "price")),
        began_at=_text(settings, row, "created_at"),
        ends_at=_text(settings, row, "expires_at"),
    )


def _state(settings: Settings, said: str, came: bool) -> OrderState:
    """What a status means; an open rental with a code has received it, one without waits."""
    named = settings.statuses.get(said) or settings.statuses.get(said.lower())
    state = OrderState(named) if named else _STATUSES.get(said.lower(), OrderState.WAITING)
    if state is OrderState.WAITING and came:
        return OrderState.RECEIVED
    return OrderState.WAITING if state in _WITH_CODE and not came else state


_WITH_CODE = frozenset({OrderState.RECEIVED, OrderState.AGAIN})


def _look(settings: Settings, own: str) -> Steps[Order]:
    return _order(settings, mapping((yield from _asked(read_from(f"/rentals/{in_path(own)}"), settings))))


def _set(settings: Settings, own: str, status: int) -> Steps[None]:
    """Their statuses are handler_api's: 3, 6, 8."""
    request = write_to("POST", f"/rentals/{in_path(own)}/status", {_field(settings, "status"): status})
    yield from _asked(request, settings)


def _again(settings: Settings, own: str) -> Steps[None]:
    yield from _set(settings, own, 3)


def _finish(settings: Settings, own: str) -> Steps[None]:
    yield from _set(settings, own, 6)


def _cancel(settings: Settings, own: str) -> Steps[None]:
    yield from _set(settings, own, 8)


def _inbox(settings: Settings, own: str) -> Steps[list[Message]]:
    row = mapping((yield from _asked(read_from(f"/rentals/{in_path(own)}"), settings)))
    listed = row.get(_field(settings, "messages"))
    if not isinstance(listed, list):
        listed = [row] if _text(settings, row, "code") or _text(settings, row, "text") else []
    return [
        Message(
            _text(settings, one, "text"),
            _text(settings, one, "code"),
            _text(settings, one, "sender"),
            _text(settings, one, "created_at"),
        )
        for one in rows(listed)
    ]


# --- the account and the market ---------------------------------------------------------------------------------------


def _balance(settings: Settings) -> Steps[Decimal]:
    balance = amount_of(
        mapping((yield from _asked(read_from("/balance"), settings))), _field(settings, "balance")
    )
    if balance is None:
        raise Garbled
    return balance


def _offers(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    query = {_field(settings, "service"): service, _field(settings, "country"): country}
    return _listed(settings, (yield from _asked(read_from("/prices", **query), settings)), service, country)


def _stock(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    if service:
        path = f"/services/{in_path(service)}/top-countries"
        return _listed(settings, (yield from _asked(read_from(path), settings)), service, country)
    query = {_field(settings, "country"): country}
    request = read_from("/countries/availability", **query)
    return _listed(settings, (yield from _asked(request, settings)), service, country)


def _listed(settings: Settings, data: Any, service: str, country: str) -> list[Offer]:
    return [
        Offer(
            _text(settings, row, "country") or country,
            _text(settings, row, "service") or service,
            amount_of(row, _field(settings, "price")),
            count_of(row, _field(settings, "count")),
        )
        for row in rows(data)
    ]


def _places(settings: Settings) -> Steps[list[Named]]:
    data = yield from _asked(read_from("/countries"), settings)
    return [
        Named(_text(settings, row, "id") or _text(settings, row, "iso2"), _text(settings, row, "name"))
        for row in rows(data)
    ]


VERIFYSMS = Dialect(
    name="verifysms-native",
    title="VerifySMS native",
    naming=Naming.ID,
    buy=_buy,
    look=_look,
    cancel=_cancel,
    finish=_finish,
    again=_again,
    balance=_balance,
    offers=_offers,
    stock=_stock,
    places=_places,
    rent=_rent,
    inbox=_inbox,
    give_back=_cancel,
    give_up=_finish,
)
