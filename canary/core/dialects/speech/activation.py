"""Reads and writes of one activation."""

from collections.abc import Callable

from canary.core.dialects.model import OrderState, Refused, Steps
from canary.core.dialects.speech.reply import (
    UNKNOWN_REFUSAL,
    Ask,
    Spoken,
    Way,
    as_reply,
    date,
    moment,
    one_line,
)


def _status(ask: Ask) -> Steps[Spoken]:
    return Spoken((yield from _status_text(ask, ask.id)))


def _status_text(ask: Ask, own: str) -> Steps[str]:
    order = yield from ask.dialect.look(ask.settings, own)
    return _STATUS_TEXTS[order.state].format(code=one_line(order.code or order.text))


_STATUS_TEXTS = {
    OrderState.WAITING: "STATUS_WAIT_CODE",
    OrderState.RECEIVED: "STATUS_OK:{code}",
    OrderState.AGAIN: "STATUS_WAIT_RETRY:{code}",
    OrderState.ENDED: "STATUS_CANCEL",
}


def _status_v2(ask: Ask) -> Steps[Spoken]:
    if len(ask.ids) > 1:
        return as_reply((yield from _statuses(ask)))
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is OrderState.ENDED:
        return Spoken("STATUS_CANCEL")
    came = order.state is OrderState.RECEIVED
    sms = {
        "dateTime": date(order.began_at) or moment(ask.at),
        "code": order.code or order.text,
        "text": order.text,
    }
    return as_reply({"verificationType": 0, "sms": sms if came else None, "call": None})


def _statuses(ask: Ask) -> Steps[dict[str, str]]:
    """What resellers answer to several ids at once."""
    found: dict[str, str] = {}
    for own in ask.ids:
        try:
            found[own] = yield from _status_text(ask, own)
        except Refused as refused:
            found[own] = refused.word or UNKNOWN_REFUSAL
    return found


def _full_sms(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is OrderState.RECEIVED:
        return Spoken(f"FULL_SMS:{order.text or order.code}")
    return Spoken("STATUS_CANCEL" if order.state is OrderState.ENDED else "STATUS_WAIT_CODE")


def _set_status(ask: Ask) -> Steps[Spoken]:
    way = _SET.get(ask.get("status"))
    if way is None:
        raise Refused("BAD_STATUS")
    return Spoken((yield from way(ask)))


def _ready(ask: Ask) -> Steps[str]:
    """Nobody has a word for it; the number is as ready as it was."""
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is not OrderState.WAITING:
        raise Refused("BAD_STATUS")
    return "ACCESS_READY"


def _ask_again(ask: Ask) -> Steps[str]:
    if ask.dialect.again is None:
        raise Refused("BAD_STATUS")
    yield from ask.dialect.again(ask.settings, ask.id)
    return "ACCESS_RETRY_GET"


def _finish(ask: Ask) -> Steps[str]:
    """Where nothing finishes an order, one whose code came is finished already."""
    if ask.dialect.finish is not None:
        yield from ask.dialect.finish(ask.settings, ask.id)
        return "ACCESS_ACTIVATION"
    order = yield from ask.dialect.look(ask.settings, ask.id)
    if order.state is not OrderState.RECEIVED:
        raise Refused("BAD_STATUS")
    return "ACCESS_ACTIVATION"


def _cancel(ask: Ask) -> Steps[str]:
    """A number that still waits, and whose cancel is refused without a known reason, may not be cancelled yet."""
    try:
        yield from ask.dialect.cancel(ask.settings, ask.id)
    except Refused as refused:
        if refused.word:
            raise
        order = yield from ask.dialect.look(ask.settings, ask.id)
        early = order.state is OrderState.WAITING
        raise Refused("EARLY_CANCEL_DENIED" if early else "BAD_STATUS") from None
    return "ACCESS_CANCEL"


_SET: dict[str, Callable[[Ask], Steps[str]]] = {
    "1": _ready,
    "3": _ask_again,
    "6": _finish,
    "8": _cancel,
    "-1": _cancel,
}


WAYS: dict[str, tuple[Way, str]] = {
    "getStatus": (_status, "look"),
    "getStatusV2": (_status_v2, "look"),
    "getFullSms": (_full_sms, "look"),
    "setStatus": (_set_status, "cancel"),
}
"""How each action is carried out, and what a dialect must have for it."""
