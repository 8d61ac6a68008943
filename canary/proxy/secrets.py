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

    def __init__(self) -> None:
        super().__init__()
        self._targets: list[logging.Filterer] = []

    def install(self, *targets: logging.Filterer) -> None:
        """Look after these loggers or handlers."""
        for target in targets:
            target.addFilter(self)
            self._targets.append(target)

    def uninstall(self) -> None:
        """Let go of them."""
        for target in self._targets:
            target.removeFilter(self)
        self._targets.clear()

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
