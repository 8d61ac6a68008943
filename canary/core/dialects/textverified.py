"""TextVerified v2: a key that is exchanged for a token, actions that answer where to look, numbers of the USA alone.

Source: the provider's own Python client. A verification is created with one request, which answers its address, and
read with another; its messages are a list of their own. Nothing finishes a verification: one whose code came is done.
Rents are non-renewable rentals, bought in a sale that names its reservations.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import (
    Dialect,
    Garbled,
    Login,
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
    Token,
    Unanswered,
    Want,
    in_path,
    read_from,
    write_to,
    written,
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

USA = "US"

WORDS: Mapping[str, str] = {
    "insufficient": "NO_BALANCE",
    "not enough": "NO_BALANCE",
    "balance": "NO_BALANCE",
    "credit": "NO_BALANCE",
    "max price": "WRONG_MAX_PRICE",
    "maxprice": "WRONG_MAX_PRICE",
    "out of stock": "NO_NUMBERS",
    "outofstock": "NO_NUMBERS",
    "unavailable": "NO_NUMBERS",
    "no numbers": "NO_NUMBERS",
    "service": "BAD_SERVICE",
    "not found": "NO_ACTIVATION",
}
"""handler_api's word by what an error's code and description say; the codes are not documented."""

_STATUSES = {
    401: "BAD_KEY",
    402: "NO_BALANCE",
    403: "ACCOUNT_INACTIVE",
    404: "NO_ACTIVATION",
    429: "RATE_LIMITED",
}

_STATES = {
    "verificationPending": OrderState.WAITING,
    "verificationReactivated": OrderState.WAITING,
    "verificationReused": OrderState.WAITING,
    "verificationCompleted": OrderState.RECEIVED,
}
"""Every other state is an end: canceled, timed out, reported, refunded."""

_RETURNED = frozenset(
    {"verificationCanceled", "verificationTimedOut", "verificationReported", "verificationRefunded"}
)

_DURATIONS = {
    24: "oneDay",
    72: "threeDay",
    168: "sevenDay",
    336: "fourteenDay",
    720: "thirtyDay",
    2160: "ninetyDay",
    8760: "oneYear",
}

_LOOKS = 3
"""How often the address of what was bought is asked for the number, until it is told."""

_SMS = {"numberType": "mobile", "capability": "sms"}


def _asked(request: NativeRequest, settings: Settings) -> Steps[NativeResponse]:
    answer = yield request
    if answer.status >= 500 or 300 <= answer.status < 400:
        raise Garbled
    if answer.status >= 400:
        raise _refusal(answer, settings)
    return answer


def _refusal(answer: NativeResponse, settings: Settings) -> Refused:
    """By the status where that is plain, and by the words of the error otherwise."""
    if answer.status in {401, 402, 429}:
        return Refused(_STATUSES[answer.status])
    try:
        body = mapping(answer.data)
    except Garbled:
        body = {}
    said = " ".join(filter(None, (text_of(body, "errorCode"), text_of(body, "errorDescription"))))
    refused = refused_by(WORDS, settings, said)
    return refused if refused.word else Refused(_STATUSES.get(answer.status, ""))


# --- the token --------------------------------------------------------------------------------------------------------


def _token(answer: NativeResponse) -> Token:
    if answer.status in {401, 403}:
        raise Refused("BAD_KEY")
    if answer.status >= 300:
        raise Garbled
    body = mapping(answer.data)
    token, seconds = text_of(body, "token"), amount_of(body, "expiresIn")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Garbled
    return Token(token, float(seconds) if seconds else 60.0)


# --- verifications ----------------------------------------------------------------------------------------------------


def _buy(settings: Settings, want: Want) -> Steps[Order]:
    """The purchase is one request; where its number stands is asked for until it is told."""
    _in_the_usa(want)
    body = {
        "serviceName": want.service,
        "capability": "sms",
        "carrierSelectOption": [want.operator] if want.operator not in {"", "any"} else None,
        "maxPrice": want.max_price,
    }
    created = yield from _asked(write_to("POST", "/verifications", body), settings)
    own = _last_segment(created)
    order = yield from _told(f"/verifications/{in_path(own)}", settings)
    return known_id(_verification(order, own))


def _in_the_usa(want: Want) -> None:
    if want.country not in {USA, "any"}:
        raise Refused("BAD_COUNTRY")


def _last_segment(answer: NativeResponse) -> str:
    """The id at the end of the address that an action answers with."""
    address = next((value for name, value in answer.headers if name.lower() == "location"), "")
    if not address:
        address = text_of(mapping(answer.data), "href")
    own = address.partition("?")[0].rstrip("/").rpartition("/")[2]
    if not own:
        raise Garbled
    return own


def _told(path: str, settings: Settings) -> Steps[Mapping[str, Any]]:
    """What stands at an address of something that was just bought; reading it may be tried again."""
    for tries_left in range(_LOOKS - 1, -1, -1):
        try:
            return mapping((yield from _asked(read_from(path), settings)).data)
        except Unanswered:
            if not tries_left:
                raise
        except (Garbled, Refused):
            if not tries_left:
                raise Garbled from None
    raise AssertionError("the last try ends the loop")


def _verification(row: Mapping[str, Any], own: str = "") -> Order:
    return Order(
        id=text_of(row, "id") or own,
        phone=_phone(row),
        state=_STATES.get(text_of(row, "state"), OrderState.ENDED),
        service=text_of(row, "serviceName"),
        country=USA,
        price=amount_of(row, "totalCost"),
        began_at=text_of(row, "createdAt"),
        ends_at=text_of(row, "endsAt"),
        returned=text_of(row, "state") in _RETURNED,
    )


def _phone(row: Mapping[str, Any]) -> str:
    """A number of the USA with its dial code, which is not told."""
    digits = "".join(filter(str.isdecimal, text_of(row, "number")))
    return digits if not digits or (len(digits) == 11 and digits[0] == "1") else f"1{digits}"


def _look(settings: Settings, own: str) -> Steps[Order]:
    row = mapping((yield from _asked(read_from(f"/verifications/{in_path(own)}"), settings)).data)
    order = _verification(row, own)
    if order.state is not OrderState.RECEIVED:
        return order
    message = latest((yield from _messages(settings, own, "verification")))
    if not (message.code or message.text):
        return Order(own)
    return Order(own, order.phone, OrderState.RECEIVED, message.code, message.text, began_at=message.at)


def _messages(settings: Settings, own: str, kind: str) -> Steps[list[Message]]:
    """Messages of a reservation, the newest last."""
    request = read_from("/sms", reservationId=own, reservationType=kind)
    body = mapping((yield from _asked(request, settings)).data)
    found = [
        Message(
            text_of(row, "smsContent"),
            text_of(row, "parsedCode"),
            text_of(row, "from"),
            text_of(row, "createdAt"),
        )
        for row in rows(body.get("data"))
    ]
    return sorted(found, key=lambda message: message.at)


def _cancel(settings: Settings, own: str) -> Steps[None]:
    yield from _ended(settings, f"/verifications/{in_path(own)}", "cancel", _verification)


def _ended(settings: Settings, path: str, action: str, read: Callable[..., Order]) -> Steps[None]:
    """Its answer has no body, as a broken one would: what came of it is looked at."""
    yield from _asked(write_to("POST", f"{path}/{action}"), settings)
    if read((yield from _told(path, settings))).state is not OrderState.ENDED:
        raise Garbled


def _history(settings: Settings) -> Steps[list[Order]]:
    body = mapping((yield from _asked(read_from("/verifications"), settings)).data)
    return [_verification(row) for row in rows(body.get("data"))]


def _orders(settings: Settings) -> Steps[list[Order]]:
    orders = yield from _history(settings)
    return [order for order in orders if order.state is not OrderState.ENDED]


# --- the account and the market ---------------------------------------------------------------------------------------


def _balance(settings: Settings) -> Steps[Decimal]:
    body = mapping((yield from _asked(read_from("/account/me"), settings)).data)
    balance = amount_of(body, "currentBalance")
    if balance is None:
        raise Garbled
    return balance


def _offers(settings: Settings, service: str, country: str) -> Steps[list[Offer]]:
    """Prices and numbers are told of one service at a time."""
    if not service:
        raise Refused("BAD_SERVICE")
    if country not in {"", USA}:
        return []
    asked = {"serviceName": service, "areaCode": False, "carrier": False, **_SMS}
    price = mapping((yield from _asked(_question("/pricing/verifications", asked), settings)).data)
    counted = mapping(
        (
            yield from _asked(
                _question("/inventory/verifications", {"serviceName": service, **_SMS}), settings
            )
        ).data
    )
    return [Offer(USA, service, amount_of(price, "price"), count_of(counted, "availableQuantity"))]


def _question(path: str, body: Mapping[str, object]) -> NativeRequest:
    """A POST that reads."""
    return NativeRequest("POST", path, body=written(body), repeatable=True)


def _services(settings: Settings, country: str) -> Steps[list[Named]]:
    request = read_from("/services", numberType="mobile", reservationType="verification")
    answer = yield from _asked(request, settings)
    named = (text_of(row, "serviceName") for row in rows(answer.data))
    return [Named(name) for name in dict.fromkeys(named) if name]


def _places(settings: Settings) -> Steps[list[Named]]:
    yield from ()  # it takes no request
    return [Named(USA)]


# --- rents ------------------------------------------------------------------------------------------------------------

_RENTAL = "/reservations/rental/nonrenewable"


def _rent(settings: Settings, want: Want) -> Steps[Order]:
    """The sale is one request; its reservation and the number are read from there."""
    _in_the_usa(want)
    duration = _DURATIONS.get(want.hours)
    if duration is None:
        raise Refused("INVALID_TIME")
    body = {
        "serviceName": "allservices" if want.service == "full" else want.service,
        "duration": duration,
        "isRenewable": False,
        "allowBackOrderReservations": False,
        "alwaysOn": True,
        **_SMS,
    }
    created = yield from _asked(write_to("POST", "/reservations/rental", body), settings)
    sale = yield from _told(f"/sales/{in_path(_last_segment(created))}", settings)
    reserved = rows(sale.get("reservations"))
    if len(reserved) != 1:
        raise Garbled
    own = text_of(reserved[0], "id")
    row = yield from _told(f"{_RENTAL}/{in_path(own)}", settings)
    return known_id(_rental(row, own, amount_of(sale, "total")))


def _rental(row: Mapping[str, Any], own: str = "", price: Decimal | None = None) -> Order:
    return Order(
        id=text_of(row, "id") or own,
        phone=_phone(row),
        state=OrderState.WAITING if text_of(row, "state") == "nonrenewableActive" else OrderState.ENDED,
        service=text_of(row, "serviceName"),
        country=USA,
        price=price,
        began_at=text_of(row, "createdAt"),
        ends_at=text_of(row, "endsAt"),
    )


def _inbox(settings: Settings, own: str) -> Steps[list[Message]]:
    """A rental that nobody knows has no messages either: it is looked at first."""
    yield from _asked(read_from(f"{_RENTAL}/{in_path(own)}"), settings)
    return (yield from _messages(settings, own, "nonrenewable"))


def _give_back(settings: Settings, own: str) -> Steps[None]:
    yield from _ended(settings, f"{_RENTAL}/{in_path(own)}", "refund", _rental)


def _rents(settings: Settings) -> Steps[list[Order]]:
    body = mapping((yield from _asked(read_from(_RENTAL), settings)).data)
    rentals = [_rental(row) for row in rows(body.get("data"))]
    return [rental for rental in rentals if rental.state is not OrderState.ENDED]


TEXTVERIFIED = Dialect(
    name="textverified",
    title="TextVerified v2",
    naming=Naming.ISO,
    buy=_buy,
    look=_look,
    cancel=_cancel,
    balance=_balance,
    orders=_orders,
    history=_history,
    offers=_offers,
    services=_services,
    places=_places,
    rent=_rent,
    inbox=_inbox,
    give_back=_give_back,
    rents=_rents,
    login=Login(NativeRequest("POST", "/auth", repeatable=True), "X-API-KEY", _token, ("X-API-USERNAME",)),
)
