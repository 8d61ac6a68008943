"""What a provider wrote, as facts: members that come as text or as numbers, messages, orders, refusals."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from canary.core.dialects.model import Garbled, Message, Order, Refused, Settings
from canary.core.protocol.words import storable


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` when it is an object.

    Raises:
        Garbled: it is none.
    """
    if not isinstance(value, dict):
        raise Garbled
    return value


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list.

    Raises:
        Garbled: it is no list.
    """
    if not isinstance(value, list):
        raise Garbled
    return [row for row in value if isinstance(row, dict)]


def text_of(row: Mapping[str, Any], *names: str) -> str:
    """The first of the named members that is text or a number, as text on one line."""
    for name in names:
        value = row.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or value == "":
            continue
        return storable(" ".join(_plain(value).split()))
    return ""


def _plain(value: str | int | Decimal) -> str:
    return (
        f"{value:f}"
        if isinstance(value, Decimal) and value.is_finite() and abs(value) < _MOST
        else str(value)
    )


_MOST = Decimal(10**12)
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,18})?")


def amount_of(row: Mapping[str, Any], *names: str) -> Decimal | None:
    """The first of the named members, if it is an amount."""
    text = text_of(row, *names)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def count_of(row: Mapping[str, Any], *names: str) -> int | None:
    """The first of the named members, if it is a whole number."""
    text = text_of(row, *names)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else None


def known_id(order: Order) -> Order:
    """The order, when it has an id and a number.

    Raises:
        Garbled: a number was bought that nobody can ask for.
    """
    if not order.id or not order.phone or len(order.id) > 200 or any(mark in order.id for mark in ":'\" "):
        raise Garbled
    return order


def latest(messages: list[Message]) -> Message:
    """The newest message with a code, or else the newest, from a list with the newest last.

    Services send a second message without a code after the one that has it.
    """
    return next((m for m in reversed(messages) if m.code), messages[-1] if messages else Message())


def refused_by(table: Mapping[str, str], settings: Settings, said: str) -> Refused:
    """The refusal that a provider's words mean: the profile's own table first, then the dialect's.

    Args:
        table: handler_api's word by what the provider's words begin with or contain, in lower case.
    """
    lower = said.lower().strip()
    known = (*settings.refusals.items(), *table.items())
    return Refused(next((word for part, word in known if part in lower), ""))
