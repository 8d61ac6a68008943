"""Keys kept out of what mitmproxy prints and records by itself."""

import logging
import re
from typing import override

from mitmproxy import http

from canary.core.protocol.parse import KEY_HEADERS
from canary.core.protocol.rewrite import REDACTED, redact

_SECRET_HEADERS = KEY_HEADERS | {"authorization", "cookie"}
_MENTIONS_KEY = re.compile(rb"(?i)api[_.\s-]?key")
_FORM = re.compile(rb"[^\r\n{}<>\"]*")


def hide_key(request: http.Request) -> None:
    """Take the client's key out of a request that has been answered."""
    request.path = redact(request.path)
    request.headers.fields = tuple((name, _hidden(name, value)) for name, value in request.headers.fields)
    body = request.raw_content
    if body and _MENTIONS_KEY.search(body):
        # where the key ends is known in a form only
        hidden = redact(body.decode("latin-1")) if _FORM.fullmatch(body) else REDACTED
        request.raw_content = hidden.encode("latin-1")


def _hidden(name: bytes, value: bytes) -> bytes:
    if name.decode("latin-1").lower() in _SECRET_HEADERS:
        return REDACTED.encode()
    return redact(value.decode("latin-1")).encode("latin-1")


class Redaction(logging.Filter):
    """Takes keys out of log records: mitmproxy quotes requests that it cannot read."""

    def install(self) -> None:
        """Look after every handler that is there now."""
        for handler in logging.getLogger().handlers:
            handler.addFilter(self)

    def uninstall(self) -> None:
        """Let go of them."""
        for handler in logging.getLogger().handlers:
            handler.removeFilter(self)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
