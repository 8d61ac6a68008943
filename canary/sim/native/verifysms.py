"""VerifySMS's own API by its public paths; its schema is not public, so fields are named as canary's profile does."""

from typing import Any

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data, written
from canary.sim.lease import Lease, State
from canary.sim.market import COUNTRIES, Country
from canary.sim.native.api import (
    USUAL_CODES,
    Api,
    NativeCall,
    Route,
    bought,
    came,
    country_name,
    country_named,
    lease_of,
    offers,
    rented,
    text_of,
    zulu,
)
from canary.sim.visit import Visit

_BOTH = (Kind.ACTIVATION, Kind.RENT)

_ERRORS: dict[str, tuple[int, str]] = {
    "NO_KEY": (401, "NO_KEY"),
    "BAD_KEY": (401, "BAD_KEY"),
    "NO_BALANCE": (402, "NO_BALANCE"),
    "NO_NUMBERS": (404, "NO_NUMBERS"),
    "unknown_read": (404, "NO_ACTIVATION"),
    "unknown_write": (404, "NO_ACTIVATION"),
    "EARLY_CANCEL_DENIED": (409, "EARLY_CANCEL_DENIED"),
    "RATE_LIMITED": (429, "RATE_LIMITED"),
    "ERROR_SQL": (500, "SERVER_ERROR"),
    "BAD_SERVICE": (422, "BAD_SERVICE"),
    "BAD_COUNTRY": (422, "BAD_COUNTRY"),
    "WRONG_MAX_PRICE": (409, "WRONG_MAX_PRICE"),
    "CHANNELS_LIMIT": (403, "CHANNELS_LIMIT"),
}
_OTHERWISE = (409, "BAD_STATUS")

_STATUSES = {
    State.WAITING: "waiting",
    State.CODE: "received",
    State.ASKED: "retry",
    State.FINISHED: "completed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}


def _country(country: Country) -> str:
    return str(country.id)


def _worded(refused: Refused, _call: NativeCall) -> Answer:
    status, word = _ERRORS.get(refused.reason, _OTHERWISE)
    return data({"error": word}, refused.reason, status)


def _rental(visit: Visit, lease: Lease, paid: str = "") -> Answer:
    row: dict[str, Any] = {
        "id": lease.id,
        "phone": f"+{lease.phone}",
        "status": _STATUSES[lease.state],
        "code": lease.code if came(lease) else None,
        "text": text_of(lease) if came(lease) else None,
        "service": lease.service,
        "country": country_name(visit, lease),
        "operator": lease.operator,
        "price": lease.price,
        "created_at": zulu(lease.bought_at),
        "expires_at": zulu(lease.ends_at),
    }
    answer = data({"data": row}, status=201 if paid else 200)
    return Answer(answer.text, answer.word, answer.status, answer.content_type, money=paid)


def _buy(visit: Visit) -> Answer:
    lease = bought(visit)
    return _rental(visit, lease, written(lease.price))


def _rent(visit: Visit) -> Answer:
    lease = rented(visit, visit.hours(), visit.call.get("service"))
    return _rental(visit, lease, written(lease.price))


def _details(visit: Visit) -> Answer:
    return _rental(visit, lease_of(visit, write=False, kinds=_BOTH))


def _set_status(visit: Visit) -> Answer:
    lease, status = lease_of(visit, write=True, kinds=_BOTH), visit.call.get("status")
    if status == "3":
        visit.shop.ask_again(lease, visit.now)
    elif status == "6":
        visit.shop.finish(lease, visit.now, blank=True)
    elif status == "8":
        visit.shop.cancel(lease, visit.now)
    else:
        raise Refused("BAD_STATUS")
    return _rental(visit, lease)


def _balance(visit: Visit) -> Answer:
    return data({"data": {"balance": visit.shop.balance}})


def _offers(visit: Visit) -> Answer:
    rows = [
        {"country": country_named(visit, own), "service": code, "price": price, "count": count}
        for own, code, price, count in offers(visit)
    ]
    return data({"data": rows})


def _countries(_visit: Visit) -> Answer:
    return data({"data": [{"id": one.id, "iso2": one.iso, "name": one.name} for one in COUNTRIES]})


_ID = "/rentals/(?P<id>[^/]+)"

VERIFYSMS = Api(
    name="verifysms-native",
    base="/v1",
    routes=(
        Route("GET", "/balance", "getBalance", _balance),
        Route("GET", "/countries", "getCountries", _countries),
        Route("GET", "/countries/availability", "getNumbersStatus", _offers),
        Route("GET", "/prices", "getPrices", _offers),
        Route("GET", "/services/(?P<service>[^/]+)/top-countries", "getTopCountriesByService", _offers),
        Route("POST", "/rentals", "getNumber", _buy),
        Route("POST", "/rentals/long", "getRentNumber", _rent),
        Route("GET", _ID, "getStatus", _details),
        Route("POST", f"{_ID}/status", "setStatus", _set_status),
    ),
    worded=_worded,
    services=USUAL_CODES,
    country=_country,
    params={"max_price": "maxPrice"},
)
