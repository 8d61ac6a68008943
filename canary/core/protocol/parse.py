"""Requests to calls: parameters from query or form, the key from wherever it is, the effect from the catalogue."""

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from canary.core.actions import Action, lookup
from canary.core.model import Call, Effect, Headers, Kind, Request

ENDPOINT = "handler_api.php"
"""The endpoint's last path segment. Calls are told by path, never by host: every clone has its own host."""

MAX_PARAMETERS = 64 * 1024
"""Bytes of query or form that are looked into; a longer one is passed on unread."""

KEY_PARAMETER = "api_key"
KEY_HEADER = "x-apikey"
AUTH_SCHEME = "apikey "

_FORM_TYPES = ("", "application/x-www-form-urlencoded", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class Segment:
    """One ``name=value`` of a query or form: as written, and decoded."""

    raw: str
    name: str
    value: str


def is_handler_path(path: str) -> bool:
    """Whether a path is a handler_api endpoint, whatever its prefix."""
    return path.endswith(ENDPOINT)


def parse(request: Request) -> Call:
    """The call that a request makes. Never raises: what cannot be trusted comes back as ``malformed``."""
    trouble = _trouble(request)
    if trouble:
        return Call("", Effect.UNKNOWN, malformed=trouble)
    segments = [*split(request.query), *split(form_of(request))]
    params: dict[str, str] = {}
    clashes: set[str] = set()
    for segment in segments:
        if params.get(segment.name, segment.value) != segment.value:
            clashes.add(segment.name)
        params[segment.name] = segment.value  # of a repeated one the last counts, as PHP reads it
    key = params.pop(KEY_PARAMETER, None) or key_in_headers(request.headers)
    return _call(params, clashes, key)


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
    if not body or request.method == "GET" or b"=" not in body or body[:1] in b"{[<":
        return ""
    content_type = next((v for n, v in request.headers if n.lower() == "content-type"), "")
    if content_type.split(";")[0].strip().lower() not in _FORM_TYPES:
        return ""
    return body.decode("latin-1")


def key_in_headers(headers: Headers) -> str | None:
    """The key in ``X-ApiKey`` (DaisySMS) or ``Authorization: ApiKey ...`` (HeroSMS)."""
    for name, value in headers:
        lower = name.lower()
        if lower == KEY_HEADER:
            return value
        if lower == "authorization" and value.lower().startswith(AUTH_SCHEME):
            return value[len(AUTH_SCHEME) :].strip()
    return None


def _trouble(request: Request) -> str | None:
    if len(request.query) > MAX_PARAMETERS:
        return "the query is too long"
    if len(request.body) > MAX_PARAMETERS:
        return "the body is too long"
    return None


def _segment(raw: str) -> Segment:
    name, _, value = raw.partition("=")
    return Segment(raw, _decoded(name), _decoded(value))


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
    return Call(action.name, action.effect, params, action.kind, _ids(action, params), key)


def _ids(action: Action, params: dict[str, str]) -> tuple[str, ...]:
    for name in action.ids:
        value = params.get(name, "").strip()
        if value:
            return tuple(one for one in value.split(",") if one) if action.many else (value,)
    return ()


__all__ = ["Kind", "Segment", "form_of", "is_handler_path", "key_in_headers", "parse", "split"]
