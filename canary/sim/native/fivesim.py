"""5sim v1 as documented: GETs for everything, names for everything, errors as plain text."""

from typing import Any

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data
from canary.sim.lease import Lease, State
from canary.sim.market import COUNTRIES, OPERATORS, SERVICES, Country
from canary.sim.native.api import (
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
    service_name,
    text_of,
    zulu,
)
from canary.sim.visit import Visit

_BOTH = (Kind.ACTIVATION, Kind.RENT)

_TEXTS: dict[str, tuple[int, str]] = {
    "NO_KEY": (401, ""),
    "BAD_KEY": (401, ""),
    "NO_NUMBERS": (200, "no free phones"),
    "WRONG_MAX_PRICE": (200, "no free phones"),
    "NO_BALANCE": (400, "not enough user balance"),
    "CHANNELS_LIMIT": (400, "not enough rating"),
    "BAD_SERVICE": (400, "no product"),
    "INVALID_TIME": (400, "no product"),
    "BAD_COUNTRY": (400, "bad country"),
    "unknown_read": (404, "order not found"),
    "unknown_write": (400, "order not found"),
    "cancel_with_code": (400, "order has sms"),
    "cancel_twice": (400, "order expired"),
    "cancel_ended": (400, "order expired"),
    "finish_without_code": (400, "order no sms"),
    "finish_twice": (400, "order expired"),
    "EARLY_CANCEL_DENIED": (400, "order cannot be canceled"),
    "CANT_CANCEL": (400, "hosting order"),
    "RATE_LIMITED": (429, ""),
    "ERROR_SQL": (500, "internal error"),
}
"""Status and body by the reason of a refusal; there is no documented word for a cancel that comes too early."""

_STATUSES = {
    State.WAITING: "RECEIVED",
    State.CODE: "RECEIVED",
    State.ASKED: "RECEIVED",
    State.FINISHED: "FINISHED",
    State.CANCELLED: "CANCELED",
    State.EXPIRED: "TIMEOUT",
}

_HOURS = {"3hours": 3, "1day": 24, "10days": 240, "1month": 720}


def _country(country: Country) -> str:
    slugs = {"United Kingdom": "england", "Viet Nam": "vietnam"}
    return slugs.get(country.name, country.name.lower().replace(" ", ""))


def _worded(refused: Refused, _call: NativeCall) -> Answer:
    status, text = _TEXTS.get(refused.reason, (400, "any error"))
    return Answer(text, refused.reason, status, "text/plain; charset=utf-8")


def _order(visit: Visit, lease: Lease) -> dict[str, Any]:
    sms = {
        "created_at": zulu(lease.code_at or lease.bought_at),
        "date": zulu(lease.code_at or lease.bought_at),
        "sender": service_name(visit, lease),
        "text": text_of(lease),
        "code": lease.code,
    }
    return {
        "id": int(lease.id),
        "phone": f"+{lease.phone}",
        "operator": lease.operator,
        "product": service_name(visit, lease),
        "price": lease.price,
        "status": _STATUSES[lease.state],
        "expires": zulu(lease.ends_at),
        "sms": [sms] if came(lease) else [],
        "created_at": zulu(lease.bought_at),
        "country": country_name(visit, lease),
    }


def _buy(visit: Visit) -> Answer:
    return data(_order(visit, bought(visit)))


def _host(visit: Visit) -> Answer:
    hours = _HOURS.get(visit.call.get("length"))
    if hours is None:
        raise Refused("INVALID_TIME")
    return data(_order(visit, rented(visit, hours, "full")))


def _check(visit: Visit) -> Answer:
    return data(_order(visit, lease_of(visit, write=False, kinds=_BOTH)))


def _finish(visit: Visit) -> Answer:
    lease = lease_of(visit, write=True, kinds=_BOTH)
    visit.shop.finish(lease, visit.now, blank=lease.kind is Kind.RENT)
    return data(_order(visit, lease))


def _cancel(visit: Visit) -> Answer:
    lease = lease_of(visit, write=True, kinds=_BOTH)
    if lease.kind is Kind.RENT and visit.now > lease.bought_at + visit.behaviour.rent_cancel_within:
        raise Refused("CANT_CANCEL")
    visit.shop.cancel(lease, visit.now)
    return data(_order(visit, lease))


def _inbox(visit: Visit) -> Answer:
    lease = lease_of(visit, write=False, kinds=(Kind.RENT,))
    rows = _order(visit, lease)["sms"]
    return data({"Data": rows, "Total": len(rows)})


def _orders(visit: Visit) -> Answer:
    kind = Kind.RENT if visit.call.get("category") == "hosting" else Kind.ACTIVATION
    start, limit = int(visit.call.get("offset") or 0), int(visit.call.get("limit") or 15)
    found = leases_of(visit, kind)
    rows = [_order(visit, lease) for lease in found[start : start + limit]]
    return data({"Data": rows, "ProductNames": [], "Statuses": [], "Total": len(found)})


def _profile(visit: Visit) -> Answer:
    return data({"id": 1, "email": "", "balance": visit.shop.balance, "rating": 96, "frozen_balance": 0})


def _prices(visit: Visit) -> Answer:
    """Nested by country first, unless a product alone is asked for."""
    by_product = bool(visit.call.get("service")) and not visit.call.get("country")
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for own, code, price, count in offers(visit):
        country, product = country_named(visit, own), SERVICES[code]
        outer, inner = (product, country) if by_product else (country, product)
        cell = {"any_operator": {"cost": price, "count": count, "rate": 99.9}}
        table.setdefault(outer, {})[inner] = cell
    return data(table)


def _products(visit: Visit) -> Answer:
    table = {
        SERVICES[code]: {"Category": "activation", "Qty": count, "Price": price}
        for _, code, price, count in offers(visit)
    }
    return data(
        {**table, "1day": {"Category": "hosting", "Qty": 1, "Price": visit.behaviour.rent_price * 24}}
    )


def _countries(visit: Visit) -> Answer:
    return data(
        {
            _country(country): {
                "iso": {country.iso.lower(): 1},
                "prefix": {f"+{country.prefix}": 1},
                "text_en": country.name,
                "text_ru": country.name,
                **{operator: {"activation": 1} for operator in OPERATORS if operator != "any"},
            }
            for country in COUNTRIES
        }
    )


FIVESIM = Api(
    name="5sim-native",
    base="/v1",
    routes=(
        Route("GET", "/user/profile", "getBalance", _profile),
        Route(
            "GET",
            "/user/buy/activation/(?P<country>[^/]+)/(?P<operator>[^/]+)/(?P<product>[^/]+)",
            "getNumber",
            _buy,
        ),
        Route(
            "GET",
            "/user/buy/hosting/(?P<country>[^/]+)/(?P<operator>[^/]+)/(?P<length>[^/]+)",
            "getRentNumber",
            _host,
        ),
        Route("GET", "/user/check/(?P<id>[^/]+)", "getStatus", _check),
        Route("GET", "/user/finish/(?P<id>[^/]+)", "setStatus", _finish),
        Route("GET", "/user/cancel/(?P<id>[^/]+)", "setStatus", _cancel),
        Route("GET", "/user/sms/inbox/(?P<id>[^/]+)", "getRentStatus", _inbox),
        Route("GET", "/user/orders", "getActiveActivations", _orders),
        Route("GET", "/guest/prices", "getPrices", _prices, keyless=True),
        Route("GET", "/guest/products/any/any", "getServicesList", _products, keyless=True),
        Route("GET", "/guest/products/(?P<country>[^/]+)/any", "getServicesList", _products, keyless=True),
        Route("GET", "/guest/countries", "getCountries", _countries, keyless=True),
    ),
    worded=_worded,
    services=SERVICES,
    country=_country,
    params={"product": "service"},
)
