"""HeroSMS v1 as described: JSON under ``data``, errors with a title, 204 for what worked."""

from typing import Any

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data
from canary.sim.dialects import HERO_STATUSES
from canary.sim.lease import Lease
from canary.sim.market import HERO_RUSSIA, Country
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
    leases_of,
    offers,
    rented,
    text_of,
    zulu,
)
from canary.sim.visit import Visit

_BOTH = (Kind.ACTIVATION, Kind.RENT)

_TITLES = {
    "unknown_read": "NOT_FOUND",
    "unknown_write": "NOT_FOUND",
    "no_otp": "NOT_FOUND",
    "cancel_with_code": "OTP_RECEIVED",
    "cancel_twice": "ACTIVATION_NOT_ACTIVE",
    "cancel_ended": "ACTIVATION_NOT_ACTIVE",
    "finish_twice": "ACTIVATION_NOT_ACTIVE",
    "finish_without_code": "BAD_STATUS",
    "RATE_LIMITED": "RATE_LIMIT",
    "ERROR_SQL": "SERVER_ERROR",
}
_STATUSES = {**HERO_STATUSES, "RATE_LIMIT": 429}


def _country(country: Country) -> str:
    return str(country.id or HERO_RUSSIA)


def _worded(refused: Refused, _call: NativeCall) -> Answer:
    title = _TITLES.get(refused.reason, refused.reason)
    details = "OTP Not Found" if refused.reason == "no_otp" else "Activation Not Found"
    body = {"title": title, "details": details if title == "NOT_FOUND" else title, "info": refused.info}
    return data(body, refused.reason, _STATUSES.get(title, 400))


def _row(visit: Visit, lease: Lease) -> dict[str, Any]:
    return {
        "id": int(lease.id),
        "phone": lease.phone,
        "service": lease.service,
        "country": int(country_name(visit, lease)),
        "operator": lease.operator,
        "price": lease.price,
        "status": "active" if lease.open else "closed",
        "createdAt": zulu(lease.bought_at),
        "expiresAt": zulu(lease.ends_at),
    }


def _buy(visit: Visit) -> Answer:
    if visit.call.get("amount") not in {"", "1"}:
        raise Refused("BAD_SERVICE")
    hours = visit.call.get("duration")
    lease = rented(visit, int(hours), visit.call.get("service")) if hours else bought(visit)
    return data({"data": [_row(visit, lease)]})


def _otp(lease: Lease) -> dict[str, Any]:
    return {
        "code": lease.code,
        "text": text_of(lease),
        "sender": lease.service,
        "receivedAt": zulu(lease.code_at or lease.bought_at),
    }


def _last(visit: Visit) -> Answer:
    lease = lease_of(visit, write=False, kinds=_BOTH)
    if not lease.open or not came(lease):
        raise Refused("no_otp")
    return data({"data": _otp(lease)})


def _all(visit: Visit) -> Answer:
    lease = lease_of(visit, write=False, kinds=_BOTH)
    return data({"data": [_otp(lease)] if came(lease) else []})


def _list(visit: Visit) -> Answer:
    page, size = int(visit.call.get("page") or 1), int(visit.call.get("size") or 20)
    found = [*leases_of(visit, open_only=True), *leases_of(visit, Kind.RENT, open_only=True)]
    rows = [_row(visit, lease) for lease in found[(page - 1) * size : page * size]]
    return data({"data": rows, "meta": {"total": len(found)}})


def _finish(visit: Visit) -> Answer:
    lease = lease_of(visit, write=True, kinds=_BOTH)
    visit.shop.finish(lease, visit.now, blank=lease.kind is Kind.RENT)
    return Answer("", "ACCESS_ACTIVATION", 204)


def _cancel(visit: Visit) -> Answer:
    visit.shop.cancel(lease_of(visit, write=True, kinds=_BOTH), visit.now)
    return Answer("", "ACCESS_CANCEL", 204)


def _offers(visit: Visit) -> Answer:
    table: dict[str, dict[str, Any]] = {}
    for own, code, price, count in offers(visit):
        cell = {"prices": {"default": price, "retail": price, "min": price}, "counts": {"total": count}}
        table.setdefault(code, {})[country_named(visit, own)] = cell
    return data({"data": table})


_ID = "/activations/(?P<id>[^/]+)"

HEROSMS = Api(
    name="herosms-v1",
    base="/api/v1",
    routes=(
        Route("POST", "/activations", "getNumber", _buy),
        Route("GET", "/activations", "getActiveActivations", _list),
        Route("GET", "/activations/offers", "getPrices", _offers),
        Route("GET", f"{_ID}/otp/last", "getStatus", _last),
        Route("GET", f"{_ID}/otp", "getRentStatus", _all),
        Route("POST", f"{_ID}/finish", "setStatus", _finish),
        Route("DELETE", _ID, "setStatus", _cancel),
    ),
    worded=_worded,
    services=USUAL_CODES,
    country=_country,
    params={"services": "service", "countries": "country"},
    scheme="apikey",
)
