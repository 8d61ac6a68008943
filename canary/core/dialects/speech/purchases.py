"""Actions that buy an activation."""

from decimal import Decimal, InvalidOperation

from canary.core.dialects.model import Refused, Steps, Want
from canary.core.dialects.speech.reply import (
    CURRENCY,
    Ask,
    Spoken,
    Way,
    again_flag,
    as_reply,
    date,
    digits,
    moment,
    own_id,
    sold_of,
    told,
)


def _number(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.buy(ask.settings, _want(ask))
    return Spoken(f"ACCESS_NUMBER:{order.id}:{digits(order.phone)}", sold=sold_of(order))


def _number_v2(ask: Ask) -> Steps[Spoken]:
    order = yield from ask.dialect.buy(ask.settings, _want(ask))
    shown = {
        "activationId": own_id(order.id),
        "phoneNumber": digits(order.phone),
        "activationCost": order.price,
        "currency": CURRENCY,
        "countryCode": ask.get("country") or ask.settings.id(order.country),
        "canGetAnotherSms": again_flag(ask),
        "activationTime": date(order.began_at) or moment(ask.at),
        "activationOperator": order.operator or ask.get("operator") or "any",
    }
    return as_reply(told(shown), sold_of(order))


def _want(ask: Ask) -> Want:
    service = ask.get("service")
    if not service:
        raise Refused("BAD_SERVICE")
    cap = ask.get("maxPrice", "max_price")
    return Want(
        ask.settings.service(service),
        ask.settings.country(ask.get("country") or "0"),
        ask.get("operator"),
        _cap(cap) if cap else None,
    )


def _cap(text: str) -> Decimal:
    try:
        cap = Decimal(text)
    except InvalidOperation:
        raise Refused("WRONG_MAX_PRICE") from None
    if not cap.is_finite() or not 0 <= cap < 10**9:
        raise Refused("WRONG_MAX_PRICE")
    return cap


WAYS: dict[str, tuple[Way, str]] = {
    "getNumber": (_number, "buy"),
    "getNumberV2": (_number_v2, "buy"),
}
"""How each action is carried out, and what a dialect must have for it."""
