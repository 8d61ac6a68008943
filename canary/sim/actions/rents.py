"""Rents: numbers for hours to weeks, with small ids of their own (protocol.md section 6)."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from canary.core.model import Kind
from canary.sim.actions.market import in_stock
from canary.sim.actions.purchases import number_object
from canary.sim.answers import Answer, Refused, data, written
from canary.sim.lease import Lease, State
from canary.sim.market import COUNTRIES, OPERATORS, SERVICES
from canary.sim.shapes import CURRENCY, date, message, own_id, phone, price
from canary.sim.visit import Handler, Visit


def _rent(visit: Visit) -> Lease:
    return visit.lease("id", kind=Kind.RENT, unknown="unknown_rent")


def _price(visit: Visit, hours: int) -> Decimal:
    return visit.behaviour.rent_price * hours


def _sold(visit: Visit, lease: Lease, paid: Decimal) -> Answer:
    ends = datetime.fromtimestamp(lease.ends_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    row = {"id": own_id(lease), "endDate": ends, "number": phone(visit.dialect, lease)}
    return replace(data({"status": "success", "phone": row}), money=written(paid))


def _number(visit: Visit) -> Answer:
    service, country, hours = visit.service(), visit.country(), visit.hours()
    lifetime = hours * visit.behaviour.rent_hour
    price = _price(visit, hours)
    if visit.dialect.rents == "herosms":  # an activation with a long life
        return number_object(visit, visit.buy(service, country, price=price, lifetime=lifetime))
    lease = visit.buy(service, country, price=price, lifetime=lifetime, kind=Kind.RENT)
    return _sold(visit, lease, lease.price)


def _status(visit: Visit) -> Answer:
    lease = _rent(visit)
    if lease.state is State.CANCELLED:
        raise Refused("STATUS_CANCEL")
    if not lease.open:
        raise Refused("STATUS_FINISH")
    if not lease.codes:
        raise Refused("STATUS_WAIT_CODE")
    row = {
        "phoneFrom": lease.service.upper(),
        "text": message(visit.dialect, lease),
        "service": lease.service,
        "date": date(lease.code_at or lease.bought_at),
    }
    return data({"status": "success", "quantity": "1", "values": {"0": row}})


def _set_status(visit: Visit) -> Answer:
    lease = _rent(visit)
    status = visit.call.get("status")
    if status not in {"1", "2"}:
        raise Refused("INCORECT_STATUS")
    if not lease.open:
        raise Refused("ALREADY_CANCEL" if lease.state is State.CANCELLED else "ALREADY_FINISH")
    if status == "1":
        visit.shop.finish(lease, visit.now, blank=True)
        return data({"status": "success"})
    if lease.codes or visit.now > lease.bought_at + visit.behaviour.rent_cancel_within:
        raise Refused("CANT_CANCEL")
    visit.shop.cancel(lease, visit.now)
    return data({"status": "success"})


def _list(visit: Visit) -> Answer:
    rents = [lease for lease in visit.shop.open.values() if lease.kind is Kind.RENT]
    if not rents:
        raise Refused("NO_NUMBERS")
    rows = {str(n): {"id": own_id(x), "phone": phone(visit.dialect, x)} for n, x in enumerate(rents)}
    return data({"status": "success", "values": rows})


def _continue(visit: Visit) -> Answer:
    """An open rent lives longer under its id; a finished one comes back under a new id."""
    lease, hours = _rent(visit), visit.hours()
    if lease.state is State.CANCELLED:
        raise Refused("RENT_DIE")
    lifetime, price = hours * visit.behaviour.rent_hour, _price(visit, hours)
    if lease.open:
        before = lease.price
        visit.shop.extend(lease, lease.ends_at + lifetime, price)
        return _sold(visit, lease, lease.price - before)
    again = visit.buy(
        lease.service, lease.country, price=price, lifetime=lifetime, kind=Kind.RENT, phone=lease.phone
    )
    return _sold(visit, again, again.price)


def _continue_info(visit: Visit) -> Answer:
    lease, hours = _rent(visit), visit.hours()
    answer: dict[str, Any] = {
        "status": "success",
        "price": price(visit.dialect, _price(visit, hours)),
        "currency": CURRENCY,
    }
    if visit.call.get("needHistory") in {"1", "true"}:
        answer["history"] = [{"id": own_id(lease), "date": date(lease.bought_at)}]
    return data(answer)


def _catalogue(visit: Visit) -> Answer:
    country, cost = visit.country(), _price(visit, visit.hours())
    services = {
        code: {"cost": price(visit.dialect, cost), "quant": in_stock(visit, code, country)}
        for code in SERVICES
    }
    countries = [country.id or visit.dialect.russia for country in COUNTRIES]
    return data(
        {
            "countries": {str(n): one for n, one in enumerate(countries)},
            "operators": {str(n): one for n, one in enumerate(OPERATORS)},
            "services": services,
            "currency": CURRENCY,
        }
    )


def _counts(visit: Visit) -> Answer:
    country = visit.country()
    return data({code: in_stock(visit, code, country) for code in SERVICES})


HANDLERS: dict[str, Handler] = {
    "getRentServicesAndCountries": _catalogue,
    "serviceCountRent": _counts,
    "getRentNumber": _number,
    "continueRentNumber": _continue,
    "getRentList": _list,
    "getRentStatus": _status,
    "setRentStatus": _set_status,
    "getContinueRentPriceNumber": _continue_info,
    "continueRentInfo": _continue_info,
}
