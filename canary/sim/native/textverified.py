"""TextVerified v2 as its own client knows it: tokens, actions that answer an address, numbers of the USA."""

from secrets import token_urlsafe
from typing import Any

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data, written
from canary.sim.lease import Lease, State
from canary.sim.market import SERVICES, Country
from canary.sim.native.api import (
    LOGIN,
    Api,
    NativeCall,
    Route,
    bought,
    lease_of,
    leases_of,
    offers,
    rented,
    service_name,
    text_of,
    zulu,
)
from canary.sim.visit import Visit

_USA = "187"
_BASE = "/api/pub/v2"

_ERRORS: dict[str, tuple[int, str, str]] = {
    "NO_KEY": (401, "Unauthorized", "There is no token."),
    "BAD_KEY": (401, "Unauthorized", "The key or token is not valid."),
    "NO_NUMBERS": (400, "Unavailable", "This service is out of stock."),
    "WRONG_MAX_PRICE": (400, "MaxPriceExceeded", "The price is above the max price."),
    "NO_BALANCE": (402, "InsufficientCredits", "Not enough balance."),
    "BAD_SERVICE": (400, "InvalidService", "There is no such service."),
    "unknown_read": (404, "NotFound", "Not found."),
    "unknown_write": (404, "NotFound", "Not found."),
    "RATE_LIMITED": (429, "TooManyRequests", "Slow down."),
    "ERROR_SQL": (500, "InternalError", "Something went wrong."),
}
_OTHERWISE = (400, "ActionNotAllowed", "This cannot be done now.")

_STATES = {
    State.WAITING: "verificationPending",
    State.CODE: "verificationCompleted",
    State.ASKED: "verificationPending",
    State.FINISHED: "verificationCompleted",
    State.CANCELLED: "verificationCanceled",
    State.EXPIRED: "verificationTimedOut",
}

_HOURS = {"oneDay": 24, "threeDay": 72, "sevenDay": 168, "fourteenDay": 336, "thirtyDay": 720}


def _country(country: Country) -> str:
    return country.iso


def _worded(refused: Refused, _call: NativeCall) -> Answer:
    status, code, description = _ERRORS.get(refused.reason, _OTHERWISE)
    return data({"errorCode": code, "errorDescription": description}, refused.reason, status)


def _login(visit: Visit) -> Answer:
    if not visit.call.headers.get("x-api-username"):
        raise Refused("BAD_KEY")
    token, seconds = token_urlsafe(32), visit.behaviour.token_lifetime
    visit.shop.tokens[token] = (visit.call.key, visit.now + seconds)
    return data({"token": token, "expiresIn": seconds, "expiresAt": zulu(visit.now + seconds)})


def _where(path: str, price: str = "") -> Answer:
    """The answer to an action: where to look for what came of it."""
    answer = data({"method": "GET", "href": f"{_BASE}{path}"}, status=201)
    return Answer(
        answer.text, answer.word, 201, answer.content_type, (("Location", f"{_BASE}{path}"),), price
    )


def _create(visit: Visit) -> Answer:
    lease = bought(visit)
    return _where(f"/verifications/{lease.id}", written(lease.price))


def _verification(visit: Visit, lease: Lease) -> dict[str, Any]:
    return {
        "number": lease.phone.removeprefix("1"),
        "createdAt": zulu(lease.bought_at),
        "endsAt": zulu(lease.ends_at),
        "id": lease.id,
        "cancel": {"canCancel": lease.state is State.WAITING},
        "reactivate": {"canReactivate": False},
        "report": {"canReport": lease.state is State.WAITING},
        "reuse": {"reusableUntil": None},
        "serviceName": service_name(visit, lease),
        "state": _STATES[lease.state],
        "totalCost": lease.price,
    }


def _details(visit: Visit) -> Answer:
    return data(_verification(visit, lease_of(visit, write=False)))


def _list(visit: Visit) -> Answer:
    return data({"data": [_verification(visit, lease) for lease in leases_of(visit)]})


def _cancel(visit: Visit) -> Answer:
    visit.shop.cancel(lease_of(visit, write=True), visit.now)
    return Answer("", "ACCESS_CANCEL", 200)


def _sms(visit: Visit) -> Answer:
    """Messages of a reservation; an unknown one has none."""
    own = visit.call.get("id")
    found = (visit.shop.find(kind, own, visit.now) for kind in Kind)
    lease = next((lease for lease in found if lease is not None), None)
    if lease is None or not lease.codes:
        return data({"data": []})
    row = {
        "id": f"{lease.id}-1",
        "from": service_name(visit, lease),
        "to": lease.phone,
        "createdAt": zulu(lease.code_at or lease.bought_at),
        "smsContent": text_of(lease),
        "parsedCode": lease.code,
        "encrypted": False,
    }
    return data({"data": [row]})


def _me(visit: Visit) -> Answer:
    name = visit.call.headers.get("x-api-username", "")
    return data({"username": name, "currentBalance": visit.shop.balance})


def _services(visit: Visit) -> Answer:
    return data([{"serviceName": name, "capability": "sms"} for name in SERVICES.values()])


def _offer(visit: Visit) -> tuple[str, Any, int]:
    for _, code, price, count in offers(visit):
        return code, price, count
    raise Refused("BAD_SERVICE")


def _price(visit: Visit) -> Answer:
    code, price, _ = _offer(visit)
    return data({"serviceName": SERVICES[code], "price": price})


def _inventory(visit: Visit) -> Answer:
    return data({"availableQuantity": _offer(visit)[2]})


# --- rentals ----------------------------------------------------------------------------------------------------------


def _rent(visit: Visit) -> Answer:
    hours = _HOURS.get(visit.call.get("duration"))
    if hours is None:
        raise Refused("INVALID_TIME")
    visit.service()
    lease = rented(visit, hours, visit.call.get("service"))
    return _where(f"/sales/sale_{lease.id}", written(lease.price))


def _rented(visit: Visit, *, write: bool) -> Lease:
    return lease_of(visit, write=write, kinds=(Kind.RENT,))


def _sale(visit: Visit) -> Answer:
    lease = _rented(visit, write=False)
    reservation = {
        "id": lease.id,
        "reservationType": "nonrenewable",
        "serviceName": service_name(visit, lease),
    }
    return data(
        {"id": f"sale_{lease.id}", "reservations": [reservation], "state": "succeeded", "total": lease.price}
    )


def _rental(visit: Visit, lease: Lease) -> dict[str, Any]:
    states = {State.CANCELLED: "nonrenewableRefunded"}
    return {
        "createdAt": zulu(lease.bought_at),
        "endsAt": zulu(lease.ends_at),
        "id": lease.id,
        "refund": {"canRefund": not lease.codes},
        "serviceName": service_name(visit, lease),
        "state": "nonrenewableActive" if lease.open else states.get(lease.state, "nonrenewableExpired"),
        "number": lease.phone.removeprefix("1"),
        "alwaysOn": True,
    }


def _rental_details(visit: Visit) -> Answer:
    return data(_rental(visit, _rented(visit, write=False)))


def _rentals(visit: Visit) -> Answer:
    return data({"data": [_rental(visit, lease) for lease in leases_of(visit, Kind.RENT)]})


def _refund(visit: Visit) -> Answer:
    lease = _rented(visit, write=True)
    if visit.now > lease.bought_at + visit.behaviour.rent_cancel_within:
        raise Refused("CANT_CANCEL")
    visit.shop.cancel(lease, visit.now)
    return Answer("", "ACCESS_CANCEL", 200)


_VERIFICATION = "/verifications/(?P<id>[^/]+)"
_RENTAL = "/reservations/rental/nonrenewable"

TEXTVERIFIED = Api(
    name="textverified",
    base=_BASE,
    routes=(
        Route("POST", "/auth", LOGIN, _login),
        Route("GET", "/account/me", "getBalance", _me),
        Route("POST", "/verifications", "getNumber", _create),
        Route("GET", "/verifications", "getActiveActivations", _list),
        Route("GET", _VERIFICATION, "getStatus", _details),
        Route("POST", f"{_VERIFICATION}/cancel", "setStatus", _cancel),
        Route("GET", "/sms", "getFullSms", _sms),
        Route("GET", "/services", "getServicesList", _services),
        Route("POST", "/pricing/verifications", "getPrices", _price),
        Route("POST", "/inventory/verifications", "getPrices", _inventory),
        Route("POST", "/reservations/rental", "getRentNumber", _rent),
        Route("GET", "/sales/sale_(?P<id>[^/]+)", "getRentStatus", _sale),
        Route("GET", _RENTAL, "getRentList", _rentals),
        Route("GET", f"{_RENTAL}/(?P<id>[^/]+)", "getRentStatus", _rental_details),
        Route("POST", f"{_RENTAL}/(?P<id>[^/]+)/refund", "setRentStatus", _refund),
    ),
    worded=_worded,
    services=SERVICES | {"full": "allservices"},
    country=_country,
    params={"serviceName": "service", "reservationId": "id"},
    defaults={"country": _USA},
    tokens=True,
)
