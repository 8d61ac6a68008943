"""Byte-exact edits of reply bodies: ids swapped for aliases, two arms' lists joined, balances added.

Nothing is serialised anew: the edit happens between the bytes that the arm sent, so that number formats,
white space and key order stay the provider's.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from canary.core.actions import Grammar, lookup
from canary.core.model import Call

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_START = re.compile(r"[\ufeff\0 \t\r\n]*")
_ID_FIELDS = frozenset({"activationId", "activation", "id", "parentActivationId"})
_ROW_IDS = ("activationId", "activation", "id")
_ROW_PHONES = ("phoneNumber", "phone", "number")
_LIST_FIELDS = ("activeActivations", "data", "rows", "values", "array")
_TEXT_NUMBER = re.compile(r"(?i)([\ufeff\0\s]*\"?(?:ACCESS_NUMBER|ADDITIONAL|ASLEEP):\s*'?)([^:\s'\"]+)")
_TEXT_BALANCE = re.compile(r"(?i)([\ufeff\0\s]*\"?ACCESS_BALANCE:\s*'?)(-?[0-9]+(?:\.[0-9]+)?)(?![0-9.,])")
_DEEPEST = 8  # levels that are searched; rows with ids lie within three
_NO_LEASES = ("NO_ACTIVATIONS", "NO_NUMBERS")


@dataclass(frozen=True, slots=True)
class _Span:
    """A JSON value: where it stands in the text, what it is, and whether it names a member."""

    start: int
    end: int
    value: Any
    key: bool = False


class _Unsplittable(ValueError):
    """The text is not the JSON that it started out as."""


def replace_ids(call: Call, body: bytes, mapping: Mapping[str, str]) -> bytes:
    """``body`` with the arm's own ids replaced as ``mapping`` says, in id fields only.

    A number stays a number and a string a string. A body without any of the ids comes back unchanged.
    """
    text = body.decode("utf-8", "surrogateescape")
    number = _TEXT_NUMBER.match(text)
    if number:
        own = number.group(2)
        edited = text[: number.start(2)] + mapping.get(own, own) + text[number.end(2) :]
        return edited.encode("utf-8", "surrogateescape")
    try:
        spans = [span for span in _id_spans(call, text) if str(span.value) in mapping]
    except (_Unsplittable, ValueError, RecursionError):
        return body
    for span in sorted(spans, key=lambda span: span.start, reverse=True):
        text = text[: span.start] + _like(span, mapping[str(span.value)]) + text[span.end :]
    return text.encode("utf-8", "surrogateescape")


def replace_field(body: bytes, name: str, own: str, visible: str) -> bytes:
    """``body`` with the id in the top level's field ``name`` replaced, as in ``replace_ids``."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        top = _top(text)
        fields = _members(text, top) if isinstance(top.value, dict) else ()
        spans = [value for key, value in fields if key.value == name]
    except (_Unsplittable, ValueError, RecursionError):
        return body
    for span in sorted(spans, key=lambda span: span.start, reverse=True):
        if isinstance(span.value, str | int) and str(span.value) == own:
            text = text[: span.start] + _like(span, visible) + text[span.end :]
    return text.encode("utf-8", "surrogateescape")


def ids_in(call: Call, body: bytes) -> frozenset[str]:
    """The values of a JSON reply's id fields, some of which may name no lease."""
    try:
        return frozenset(str(span.value) for span in _id_spans(call, body.decode("utf-8", "surrogateescape")))
    except (_Unsplittable, ValueError, RecursionError):
        return frozenset()


def merge(call: Call, base: bytes, other: bytes) -> bytes | None:
    """Two arms' answers to one account read as one; ``base`` keeps its bytes, ``other``'s rows are added.

    An arm that says it has no leases adds nothing. ``None`` when the two cannot be joined.
    """
    base_text, other_text = (body.decode("utf-8", "surrogateescape") for body in (base, other))
    try:
        if _is_none(other_text):
            return base
        if _is_none(base_text):
            return None if _container(other_text) is None else other
        joined = _joined(call, base_text, other_text)
    except (_Unsplittable, ValueError, RecursionError):
        return None
    return None if joined is None else joined.encode("utf-8", "surrogateescape")


def without(body: bytes, ids: Collection[str]) -> bytes:
    """A list of leases without those of these ids; what is no such list stays as it is."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        container = _container(text)
        if container is None:
            return body
        kept = [entry for entry, row in _entries(text, container) if _row_id(row.value) not in ids]
        if len(kept) == len(container.value):
            return body
        inside = ",".join(text[entry.start : entry.end] for entry in kept)
        shorter = text[: container.start + 1] + inside + text[container.end - 1 :]
    except (_Unsplittable, ValueError, RecursionError):
        return body
    return shorter.encode("utf-8", "surrogateescape")


def sum_balance(base: bytes, other: bytes) -> bytes | None:
    """Two ``ACCESS_BALANCE`` replies as one with both amounts added; ``None`` when either is something else."""
    texts = [body.decode("utf-8", "surrogateescape") for body in (base, other)]
    matches = [_TEXT_BALANCE.match(text) for text in texts]
    first, second = matches
    if first is None or second is None:
        return None
    total = Decimal(first.group(2)) + Decimal(second.group(2))
    text = texts[0]
    return (text[: first.start(2)] + f"{total:f}" + text[first.end(2) :]).encode("utf-8", "surrogateescape")


# --- ids ----------------------------------------------------------------------------------------------------------


def _id_spans(call: Call, text: str) -> Iterator[_Span]:
    """Where ids may stand: in id fields, and as keys of a map by id, as resellers answer getStatusV2 with several."""
    action = lookup(call.action)
    top = _top(text)
    if action is not None and action.many and isinstance(top.value, dict):
        yield from (replace(key, key=True) for key, _ in _members(text, top))
    yield from _field_spans(text, top)


def _field_spans(text: str, span: _Span, depth: int = 0) -> Iterator[_Span]:
    if depth > _DEEPEST:
        return
    if isinstance(span.value, list):
        for item in _items(text, span):
            yield from _field_spans(text, item, depth + 1)
    if not isinstance(span.value, dict):
        return
    for key, value in _members(text, span):
        if key.value in _ID_FIELDS and isinstance(value.value, str | int):
            yield value
        elif isinstance(value.value, dict | list):
            yield from _field_spans(text, value, depth + 1)


def _like(old: _Span, new: str) -> str:
    """A number stays a number and a string a string; a word that became a number is one (core.aliases.numeric)."""
    was_string = old.key or (isinstance(old.value, str) and old.value.isdecimal())
    return new if new.isdecimal() and not was_string else json.dumps(new)


# --- lists --------------------------------------------------------------------------------------------------------


def _is_none(text: str) -> bool:
    """Whether an arm says that it has no leases: in a word, an envelope of that word, or an empty list."""
    bare = _START.sub("", text, 1).strip().strip('"')
    if not bare.startswith(("{", "[")):
        return bare in _NO_LEASES
    top = _top(text)
    if isinstance(top.value, dict) and any(
        top.value.get(name) in _NO_LEASES for name in ("error", "message", "msg")
    ):
        return True
    rows = _container(text)
    return rows is not None and not rows.value


def _joined(call: Call, base: str, other: str) -> str | None:
    into, rows = _container(base), _container(other)
    if into is None or rows is None:
        return _joined_maps(call, base, other)
    listed = {_identity(row.value) for row in _rows(base, into)} - {None}
    new = [row for row in _rows(other, rows) if _identity(row.value) not in listed]
    texts = [other[row.start : row.end] for row in new]
    if isinstance(into.value, list):
        return _inserted(base, into, texts)
    free = max(map(int, into.value), default=-1) + 1
    return _inserted(base, into, [f'"{free + i}":{row}' for i, row in enumerate(texts)])


def _joined_maps(call: Call, base: str, other: str) -> str | None:
    """Maps by id, as resellers answer getStatusV2 with several ids."""
    action = lookup(call.action)
    if action is None or action.grammar is not Grammar.STATUS:
        return None
    into, more = _top(base), _top(other)
    if not _is_map_by_id(call, into) or not _is_map_by_id(call, more):
        return None
    rows = [other[key.start : value.end] for key, value in _members(other, more)]
    return _inserted(base, into, rows)


def _is_map_by_id(call: Call, span: _Span) -> bool:
    return isinstance(span.value, dict) and span.value.keys() <= set(call.ids)


def _container(text: str) -> _Span | None:
    """The list (or numbered object) of rows in a reply of any dialect."""
    top = _top(text)
    if isinstance(top.value, list):
        return top
    return _listed(text, top) if isinstance(top.value, dict) else None


def _listed(text: str, top: _Span, depth: int = 0) -> _Span | None:
    """The first of an object's lists that holds anything, or else the first: HeroSMS writes several when empty."""
    fields = {key.value: value for key, value in _members(text, top)}
    found = [_as_list(text, fields[name], depth) for name in _LIST_FIELDS if name in fields]
    lists = [span for span in found if span is not None]
    return next((span for span in lists if span.value), lists[0] if lists else None)


def _as_list(text: str, span: _Span, depth: int) -> _Span | None:
    if isinstance(span.value, list):
        return span
    if not isinstance(span.value, dict) or depth > _DEEPEST:
        return None
    numbered = all(key.isdecimal() for key in span.value)
    return span if numbered else _listed(text, span, depth + 1)


def _rows(text: str, rows: _Span) -> list[_Span]:
    if isinstance(rows.value, list):
        return list(_items(text, rows))
    return [value for _, value in _members(text, rows)]


def _entries(text: str, rows: _Span) -> list[tuple[_Span, _Span]]:
    """The rows of a list, or the values of a numbered object, each with all that belongs to it."""
    if isinstance(rows.value, list):
        return [(row, row) for row in _items(text, rows)]
    return [(_Span(key.start, value.end, None), value) for key, value in _members(text, rows)]


def _row_id(row: Any) -> str:
    return next((str(row[name]) for name in _ROW_IDS if name in row), "") if isinstance(row, dict) else ""


def _identity(row: Any) -> tuple[str, str] | None:
    """Id and phone of a listed lease: both arms list it when they are the same account (an A/A run)."""
    if not isinstance(row, dict):
        return None
    lease_id = next((str(row[name]) for name in _ROW_IDS if name in row), "")
    phone = next((str(row[name]) for name in _ROW_PHONES if name in row), "")
    return (lease_id, phone) if lease_id and phone else None


def _inserted(text: str, into: _Span, rows: list[str]) -> str:
    if not rows:
        return text
    comma = "," if into.value else ""
    at = into.end - 1
    return text[:at] + comma + ",".join(rows) + text[at:]


# --- a scanner that remembers where things stand ----------------------------------------------------------------------


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _top(text: str) -> _Span:
    """The whole text's value, past a byte order mark."""
    found = _START.match(text)
    return _value(text, found.end() if found else 0)


def _value(text: str, at: int) -> _Span:
    value, end = _DECODER.raw_decode(text, at)
    return _Span(at, end, value)


def _members(text: str, span: _Span) -> Iterator[tuple[_Span, _Span]]:
    """The keys and values of an object."""
    at = _skip(text, span.start + 1)
    while text[at] != "}":
        key = _value(text, at)
        at = _expect(text, _skip(text, key.end), ":")
        value = _value(text, _skip(text, at))
        yield key, value
        at = _after(text, value.end, "}")


def _items(text: str, span: _Span) -> Iterator[_Span]:
    """The items of a list."""
    at = _skip(text, span.start + 1)
    while text[at] != "]":
        item = _value(text, at)
        yield item
        at = _after(text, item.end, "]")


def _after(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    return at if text[at] == closing else _skip(text, _expect(text, at, ","))


def _expect(text: str, at: int, mark: str) -> int:
    if text[at] != mark:
        raise _Unsplittable(f"no {mark!r} at {at}")
    return at + 1
