"""Actions that spend money."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from canary.sim.answers import Answer, Refused, data, text, written
from canary.sim.lease import Lease, State
from canary.sim.shapes import number_v2, own_id, phone
from canary.sim.visit import Handler, Visit


def _priced(answer: Answer, *leases: Lease) -> Answer:
    """The answer with what its purchase cost, for the cost header."""
    return replace(answer, money=written(sum((lease.price for lease in leases), start=Decimal(0))))


def _number_text(visit: Visit, lease: Lease, head: str = "ACCESS_NUMBER") -> Answer:
    fields = [head, lease.id, phone(visit.dialect, lease)]
    if visit.dialect.price_field:
        fields.append(written(lease.price))
    return _priced(text(":".join(fields)), lease)


def number_object(visit: Visit, lease: Lease) -> Answer:
    """A V2 object for a lease that was just bought."""
    return _priced(data(number_v2(visit.dialect, lease, visit.behaviour.minimum_hold)), lease)


def _number(visit: Visit) -> Answer:
    return _number_text(visit, visit.buy(visit.service(), visit.country()))


def _number_v2(visit: Visit) -> Answer:
    order = visit.call.get("orderId") if visit.dialect.order_ids else ""
    if order and order in visit.shop.orders:
        raise Refused("ORDER_ALREADY_EXISTS")
    lease = visit.buy(visit.service(), visit.country())
    if order:
        visit.shop.orders.add(order)
    return number_object(visit, lease)


def _multi(visit: Visit) -> Answer:
    """One number for several services; those that cannot be had are left out, unless none can."""
    services = [visit.known_service(one) for one in visit.call.get("multiService").split(",")]
    country = visit.country()
    bought: list[Lease] = []
    refusals: list[Refused] = []
    for service in services:
        try:
            bought.append(visit.buy(service, country, phone=bought[0].phone if bought else ""))
        except Refused as refusal:
            refusals.append(refusal)
    if not bought:
        raise refusals[0]
    return _priced(data(_multi_rows(visit, bought)), *bought)


def _multi_rows(visit: Visit, leases: Sequence[Lease]) -> list[dict[str, object]]:
    return [
        {"phone": phone(visit.dialect, lease), "activation": own_id(lease), "service": lease.service}
        for lease in leases
    ]


def _additional(visit: Visit) -> Answer:
    """Another service on the number of an open lease."""
    service = visit.service()
    parent = visit.lease("id", "activationId", unknown="unknown_parent")
    if not parent.open:
        raise Refused("WRONG_ADDITIONAL_SERVICE")
    if parent.service == service:
        raise Refused("REPEAT_ADDITIONAL_SERVICE")
    return _number_text(visit, visit.buy(service, parent.country, phone=parent.phone), "ADDITIONAL")


def _extra(visit: Visit) -> Answer:
    """The number of a finished lease once more."""
    lease = _again(visit)
    if not visit.dialect.sleeping:
        return _number_text(visit, lease)
    wakes = int(visit.now)
    return _priced(text(f"ASLEEP:{lease.id}:{phone(visit.dialect, lease)}:{wakes}"), lease)


def _reactivate(visit: Visit) -> Answer:
    return number_object(visit, _again(visit))


def _again(visit: Visit) -> Lease:
    parent = visit.lease("activationId", "id", unknown="unknown_parent")
    if parent.state is not State.FINISHED:
        raise Refused("parent_open")
    return visit.buy(parent.service, parent.country, phone=parent.phone)


def _prolong(visit: Visit) -> Answer:
    lease = visit.lease("id", "activationId", unknown="unknown_write")
    if not lease.open:
        raise Refused("RENEW_ACTIVATION_NOT_AVAILABLE")
    before = lease.price
    price = visit.behaviour.price_of(lease.service, lease.country)
    visit.shop.extend(lease, lease.ends_at + visit.behaviour.lifetime_of(lease.service), price)
    return replace(number_object(visit, lease), money=written(lease.price - before))


def _partner_product(visit: Visit) -> Answer:
    """No number: a sale that is over at once."""
    if not visit.call.get("productId"):
        raise Refused("BAD_DATA")
    sale = visit.buy("partner", str(visit.dialect.russia))
    visit.shop.finish(sale, visit.now, blank=True)
    return _priced(data({"status": "success", "id": own_id(sale)}), sale)


HANDLERS: dict[str, Handler] = {
    "getNumber": _number,
    "getNumberV2": _number_v2,
    "getMultiServiceNumber": _multi,
    "getAdditionalService": _additional,
    "getExtraActivation": _extra,
    "buyPartnerProduct": _partner_product,
    "reactivate": _reactivate,
    "prolong": _prolong,
}
