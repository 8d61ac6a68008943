"""The account's open activations as lists of any dialect (getActiveActivations)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from canary.core.protocol.read import MAX_JSON
from canary.core.protocol.words import storable

_LISTS = ("activeActivations", "data", "rows", "array", "values")
_IDS = ("activationId", "id")
_SERVICES = ("serviceCode", "service")
_COUNTRIES = ("countryCode", "country")
_PRICES = ("activationCost", "cost", "price")
_BEGINNINGS = ("activationTime", "createDate", "date")
_CODES = ("smsCode", "smsText", "code")

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One open activation; the date is as the provider wrote it, the price may not be told."""

    id: str
    service: str
    country: str
    began_at: str
    price: Decimal | None = None
    has_code: bool = False


def listed(content: bytes) -> tuple[Listed, ...] | None:
    """The rows of a list; ``None`` when there is none to be read."""
    if len(content) > MAX_JSON:
        return None
    try:
        data = json.loads(content.decode("utf-8", "replace").strip("\ufeff \t\r\n\0"), parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    rows = _rows(data)
    return None if rows is None else tuple(row for row in map(_listed, rows) if row is not None)


def _rows(data: Any, depth: int = 0) -> list[Any] | None:
    if isinstance(data, list):
        return data
    if not isinstance(data, dict) or depth > _DEEPEST:
        return None
    if data and all(key.isdecimal() for key in data):
        return list(data.values())
    found = [rows for name in _LISTS if (rows := _rows(data.get(name), depth + 1)) is not None]
    return next((rows for rows in found if rows), found[0] if found else None)


def _listed(row: Any) -> Listed | None:
    if not isinstance(row, dict) or not (own := _text(row, _IDS)):
        return None
    return Listed(
        id=own,
        service=_text(row, _SERVICES),
        country=_text(row, _COUNTRIES),
        began_at=_text(row, _BEGINNINGS),
        price=_amount(_text(row, _PRICES)),
        has_code=any(row.get(name) not in (None, "", [], "[]") for name in _CODES),
    )


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool) and value != "":
            return storable(str(value)).strip()
    return ""


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < 10**9 else None
