"""What a lease looks like in each dialect: numbers, codes, prices, times and the JSON objects made of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from canary.core.model import Kind
from canary.sim.answers import written
from canary.sim.dialects import Dialect
from canary.sim.lease import Lease, State
from canary.sim.market import prefix_of

CURRENCY = 840
"""US dollars, as SMS-Activate counted from 2024 on."""

NO_CODE = "Нет кода"


def phone(dialect: Dialect, lease: Lease) -> str:
    return f"+{lease.phone}" if dialect.phone_plus else lease.phone


def code(dialect: Dialect, digits: str) -> str:
    """The code as the dialect, or a drift of it, shows it."""
    if dialect.code == "colon":
        return f"{digits[:2]}:{digits[2:]}"
    if dialect.code == "word":
        return f"BANNED{digits}"
    return NO_CODE if dialect.code == "none" else digits


def message(dialect: Dialect, lease: Lease) -> str:
    """The text of the latest message."""
    return f"Your code is {code(dialect, lease.code)}"


def price(dialect: Dialect, amount: Decimal) -> Decimal | str:
    return written(amount) if dialect.text_prices else amount


def own_id(lease: Lease, *, as_text: bool = False) -> int | str:
    """The lease's id as JSON: a number when it is one."""
    return lease.id if as_text or not lease.id.isdigit() else int(lease.id)


def date(at: float) -> str:
    """``2022-06-01 17:30:57``, SMS-Activate's way to write a time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def number_v2(dialect: Dialect, lease: Lease, minimum_hold: float) -> dict[str, Any]:
    """The object that getNumberV2 answers (protocol.md 3.2)."""
    cost = written(lease.price) if dialect.v2_text else price(dialect, lease.price)
    row: dict[str, Any] = {
        "activationId": own_id(lease, as_text=dialect.v2_text),
        "phoneNumber": phone(dialect, lease),
        "activationCost": cost,
        "currency": CURRENCY,
    }
    row |= _herosms_v2(lease) if dialect.v2 == "herosms" else _sms_activate_v2(lease)
    if dialect.v2 == "grizzlysms":
        row["activationCancel"] = date(lease.bought_at + minimum_hold)
        row["activationEnd"] = date(lease.ends_at)
    if dialect.operator:
        row["activationOperator"] = lease.operator
    return row


def _sms_activate_v2(lease: Lease) -> dict[str, Any]:
    return {
        "countryCode": lease.country,
        "canGetAnotherSms": "1",
        "activationTime": date(lease.bought_at),
    }


def _herosms_v2(lease: Lease) -> dict[str, Any]:
    return {
        "countryCode": int(lease.country),
        "countryPhoneCode": int(prefix_of(int(lease.country))),
        "canGetAnotherSms": True,
        "activationTime": rfc3339(lease.bought_at),
        "activationEndTime": rfc3339(lease.ends_at),
        "verificationType": "sms",
        "subtype": "default",
        "serviceCode": lease.service,
        "status": "active",
    }


def status_text(dialect: Dialect, lease: Lease) -> str:
    """What getStatus answers."""
    if lease.state is State.WAITING:
        return dialect.waiting
    if lease.state is State.CODE:
        return f"STATUS_OK:{code(dialect, lease.code)}"
    if lease.state is State.ASKED:
        return f"STATUS_WAIT_RETRY:{code(dialect, lease.code)}"
    return "STATUS_CANCEL"


def status_v2(dialect: Dialect, lease: Lease) -> dict[str, Any]:
    """The object that getStatusV2 answers for an open lease."""
    came = lease.state is State.CODE
    if dialect.sms == "data":
        return {"verificationType": "sms", "data": sms_row(dialect, lease, came=came)}
    sms = {
        "dateTime": date(lease.code_at or lease.bought_at),
        "code": code(dialect, lease.code),
        "text": message(dialect, lease),
    }
    return {"verificationType": 0, "sms": sms if came else None, "call": None}


def sms_row(dialect: Dialect, lease: Lease, *, came: bool) -> dict[str, Any]:
    """A message in HeroSMS's shape; code and text are null until it came."""
    return {
        "id": own_id(lease),
        "phoneFrom": lease.service.upper(),
        "code": code(dialect, lease.code) if came else None,
        "text": message(dialect, lease) if came else None,
        "service": lease.service,
        "date": rfc3339(lease.code_at or lease.bought_at),
        "type": "sms",
    }


def webhook(dialect: Dialect, lease: Lease, digits: str, at: float) -> dict[str, Any]:
    """What the account's webhook is posted (protocol.md section 7)."""
    said = f"Your code is {code(dialect, digits)}"
    sender = {"phoneFrom": lease.service.upper()}
    if lease.kind is Kind.RENT:
        return {"rentId": own_id(lease), "sms": {**sender, "text": said, "date": date(at)}}
    row: dict[str, Any] = {
        "activationId": own_id(lease),
        "service": lease.service,
        "text": said,
        "code": code(dialect, digits),
        "country": int(lease.country),
        "receivedAt": date(at),
    }
    return row | sender if dialect.sms == "data" else row


def active_row(dialect: Dialect, lease: Lease) -> dict[str, Any]:
    """A row of getActiveActivations."""
    return {
        "activationId": own_id(lease, as_text=dialect.v2_text),
        "serviceCode": lease.service,
        "phoneNumber": phone(dialect, lease),
        "activationCost": price(dialect, lease.price),
        "activationStatus": "4",
        "smsCode": [code(dialect, one) for one in lease.codes],
        "smsText": message(dialect, lease) if lease.codes else "",
        "activationTime": date(lease.bought_at),
        "discount": "0",
        "repeated": "0",
        "countryCode": lease.country,
        "countryName": lease.country,
        "canGetAnotherSms": "1",
        "currency": str(CURRENCY),
    }


_HISTORY_STATUS = {State.FINISHED: "6", State.CANCELLED: "8", State.EXPIRED: "8"}


def history_row(dialect: Dialect, lease: Lease) -> dict[str, Any]:
    """A row of getHistory."""
    return {
        "id": own_id(lease, as_text=dialect.v2_text),
        "date": date(lease.bought_at),
        "phone": phone(dialect, lease),
        "service": lease.service,
        "sms": [message(dialect, lease)] if lease.codes else [],
        "cost": price(dialect, Decimal(0) if lease.refunded_at is not None else lease.price),
        "status": _HISTORY_STATUS.get(lease.state, "4"),
        "currency": str(CURRENCY),
    }
