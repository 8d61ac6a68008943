"""Requests to calls: parameters from query or form, the key from wherever it is, the effect from the catalogue."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from canary.core.actions import Action, lookup
from canary.core.model import Call, Effect, Headers, Request
from canary.core.protocol.words import storable

ENDPOINT = "handler_api.php"
"""The endpoint's last path segment. Calls are told by path, never by host: every clone has its own host."""

MAX_PARAMETERS = 64 * 1024
"""Bytes of query or form that are looked into; a longer one is passed on unread."""

KEY_PARAMETER = "api_key"
KEY_HEADERS = frozenset({"x-apikey", "x-api-key", "api-key", "apikey"})
AUTHORIZATION = re.compile(r"(?i)(\s*(?:apikey|bearer)\s+)(.*)", re.DOTALL)
"""An ``Authorization`` header that holds a key: the scheme with its space, and the key."""

# Other spellings, some of which PHP reads as api_key. Whatever an arm makes of them: what follows is a secret.
_KEY_NAME = re.compile(r"(?i)\s*api[_.\s-]?key(?:[\[\0].*)?", re.DOTALL)
_FORM_TYPES = ("", "application/x-www-form-urlencoded", "application/octet-stream")


class Segment(NamedTuple):
    """One ``name=value`` of a query or form: as written, and decoded."""

    raw: str
    name: str
    value: str


def is_handler_path(path: str) -> bool:
    """Whether a path is a handler_api endpoint, whatever its prefix."""
    return path.rpartition("/")[2] == ENDPOINT


def is_key(name: str) -> bool:
    """Whether a parameter of that name holds a key, also when it is misspelt."""
    return name == KEY_PARAMETER or ("key" in name.lower() and _KEY_NAME.fullmatch(name) is not None)


def parse(request: Request) -> Call:
    """The call that a request makes. Never raises: what cannot be trusted comes back as ``malformed``."""
    trouble = _trouble(request)
    if trouble:
        return Call("", Effect.UNKNOWN, malformed=trouble)
    form = _form_read(request)
    take_apart = _known_call if len(request.query) + len(form) <= _REPEATED else _new_call
    call = take_apart(request.query, form)
    key = None if call.key else key_in_headers(request.headers)
    return call if key is None else replace(call, key=key)


def _new_call(query: str, form: str) -> Call:
    key: str | None = None
    params: dict[str, str] = {}
    clashes: set[str] = set()
    for segment in [*split(query), *split(form)]:
        if is_key(segment.name):
            key = segment.value or key
            continue
        name, value = storable(segment.name), storable(segment.value)
        if params.get(name, value) != value:
            clashes.add(name)
        params[name] = value  # of a repeated one the last counts, as PHP reads it
    return _call(params, clashes, key)


_REPEATED = 500
"""Characters of the longest query and form that are worth keeping."""

# a lease is polled with the same words over and over
_known_call = lru_cache(maxsize=2048)(_new_call)


def split(text: str) -> list[Segment]:
    """The segments of a query string or form body, undamaged ones and others alike."""
    if not text:
        return []
    return [_segment(raw) for raw in text.split("&")]


def form_of(request: Request) -> str:
    """The form that a request carries in its body, or an empty string.

    Real clients POST an empty body and keep everything in the query; a reseller's server reads only the body.
    """
    body = request.body
    if not body or b"=" not in body or body[:1] in b"{[<":
        return ""
    content_type = next((v for n, v in request.headers if n.lower() == "content-type"), "")
    if content_type.split(";")[0].strip().lower() not in _FORM_TYPES:
        return ""
    return body.decode("latin-1")


def key_in_headers(headers: Headers) -> str | None:
    """The key in ``X-ApiKey`` (DaisySMS) or ``Authorization: ApiKey ...`` (HeroSMS)."""
    for name, value in headers:
        lower = name.lower()
        if lower in KEY_HEADERS:
            return value
        if lower == "authorization" and (found := AUTHORIZATION.fullmatch(value)):
            return found.group(2).strip()
    return None


def _form_read(request: Request) -> str:
    """The form as far as servers look into it: they read no body of a GET."""
    return "" if request.method in {"GET", "HEAD"} else form_of(request)


def _trouble(request: Request) -> str | None:
    if len(request.query) > MAX_PARAMETERS:
        return "the query is too long"
    if len(request.body) > MAX_PARAMETERS:
        return "the body is too long"
    return None


def _segment(raw: str) -> Segment:
    return _known_segment(raw) if len(raw) <= 100 else _new_segment(raw)


def _new_segment(raw: str) -> Segment:
    name, _, value = raw.partition("=")
    return Segment(raw, _decoded(name), _decoded(value))


# a call's query is taken apart twice, and calls repeat each other: the same key, actions, services, polled ids
_known_segment = lru_cache(maxsize=2048)(_new_segment)


def _decoded(text: str) -> str:
    if text.isascii():
        if "%" not in text and "+" not in text:
            return text
        data = unquote_to_bytes(text.replace("+", " "))
    else:
        data = unquote_to_bytes(text.replace("+", " ").encode("latin-1", "replace"))
    return data.decode("utf-8", "surrogateescape")


def _call(params: dict[str, str], clashes: set[str], key: str | None) -> Call:
    name = params.get("action", "")
    if not name:
        return Call("", Effect.UNKNOWN, params, key=key, malformed="it names no action")
    if "action" in clashes:
        return Call(name, Effect.UNKNOWN, params, key=key, malformed="it names two actions")
    action = lookup(name)
    if action is None:
        return Call(name, Effect.UNKNOWN, params, key=key)
    if not clashes.isdisjoint(action.ids):
        return Call(action.name, Effect.UNKNOWN, params, key=key, malformed="it names two leases for one")
    return Call(action.name, action.effect, params, action.kind, ids_named(action, params), key)


def ids_named(action: Action, params: Mapping[str, str]) -> tuple[str, ...]:
    """The lease ids among a call's parameters."""
    for name in action.ids:
        value = params.get(name, "").strip()
        if value:
            return tuple(one.strip() for one in value.split(",") if one.strip()) if action.many else (value,)
    return ()
