"""Which secret opens what; tokens are compared here and kept nowhere else."""

import ipaddress
from base64 import b64decode
from hmac import compare_digest
from urllib.parse import urlsplit


class Access:
    """The rules: whoever has the token may do everything, the gate's token asks the gate, others read here alone.

    Reads without a token are answered when the server listens on a loopback address *and* was asked for by a
    loopback name: a page of another site that resolves its own name to 127.0.0.1 gets nothing.

    Args:
        token: an empty one opens nothing.
        host: the address that the server listens on.
        gate_token: opens the gate for other controllers, and nothing else; an empty one opens nothing.
    """

    def __init__(self, token: str, host: str, gate_token: str = "") -> None:
        self._token = token.encode()
        self._gate_token = gate_token.encode()
        self._local = is_loopback(host)

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return _same(given, self._token)

    def may_write(self, authorization: str) -> bool:
        """Whether this ``Authorization`` header holds the token."""
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.is_token(given.strip())

    def may_ask_gate(self, authorization: str) -> bool:
        """Whether this ``Authorization`` header opens the gate.

        Flagger sends no header of one's choice, but a user and password that stand in a hook's URL; there the
        password is the token.
        """
        if self.may_write(authorization):
            return True
        scheme, _, given = authorization.partition(" ")
        password = _password(given) if scheme.lower() == "basic" else given.strip()
        return scheme.lower() in {"bearer", "basic"} and _same(password, self._gate_token)

    def is_local(self, asked_host: str) -> bool:
        """Whether a request with this ``Host`` header may read without a secret."""
        return self._local and is_loopback(_name(asked_host))


def is_loopback(host: str) -> bool:
    """Whether ``host`` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same(given: str, token: bytes) -> bool:
    return bool(token) and compare_digest(given.encode(errors="surrogateescape"), token)


def _password(given: str) -> str:
    try:
        return b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _name(asked_host: str) -> str:
    try:
        return urlsplit(f"//{asked_host}").hostname or ""
    except ValueError:
        return ""
