"""Reads and writes of one activation."""

from collections.abc import Callable
from dataclasses import replace

from canary.core.model import Kind
from canary.sim.answers import Answer, Refused, data, text
from canary.sim.lease import Lease, State
from canary.sim.shapes import code, message, phone, price, sms_row, status_text, status_v2
from canary.sim.visit import Handler, Visit

_ID = ("id", "activationId")


# --- reads ------------------------------------------------------------------------------------------------------


def _status(visit: Visit) -> Answer:
    lease = visit.lease(*_ID)
    answer = text(status_text(visit.dialect, lease))
    header = visit.dialect.text_header
    if not header or lease.state is not State.CODE or visit.call.get("text") != "1":
        return answer
    return replace(answer, headers=((header, message(visit.dialect, lease)),))


def _status_v2(visit: Visit) -> Answer:
    asked = visit.call.get(*_ID)
    if "," in asked:
        return data({one: _one_status(visit, one) for one in asked.split(",") if one})
    lease = visit.lease(*_ID)
    return data(status_v2(visit.dialect, lease)) if lease.open else text("STATUS_CANCEL")


def _one_status(visit: Visit, lease_id: str) -> str:
    """A reseller's answer for one of several ids."""
    lease = visit.shop.find(Kind.ACTIVATION, lease_id, visit.now)
    return status_text(visit.dialect, lease) if lease else visit.dialect.word("unknown_read")


def _full_sms(visit: Visit) -> Answer:
    lease = visit.lease(*_ID)
    if lease.state is State.CODE:
        return text(f"FULL_SMS:{message(visit.dialect, lease)}")
    return text(visit.dialect.waiting if lease.open else "STATUS_CANCEL")


def _all_sms(visit: Visit) -> Answer:
    lease = visit.lease(*_ID)
    rows = [{**sms_row(visit.dialect, lease, came=True), "code": code(visit.dialect, c)} for c in lease.codes]
    return data({"data": rows, "meta": {"total": len(rows)}})


def _check_extra(visit: Visit) -> Answer:
    lease = visit.lease("activationId", "id", unknown="unknown_parent")
    if lease.state is not State.FINISHED:
        raise Refused("parent_open")
    return data(
        {
            "status": "success",
            "cost": price(visit.dialect, visit.behaviour.price_of(lease.service, lease.country)),
            "service": lease.service,
            "phone": phone(visit.dialect, lease),
            "country": int(lease.country),
        }
    )


_CALL_STATES = {
    State.CODE: "3",
    State.ASKED: "5",
    State.FINISHED: "4",
    State.CANCELLED: "4",
    State.EXPIRED: "4",
}


def _incoming_call(visit: Visit) -> Answer:
    lease = visit.lease("activationId", "id")
    return data({"status": _CALL_STATES.get(lease.state, "2"), "phone": False})


def _outgoing_calls(visit: Visit) -> Answer:
    visit.lease("activationId", "id")
    return data({"status": "success", "calls": []})


def _renewal_price(visit: Visit) -> Answer:
    lease = visit.lease(*_ID)
    amount = visit.behaviour.price_of(lease.service, lease.country)
    return data({"status": "success", "price": price(visit.dialect, amount)})


def _renewal_options(visit: Visit) -> Answer:
    lease = visit.lease(*_ID)
    amount = visit.behaviour.price_of(lease.service, lease.country)
    minutes = int(visit.behaviour.lifetime_of(lease.service) // 60)
    return data({"data": [{"duration": minutes, "price": price(visit.dialect, amount)}]})


def _renewals(visit: Visit) -> Answer:
    visit.lease(*_ID)
    return data({"data": []})


# --- writes -----------------------------------------------------------------------------------------------------


def _ready(visit: Visit, lease: Lease) -> str:
    if lease.state is not State.WAITING:
        raise Refused("BAD_STATUS")
    return "ACCESS_READY"


def _no_sms(visit: Visit, lease: Lease) -> str:
    if not lease.open:
        raise Refused("BAD_STATUS")
    return "SMS_ADDED"


def _ask_again(visit: Visit, lease: Lease) -> str:
    visit.shop.ask_again(lease, visit.now)
    return "ACCESS_RETRY_GET"


def _finish(visit: Visit, lease: Lease) -> str:
    visit.shop.finish(lease, visit.now, blank=visit.dialect.finish_blank)
    return "ACCESS_ACTIVATION"


def _cancel(visit: Visit, lease: Lease) -> str:
    if reason := visit.dialect.always.get("cancel"):
        raise Refused(reason)
    visit.shop.cancel(lease, visit.now)
    return "ACCESS_CANCEL"


_STATUSES: dict[str, Callable[[Visit, Lease], str]] = {
    "-1": _cancel,
    "1": _ready,
    "2": _no_sms,
    "3": _ask_again,
    "6": _finish,
    "8": _cancel,
}


def _set_status(visit: Visit) -> Answer:
    lease = visit.lease(*_ID, unknown="unknown_write")
    status = visit.call.get("status")
    if status not in visit.dialect.writes:
        raise Refused("BAD_STATUS")
    return _written(visit.dialect.set_empty, _STATUSES[status](visit, lease))


def _written(empty: bool, word: str) -> Answer:
    return Answer("", word, 204) if empty else text(word)


def _finish_activation(visit: Visit) -> Answer:
    return _written(True, _finish(visit, visit.lease(*_ID, unknown="unknown_write")))


def _cancel_activation(visit: Visit) -> Answer:
    return _written(True, _cancel(visit, visit.lease(*_ID, unknown="unknown_write")))


def _task_for_call(visit: Visit) -> Answer:
    visit.lease("activationId", "id", unknown="unknown_write")
    return data({"status": "success"})


def _parse_call(visit: Visit) -> Answer:
    visit.lease(*_ID, unknown="unknown_write")
    return data({"result": "OK"})


def _kept(visit: Visit) -> Answer:
    visit.lease(*_ID, unknown="BAD_ID")
    return text("OK")


HANDLERS: dict[str, Handler] = {
    "getStatus": _status,
    "getStatusV2": _status_v2,
    "getFullSms": _full_sms,
    "getAllSms": _all_sms,
    "checkExtraActivation": _check_extra,
    "getIncomingCallStatus": _incoming_call,
    "getOutgoingCalls": _outgoing_calls,
    "reactivationPrice": _renewal_price,
    "reactivateOptions": _renewal_options,
    "prolongOptions": _renewal_options,
    "prolongHistory": _renewals,
    "setStatus": _set_status,
    "finishActivation": _finish_activation,
    "cancelActivation": _cancel_activation,
    "createTaskForCall": _task_for_call,
    "parseCall": _parse_call,
    "keep": _kept,
    "setAutoRenew": _kept,
}
