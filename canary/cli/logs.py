"""Log lines on stderr, without keys."""

import logging
from collections.abc import Iterable
from typing import override

from canary.core.protocol.rewrite import redact

LEVELS = ("debug", "info", "warning", "error")


class _Redacting(logging.Formatter):
    """Takes keys out of the finished line, so that none gets through by way of an exception's text."""

    def __init__(self, secrets: Iterable[str], who: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {who}%(name)s: %(message)s")
        self._secrets = tuple(secrets)

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)


def configure(level: str, secrets: Iterable[str] = (), who: str = "") -> None:
    """Log to stderr at ``level``; other libraries from warnings on.

    Args:
        who: stands in each line, where several processes write to one stderr.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting(secrets, who))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("canary").setLevel(level.upper())
