"""The admin token: from the environment, or made once and kept in a file that only its owner reads."""

import os
import secrets
from pathlib import Path

from canary.cli.errors import UsageError
from canary.cli.state import FOLDER
from canary.web.access import is_loopback

VARIABLE = "CANARY_ADMIN_TOKEN"
GATE_VARIABLE = "CANARY_GATE_TOKEN"
FILE = FOLDER / "admin-token"


def admin_token(host: str) -> str:
    """The token of an admin server that listens on ``host``.

    Raises:
        UsageError: ``host`` can be reached from outside and no token is configured.
    """
    configured = os.environ.get(VARIABLE, "").strip()
    if configured:
        return configured
    if not is_loopback(host):
        raise UsageError(
            f"the admin server would listen on {host} without a configured token; "
            f"set {VARIABLE}, or listen on 127.0.0.1"
        )
    return _kept(FILE)


def gate_token() -> str:
    """What other controllers show at the gate; empty when none was configured."""
    return os.environ.get(GATE_VARIABLE, "").strip()


def known_token() -> str | None:
    """The token that a command on the same machine may use."""
    configured = os.environ.get(VARIABLE, "").strip()
    if configured:
        return configured
    return FILE.read_text(encoding="utf-8").strip() if FILE.is_file() else None


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        token = secrets.token_urlsafe(32)
        file.write(token + "\n")
    return token
