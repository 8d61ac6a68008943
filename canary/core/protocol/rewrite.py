"""A client's request in an arm's own key and ids: those values replaced, every other byte left alone."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import quote, quote_plus

from canary.core.model import Headers, Request
from canary.core.protocol.parse import (
    AUTHORIZATION,
    KEY_HEADERS,
    KEY_PARAMETER,
    Segment,
    form_of,
    is_key,
    key_in_headers,
    split,
)

ID_PARAMETERS = frozenset({"id", "activationId"})


def rewrite(
    request: Request,
    *,
    key: str | None,
    ids: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    append_key: bool = True,
) -> tuple[str, bytes, Headers]:
    """The query, body and headers to send to an arm.

    Also what is too long or too odd to be parsed is searched for the client's key: it must not reach an arm
    that has its own.

    Args:
        key: the arm's key, put wherever the client had its own; ``None`` leaves the client's.
        ids: the arm's own id for each of the client's that differs.
        params: parameters that get another value.
        append_key: add the key to the query when the client sent none at all.
    """
    write_anew = _known_query if len(request.query) <= _REPEATED else _new_query
    query, key_seen = write_anew(request.query, key, tuple(ids.items()), tuple((params or {}).items()))
    body = request.body
    if body:
        values = _Values(key, ids, params or {})
        body = _body(request, values, key)
        key_seen = key_seen or values.key_seen
    if key is not None and append_key and not key_seen and key_in_headers(request.headers) is None:
        appended = f"{KEY_PARAMETER}={quote(key, safe='')}"
        query = f"{query}&{appended}" if query else appended
    return query, body, _with_key(request.headers, key)


type _Pairs = tuple[tuple[str, str], ...]


def _new_query(query: str, key: str | None, ids: _Pairs, params: _Pairs) -> tuple[str, bool]:
    """The query to send, and whether it had a key in it."""
    values = _Values(key, dict(ids), dict(params))
    return ascii_only(_rewritten(query, values)), values.key_seen


_REPEATED = 500
"""Characters of the longest query that is worth keeping."""

# a lease is polled with the same words over and over, and a client says the same of itself with every call
_known_query = lru_cache(maxsize=2048)(_new_query)


@lru_cache(maxsize=512)
def _with_key(headers: Headers, key: str | None) -> Headers:
    return tuple((name, _header(name, value, key)) for name, value in headers)


class _Values:
    """New values by parameter; remembers whether a key was met."""

    def __init__(self, key: str | None, ids: Mapping[str, str], params: Mapping[str, str]) -> None:
        self._key = key
        self._ids = ids
        self._params = params
        self.key_seen = False

    def of(self, segment: Segment) -> str | None:
        """The segment's new value, or ``None`` when it stays as it is."""
        if is_key(segment.name):
            self.key_seen = True
            return self._key
        if segment.name in self._params:
            return self._params[segment.name]
        if self._ids and segment.name in ID_PARAMETERS:
            changed = ",".join(self._ids.get(one.strip(), one) for one in segment.value.split(","))
            return changed if changed != segment.value else None
        return None


def _rewritten(text: str, values: _Values) -> str:
    return "&".join(_written(segment, values.of(segment)) for segment in split(text))


def _written(segment: Segment, value: str | None) -> str:
    if value is None:
        return segment.raw
    name = segment.raw.partition("=")[0]
    return f"{name}={quote(value, safe=',', errors='surrogateescape')}"


def _body(request: Request, values: _Values, key: str | None) -> bytes:
    form = form_of(request)
    if form:
        return _rewritten(form, values).encode("latin-1")
    if key is None:
        return request.body
    # no form, so no server is known to read it; but a client that writes JSON may mean its key
    new = key.encode("utf-8", "surrogateescape")
    body = _QUOTED_KEY.sub(lambda found: found.group(1) + new, request.body)
    return _PART_KEY.sub(lambda found: found.group(1) + new, body)


def _header(name: str, value: str, key: str | None) -> str:
    if key is None:
        return value
    lower = name.lower()
    if lower in KEY_HEADERS:
        return key
    if lower == "authorization" and (found := AUTHORIZATION.fullmatch(value)):
        return found.group(1) + key
    if "=" not in value:
        return value
    return _ADDRESS_KEY.sub(lambda found: found.group(1) + quote(key, safe=""), value)


# the key in JSON and the like, in a part of a multipart form, and in an address within a header
_QUOTED_KEY = re.compile(rb"""(?i)(\bapi[_.-]?key["']?\s*[:=]\s*["']?)[^"'&\s,;}\]]+""")
_PART_KEY = re.compile(rb"""(?i)(\bname="?api[_.-]?key"?[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n)[^\r\n]*""")
_ADDRESS_KEY = re.compile(r"(?i)(\bapi(?:[_.-]|%5f)?key=)[^&#;,\s\"']+")


def ascii_only(text: str) -> str:
    """Latin-1 characters beyond ASCII, and what no request line may hold, as percent escapes of their bytes."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return "".join(
        c if "!" <= c <= "~" else "".join(f"%{b:02X}" for b in c.encode("latin-1", "replace")) for c in text
    )


# --- secrets --------------------------------------------------------------------------------------------------

_KEY = r"(?:api(?:[_.\s+-]|%5f|%2e|%20)?key|access_key|token)"
_VALUE = r"[^&\s\"',;#)}\]]+"
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"({_KEY}(?:%5b[^=&]*|\[[^=&]*)?(?:=|%3d)[\"']?){_VALUE}",  # a query
        rf"({_KEY}[\"']\s*[:,]\s*[bru]?[\"'])[^\"']+",  # JSON, or Python's own writing
        rf"((?:x-)?api-?key[\"']?\s*[:=,]\s*[bru]?[\"']?){_VALUE}",  # headers
        rf"(authorization[\"']?\s*[:=,]\s*[bru]?[\"']?(?:[a-z]+\s+)?){_VALUE}",
        r"(cookie[\"']?\s*[:=,]\s*[bru]?[\"']?)[^\"'\r\n]+",
    )
)

REDACTED = "[redacted]"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the values of key parameters and headers, and without any of ``secrets``."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may hold another
        for spelling in _spellings(secret):
            text = text.replace(spelling, REDACTED)
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text


def _spellings(secret: str) -> set[str]:
    quoted = {quote(secret, safe, errors="replace") for safe in ("", "/")} | {
        quote_plus(secret, errors="replace")
    }
    lower = {re.sub("%[0-9A-F]{2}", lambda escape: escape.group().lower(), one) for one in quoted}
    return {secret} | quoted | lower


@lru_cache(maxsize=1024)
def fingerprint(key: str) -> str:
    """Eight hex digits that tell keys apart and give none away; an empty string for no key."""
    return (
        blake2b(key.encode("utf-8", "surrogateescape"), digest_size=4, person=b"canary-key").hexdigest()
        if key
        else ""
    )
