"""SMSPVA v2 as documented: a status code in every body, numbers without their dial code, prices apart."""

from typing import Any

from canary.sim.answers import Answer, Refused, data
from canary.sim.lease import Lease, State
from canary.sim.market import Country, prefix_of
from canary.sim.native.api import (
    Api,
    NativeCall,
    Route,
    bought,
    country_name,
    country_named,
    lease_of,
    leases_of,
    offers,
    service_name,
    text_of,
)
from canary.sim.visit import Visit

_SERVICES = {
    "tg": "opt29",
    "wa": "opt20",
    "go": "opt1",
    "vk": "opt69",
    "ig": "opt16",
    "fb": "opt2",
    "ds": "opt45",
    "am": "opt44",
}

_CODES: dict[str, tuple[int, str]] = {
    "NO_KEY": (401, "Authorization required"),
    "BAD_KEY": (401, "API key is wrong"),
    "NO_NUMBERS": (501, "Number not found"),
    "NO_BALANCE": (407, "Your balance is too low"),
    "CHANNELS_LIMIT": (411, "API access limited by low karma or ratelimits"),
    "RATE_LIMITED": (411, "API access limited by low karma or ratelimits"),
    "BAD_SERVICE": (405, "Invalid parameters"),
    "BAD_COUNTRY": (405, "Invalid parameters"),
    "unknown_read": (406, "Order not found"),
    "unknown_write": (406, "Order not found"),
    "cancel_with_code": (410, "This order is closed and unavailable"),
    "cancel_twice": (410, "This order is closed and unavailable"),
    "cancel_ended": (410, "This order is closed and unavailable"),
    "ask_without_code": (404, "No SMS received"),
    "EARLY_CANCEL_DENIED": (400, "Order cannot be cancelled"),
    "ERROR_SQL": (503, "Server overload, try later"),
}
"""Status code and description by the reason of a refusal; nothing is documented for a cancel that comes too early."""


def _country(country: Country) -> str:
    return "UK" if country.iso == "GB" else country.iso


def _worded(refused: Refused, _call: NativeCall) -> Answer:
    code, description = _CODES.get(refused.reason, (500, "Failed"))
    body = {"statusCode": code, "error": {"description": description}}
    return data(body, refused.reason, code)


def _worked(value: Any) -> Answer:
    return data({"statusCode": 200, "data": value})


def _order(visit: Visit, lease: Lease) -> dict[str, Any]:
    return {
        "orderId": int(lease.id),
        "phoneNumber": int(lease.phone.removeprefix(prefix_of(int(lease.country)))),
        "countryCode": country_name(visit, lease),
        "orderExpireIn": max(int(lease.ends_at - visit.now), 0),
    }


def _number(visit: Visit) -> Answer:
    return _worked(_order(visit, bought(visit)))


def _sms(visit: Visit) -> Answer:
    lease = lease_of(visit, write=False)
    if not lease.open:
        raise Refused("cancel_ended")
    order = _order(visit, lease)
    if lease.state is not State.CODE:
        return data({"statusCode": 202, "error": {"description": "SMS not yet received"}}, status=202)
    sms = {"code": lease.code, "fullText": text_of(lease)}
    return _worked({"sms": sms, "orderId": str(order["orderId"]), "orderExpireIn": order["orderExpireIn"]})


def _cancel(visit: Visit) -> Answer:
    lease = lease_of(visit, write=True)
    visit.shop.cancel(lease, visit.now)
    return _worked({"orderId": int(lease.id)})


def _clear(visit: Visit) -> Answer:
    lease = lease_of(visit, write=True)
    visit.shop.ask_again(lease, visit.now)
    return _worked({"orderId": int(lease.id), "orderExpireIn": int(lease.ends_at - visit.now)})


def _orders(visit: Visit) -> Answer:
    rows = []
    for lease in leases_of(visit, open_only=True):
        sms = {"code": lease.code, "fullText": text_of(lease)} if lease.state is State.CODE else None
        rows.append({**_order(visit, lease), "service": service_name(visit, lease), "sms": sms})
    return _worked({"orders": rows})


def _balance(visit: Visit) -> Answer:
    return _worked({"balance": visit.shop.balance})


def _price(visit: Visit) -> Answer:
    for _, code, price, _count in offers(visit):
        return _worked({"service": _SERVICES[code], "serviceDescription": code, "price": price})
    raise Refused("BAD_COUNTRY")


def _prices(visit: Visit) -> Answer:
    rows = [
        {
            "service": _SERVICES[code],
            "serviceDescription": code,
            "country": country_named(visit, own),
            "price": price,
        }
        for own, code, price, _ in offers(visit)
    ]
    return _worked(rows)


_ID = "(?P<id>[^/]+)"
_OFFER = "(?P<country>[^/]+)/(?P<service>[^/]+)"

SMSPVA = Api(
    name="smspva",
    base="",
    routes=(
        Route("GET", f"/activation/number/{_OFFER}", "getNumber", _number),
        Route("GET", f"/activation/sms/{_ID}", "getStatus", _sms),
        Route("PUT", f"/activation/cancelorder/{_ID}", "setStatus", _cancel),
        Route("PUT", f"/activation/clearsms/{_ID}", "setStatus", _clear),
        Route("GET", "/activation/orders", "getActiveActivations", _orders),
        Route("GET", "/activation/balance", "getBalance", _balance),
        Route("GET", f"/activation/serviceprice/{_OFFER}", "getPrices", _price),
        Route("GET", "/activation/servicesprices", "getServicesList", _prices),
    ),
    worded=_worded,
    services=_SERVICES,
    country=_country,
    key_header="apikey",
    scheme="",
)
