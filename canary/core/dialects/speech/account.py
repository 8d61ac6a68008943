"""Actions of the account: its balance, what it has open, what it had."""

from typing import Any

from canary.core.dialects.model import Order, OrderState, Steps
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
    money,
    own_id,
    told,
)


def _balance(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.balance is not None, "the table says what is needed"
    balance = yield from ask.dialect.balance(ask.settings)
    return Spoken(f"ACCESS_BALANCE:{money(balance)}")


def _active(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.orders is not None, "the table says what is needed"
    orders = yield from ask.dialect.orders(ask.settings)
    listed = [told(_active_row(ask, order)) for order in orders if order.state is not OrderState.ENDED]
    return (
        as_reply({"status": "success", "activeActivations": listed}) if listed else Spoken("NO_ACTIVATIONS")
    )


def _active_row(ask: Ask, order: Order) -> dict[str, Any]:
    country = ask.settings.id(order.country)
    return {
        "activationId": own_id(order.id),
        "serviceCode": ask.settings.code(order.service),
        "phoneNumber": digits(order.phone),
        "activationCost": order.price,
        "activationStatus": "4",
        "smsCode": [order.code] if order.code else [],
        "smsText": order.text,
        "activationTime": _began(ask, order),
        "discount": "0",
        "repeated": "0",
        "countryCode": country,
        "countryName": ask.settings.titles.get(country, order.country),
        "canGetAnotherSms": again_flag(ask),
        "currency": str(CURRENCY),
    }


def _began(ask: Ask, order: Order) -> str:
    """When it was bought, which some providers tell only by what is left of its life."""
    if order.began_at or order.lives is None:
        return date(order.began_at)
    return moment(ask.at + order.lives - ask.settings.lifetime)


def _history(ask: Ask) -> Steps[Spoken]:
    assert ask.dialect.history is not None, "the table says what is needed"
    orders = yield from ask.dialect.history(ask.settings)
    return as_reply([told(_history_row(ask, order)) for order in orders])


def _history_row(ask: Ask, order: Order) -> dict[str, Any]:
    return {
        "id": own_id(order.id),
        "date": date(order.began_at),
        "phone": digits(order.phone),
        "service": ask.settings.code(order.service),
        "sms": [order.text] if order.text else [],
        "cost": 0 if order.returned else order.price,
        "status": _history_status(order),
        "currency": str(CURRENCY),
    }


def _history_status(order: Order) -> str:
    """Open, given back or paid for."""
    if order.state is not OrderState.ENDED:
        return "4"
    return "8" if order.returned else "6"


WAYS: dict[str, tuple[Way, str]] = {
    "getBalance": (_balance, "balance"),
    "getBalanceAndCashBack": (_balance, "balance"),
    "getActiveActivations": (_active, "orders"),
    "getHistory": (_history, "history"),
}
"""How each action is carried out, and what a dialect must have for it."""
