"""Rents: what handler_api calls a provider's long leases."""

from canary.core.dialects.model import Refused, Steps, Want
from canary.core.dialects.speech.reply import Ask, Spoken, Way, as_reply, date, digits, own_id, sold_of


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
    return as_reply({"status": "success", "phone": phone}, sold_of(order))


def _rent_status(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.inbox is not None, "the table says what is needed"
    messages = yield from ask.dialect.inbox(ask.settings, ask.id)
    if not messages:
        raise Refused("STATUS_WAIT_CODE")
    values = {
        str(n): {"phoneFrom": m.sender, "text": m.text or m.code, "service": "", "date": date(m.at)}
        for n, m in enumerate(messages)
    }
    return as_reply({"status": "success", "quantity": str(len(values)), "values": values})


def _set_rent_status(ask: Ask) -> Steps[Spoken]:
    ways = {"1": ask.dialect.give_up, "2": ask.dialect.give_back}
    way = ways.get(ask.get("status"))
    if way is None:
        raise Refused("INCORECT_STATUS")
    try:
        yield from way(ask.settings, ask.id)
    except Refused as refused:
        raise Refused(refused.word or "CANT_CANCEL") from None
    return as_reply({"status": "success"})


def _rent_list(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.rents is not None, "the table says what is needed"
    rents = yield from ask.dialect.rents(ask.settings)
    if not rents:
        raise Refused("NO_NUMBERS")
    listed = {str(n): {"id": own_id(r.id), "phone": digits(r.phone)} for n, r in enumerate(rents)}
    return as_reply({"status": "success", "values": listed})


WAYS: dict[str, tuple[Way, str]] = {
    "getRentNumber": (_rent, "rent"),
    "getRentStatus": (_rent_status, "inbox"),
    "setRentStatus": (_set_rent_status, "give_back"),
    "getRentList": (_rent_list, "rents"),
}
"""How each action is carried out, and what a dialect must have for it."""
