"""A JSON answer as traits: the names, types and formats in it, by path, from a bounded part of it."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from itertools import islice

from canary.core.compare.traits import Aspect, Traits
from canary.core.compare.values import COMMA, ODD, amount_style, date_format, id_width, phone_style
from canary.core.model import Call

FIRST, LAST = 24, 8
"""Entries of a list or table that are looked at, from either end."""

MAX_NODES = 1500
"""Values of one reply that are looked at."""

MAX_DEPTH = 8
MAX_NAMES = 48
"""Names in an object; one with more is a table."""

LONGEST_NAME = 40
LONGEST_PATH = 160
LONGEST_VALUE = 800

_TABLES: Mapping[str, Collection[str]] = {
    "getNumbersStatus": ("",),
    "getPrices": ("", "*"),
    "getPricesExtended": ("", "*", "*.*.freePriceMap"),
    "getPricesVerification": ("", "*"),
    "getPricesV2": ("", "*", "*.*"),
    "getPricesV3": ("", "*", "*.*"),
    "getCountries": ("",),
    "getServices": ("",),
    "getOperators": ("countryOperators",),
    "getTopCountriesByService": ("", "*.freePriceMap"),
    "getTopCountriesByServiceRank": ("", "*.freePriceMap"),
    "getRentServicesAndCountries": ("countries", "operators", "services"),
    "serviceCountRent": ("",),
    "getRentStatus": ("values",),
    "getRentList": ("values",),
}
"""Objects whose names are data (countries, services, ranks, ids) and no fields, by action and path."""

_IDS = frozenset({"id", "activationId", "activation", "parentActivationId", "orderId"})
_PHONES = frozenset({"phone", "phoneNumber", "number"})
_AMOUNTS = frozenset({"cost", "price", "activationCost", "retail_price", "balance", "sum"})
_DATE_NAME = re.compile(r"(?i)(date|time|end|start|_at)$|^(date|time)")
_NUMERIC = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SUFFIXED = re.compile(r".+_[01]")


def of_json(traits: Traits, call: Call, branch: str, data: object) -> None:
    """The traits of a JSON answer, but for its envelope."""
    _Walk(traits, call, branch).value(data, "", "", 0)
    if call.action == "getNumbersStatus" and isinstance(data, dict) and data:
        for key in _ends(data):
            style = "with _0" if _SUFFIXED.fullmatch(key) else "plain"
            traits.note(branch, "", Aspect.KEYS, style, key)
    if call.action == "getCountries" and (ids := _country_ids(data)):
        traits.note(branch, "", Aspect.COUNTRIES, spans(ids), "")


class _Walk:
    """Goes through one answer until it has seen enough of it."""

    def __init__(self, traits: Traits, call: Call, branch: str) -> None:
        self._traits = traits
        self._branch = branch
        self._tables = _TABLES.get(call.action, ())
        self._ids = frozenset(call.ids)
        self._left = MAX_NODES

    def value(self, value: object, path: str, name: str, depth: int) -> None:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH or len(path) > LONGEST_PATH:
            return
        if isinstance(value, list | dict) and not value:
            self._note(path, Aspect.EMPTY, "[]" if isinstance(value, list) else "{}", value)
            return
        self._note(path, Aspect.TYPE, _TYPES[type(value)], value)
        if isinstance(value, list):
            for item in _ends(value):
                self.value(item, f"{path}[]", name, depth + 1)
        elif isinstance(value, dict):
            self._object(value, path, depth)
        else:
            self._leaf(value, path, name)

    def _object(self, value: dict[str, object], path: str, depth: int) -> None:
        if self._is_table(value, path):
            for key in _ends(value):
                self.value(value[key], _joined(path, "*"), "", depth + 1)
            return
        names = {key: _plain(key) for key in value}
        self._note(path, Aspect.FIELD, _listed(names.values()), value)
        for key, inner in value.items():
            self.value(inner, _joined(path, names[key]), names[key], depth + 1)

    def _is_table(self, value: dict[str, object], path: str) -> bool:
        if len(value) > MAX_NAMES or all(_NUMERIC.fullmatch(key) for key in value):
            return True
        if path == "" and not self._ids.isdisjoint(value):  # a map by id, as resellers answer
            return True
        return path in self._tables and not isinstance(value.get("status"), str)

    def _leaf(self, value: object, path: str, name: str) -> None:
        if isinstance(value, bool) or value is None:
            return
        if name in _IDS:
            self._note(path, Aspect.ID, id_width(str(value)), value)
        if not isinstance(value, str):
            return
        if name in _PHONES and (style := phone_style(value)):
            self._note(path, Aspect.PHONE, style, value)
        if name in _AMOUNTS and value:
            style = amount_style(value)
            self._note(path, Aspect.AMOUNT, style if style in {COMMA, ODD} else "decimal point", value)
        if _DATE_NAME.search(name) and value:
            self._note(path, Aspect.DATE, date_format(value) or "another format", value)

    def _note(self, path: str, aspect: Aspect, value: str, shown: object) -> None:
        self._traits.note(self._branch, path, aspect, value, shown)


_TYPES: Mapping[type, str] = {
    str: "string",
    int: "number",
    Decimal: "number",
    float: "number",  # Infinity and NaN, which Python's JSON knows
    bool: "bool",
    type(None): "null",
    list: "list",
    dict: "object",
}


def _ends[T](values: Collection[T]) -> Iterator[T]:
    """The first and the last of many, or all of few."""
    if len(values) <= FIRST + LAST:
        yield from values
        return
    yield from islice(values, FIRST)
    yield from islice(values, len(values) - LAST, None)


def _plain(name: str) -> str:
    """A name as it is stored and shown: bounded, ASCII, without the marks that paths and lists are made of."""
    return re.sub(r"[^A-Za-z0-9_$-]", "?", name[:LONGEST_NAME])


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _listed(names: Collection[str]) -> str:
    text = ",".join(sorted(names))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE].rpartition(",")[0]


# --- countries ----------------------------------------------------------------------------------------------------


def _country_ids(data: object) -> set[int]:
    """The ids in a table of countries: an object by id (live), or a list of rows (documented)."""
    rows = data if isinstance(data, list) else list(data.values()) if isinstance(data, dict) else []
    found = {_number(row.get("id")) for row in rows if isinstance(row, dict)}
    if isinstance(data, dict) and found <= {None}:
        found = {_number(key) for key in data}
    return {number for number in found if number is not None}


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if len(text) < 7 and text.isascii() and text.isdecimal() else None


def spans(numbers: Collection[int]) -> str:
    """Numbers as ``0-202 222``, as far as they fit."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    text = " ".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE].rpartition(" ")[0]


def numbers(text: str) -> set[int]:
    """What ``spans`` made a text of."""
    found: set[int] = set()
    for part in text.split():
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found
