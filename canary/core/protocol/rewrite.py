"""A client's request in an arm's own key and ids: those values replaced, every other byte left alone."""

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from urllib.parse import quote

from canary.core.model import Headers, Request
from canary.core.protocol.parse import (
    AUTH_SCHEME,
    KEY_HEADER,
    KEY_PARAMETER,
    MAX_PARAMETERS,
    Segment,
    form_of,
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

    Args:
        key: the arm's key, put wherever the client had its own; ``None`` leaves the client's.
        ids: the arm's own id for each of the client's that differs.
        params: parameters that get another value.
        append_key: add the key to the query when the client sent none at all.
    """
    values = _Values(key, ids, params or {})
    query = _rewritten(request.query, values)
    form = form_of(request)
    body = _rewritten(form, values).encode("latin-1") if form else request.body
    headers = tuple(_header(name, value, key) for name, value in request.headers)
    if key is not None and append_key and not values.key_seen and key_in_headers(request.headers) is None:
        query = f"{query}&{KEY_PARAMETER}={quote(key, safe='')}".lstrip("&")
    return ascii_only(query), body, headers


class _Values:
    """New values by parameter; remembers whether a key was met."""

    def __init__(self, key: str | None, ids: Mapping[str, str], params: Mapping[str, str]) -> None:
        self._key = key
        self._ids = ids
        self._params = params
        self.key_seen = False

    def of(self, segment: Segment) -> str | None:
        """The segment's new value, or ``None`` when it stays as it is."""
        if segment.name == KEY_PARAMETER:
            self.key_seen = True
            return self._key
        if segment.name in self._params:
            return self._params[segment.name]
        if self._ids and segment.name in ID_PARAMETERS:
            changed = ",".join(self._ids.get(one.strip(), one) for one in segment.value.split(","))
            return changed if changed != segment.value else None
        return None


def _rewritten(text: str, values: _Values) -> str:
    # Too long to be parsed is too long to be taken apart, but no excuse to leak the client's key.
    if len(text) > MAX_PARAMETERS and KEY_PARAMETER not in text:
        return text
    return "&".join(_written(segment, values.of(segment)) for segment in split(text))


def _written(segment: Segment, value: str | None) -> str:
    if value is None:
        return segment.raw
    name = segment.raw.partition("=")[0]
    return f"{name}={quote(value, safe=',', errors='surrogateescape')}"


def _header(name: str, value: str, key: str | None) -> tuple[str, str]:
    if key is None:
        return name, value
    lower = name.lower()
    if lower == KEY_HEADER:
        return name, key
    if lower == "authorization" and value.lower().startswith(AUTH_SCHEME):
        return name, value[: len(AUTH_SCHEME)] + key
    return name, value


def ascii_only(text: str) -> str:
    """Latin-1 characters beyond ASCII, and what no request line may hold, as percent escapes of their bytes."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return "".join(
        c if "!" <= c <= "~" else "".join(f"%{b:02X}" for b in c.encode("latin-1", "replace")) for c in text
    )


# --- secrets --------------------------------------------------------------------------------------------------

_SECRET_PARAMETERS = re.compile(r"(?i)\b(api_?key|token|access_key)=([^&\s\"'#]+)")
_SECRET_HEADERS = re.compile(
    r"(?i)\b(authorization|x-apikey|x-api-key|apikey)(\"?\s*[:=]\s*\"?)(apikey |bearer )?[^\s,;\"'&]+"
)

REDACTED = "[redacted]"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without the values of key parameters and headers, and without any of ``secrets``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED).replace(quote(secret, safe=""), REDACTED)
    text = _SECRET_PARAMETERS.sub(rf"\1={REDACTED}", text)
    return _SECRET_HEADERS.sub(rf"\1\2\3{REDACTED}", text)


def fingerprint(key: str) -> str:
    """Eight hex digits that tell keys apart and give none away; an empty string for no key."""
    return (
        blake2b(key.encode("utf-8", "surrogateescape"), digest_size=4, person=b"canary-key").hexdigest()
        if key
        else ""
    )
