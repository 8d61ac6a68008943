"""Who may ask the admin API for what; keys and tokens are compared here and kept nowhere else."""

import ipaddress
from hmac import compare_digest
from urllib.parse import urlsplit


class Access:
    """The one rule: whoever has the token may do everything; others may read on this machine alone.

    Reads without the token are answered when the server listens on a loopback address *and* was asked for by a
    loopback name: a page of another site that resolves its own name to 127.0.0.1 gets nothing.

    Args:
        token: an empty one opens nothing.
        host: the address that the server listens on.
    """

    def __init__(self, token: str, host: str) -> None:
        self._token = token.encode()
        self._local = is_loopback(host)

    def may_write(self, authorization: str) -> bool:
        """Whether this ``Authorization`` header holds the token."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not self._token:
            return False
        return compare_digest(given.strip().encode(), self._token)

    def may_read(self, authorization: str, asked_host: str) -> bool:
        """Whether a request with these ``Authorization`` and ``Host`` headers may read."""
        if self.may_write(authorization):
            return True
        return self._local and is_loopback(_name(asked_host))


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(asked_host: str) -> str:
    try:
        return urlsplit(f"//{asked_host}").hostname or ""
    except ValueError:
        return ""
