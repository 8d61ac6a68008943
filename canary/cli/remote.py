"""A harness that runs elsewhere, reached through its admin API with nothing but the standard library."""

import json
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from canary.cli.errors import RefusedError, UsageError
from canary.core.compare.acks import Place, Which
from canary.core.stage import Event
from canary.web.gate import Answer

TIMEOUT = 30.0
"""Seconds that an answer may take."""


class RemoteAdmin:
    """The admin API at ``url``.

    Args:
        url: such as ``http://127.0.0.1:9900``; the scheme may be left out.
        token: sent with every request when there is one.

    Raises:
        UsageError: ``url`` is none.
    """

    def __init__(self, url: str, token: str | None) -> None:
        self._url = _checked(url)
        self._token = token

    def status(self) -> dict[str, Any]:
        """The rollout's status.

        Raises:
            UsageError: it could not be asked, or did not answer well.
        """
        return self._read("status", "safe_arm")

    def gate(self, stage: str) -> Answer:
        """May a pipeline go on that waits for ``stage``?

        Raises:
            RefusedError: the policy has no such stage.
            UsageError: it could not be asked, or did not answer well.
        """
        return Answer.of_json(self._read(f"gate?{urlencode({'stage': stage})}", "outcome"))

    def ledger(self) -> dict[str, Any]:
        """The rollout's ledger.

        Raises:
            UsageError: it could not be asked, or did not answer well.
        """
        return self._read("ledger", "offers")

    def hazards(self) -> dict[str, Any]:
        """The rollout's hazards.

        Raises:
            UsageError: it could not be asked, or did not answer well.
        """
        return self._read("hazards", "hazards")

    def acks(self) -> dict[str, Any]:
        """What was acknowledged, and what is open.

        Raises:
            UsageError: it could not be asked, or did not answer well.
        """
        return self._read("acks", "acknowledged")

    def shadow(self) -> dict[str, Any]:
        """The rollout's shadow leases.

        Raises:
            UsageError: it could not be asked, or did not answer well.
        """
        return self._read("shadow", "stopped")

    def act(self, event: Event, actor: str, reason: str) -> dict[str, Any]:
        """Carry out ``event``; the status after it.

        Raises:
            UsageError: it was refused, or the admin API could not be asked or did not answer.
        """
        return self._send(str(event), "safe_arm", actor=actor, reason=reason)

    def acknowledge(self, which: Which, actor: str, reason: str) -> list[Place]:
        """Acknowledge findings; which they were.

        Raises:
            UsageError: there are none, or the admin API could not be asked or did not answer.
        """
        done = self._send("ack", "acknowledged", **asdict(which), actor=actor, reason=reason)
        return [Place(**one) for one in done["acknowledged"]]

    def turn_shadow(self, *, stopped: bool, actor: str, reason: str) -> dict[str, Any]:
        """Stop shadow leases, or let them go on; what there is of them.

        Raises:
            UsageError: it was refused, or the admin API could not be asked or did not answer.
        """
        return self._send(f"shadow/{'stop' if stopped else 'start'}", "stopped", actor=actor, reason=reason)

    def _send(self, what: str, key: str, **said: str | None) -> dict[str, Any]:
        body, headers = json.dumps(said).encode(), {"content-type": "application/json"}
        url = f"{self._url}/api/v1/{what}"
        return self._ask(Request(url, data=body, headers=headers), key)  # noqa: S310  the scheme was checked

    def _read(self, what: str, key: str) -> dict[str, Any]:
        return self._ask(Request(f"{self._url}/api/v1/{what}"), key)  # noqa: S310  the scheme was checked

    def _ask(self, request: Request, key: str) -> dict[str, Any]:
        """The answer, by a key that it must have."""
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with _OPENER.open(request, timeout=TIMEOUT) as answer:
                text = answer.read()
        except HTTPError as error:
            kind = RefusedError if error.code == HTTPStatus.BAD_REQUEST else UsageError
            raise kind(self._refused(error)) from None
        except URLError as error:
            raise UsageError(
                f"no harness answers at {self._url} ({_why(error)}); act on its store with --state instead"
            ) from None
        except (HTTPException, OSError) as error:
            raise UsageError(
                f"the answer of {self._url} was lost ({_why(error)}); look at canary status --state before you "
                "repeat anything"
            ) from None
        found = _object(text)
        if key not in found:
            raise UsageError(_stranger(self._url, 200))
        return found

    def _refused(self, error: HTTPError) -> str:
        if error.code == 401:
            return (
                f"{self._url} refuses the admin token; set CANARY_ADMIN_TOKEN to the one that the harness was "
                "started with, or act on its store with --state"
            )
        with error:
            try:
                return str(json.load(error)["error"])
            except (HTTPException, OSError, ValueError, KeyError, TypeError):
                return _stranger(self._url, error.code)


def _object(text: bytes) -> dict[str, Any]:
    """The object that a text holds, an empty one when it holds none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _stranger(url: str, code: int) -> str:
    return f"{url} answered {code} as no harness would; give the admin address that canary run printed"


class _NoRedirect(HTTPRedirectHandler):
    """The admin API redirects nobody, and the token must not follow where something else leads."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


# past any proxy of the environment: the admin API is near, and the token is for it alone
_OPENER = build_opener(ProxyHandler({}), _NoRedirect)


def _checked(url: str) -> str:
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return full.rstrip("/")
    except ValueError:  # brackets or a port that are none
        pass
    raise UsageError(f"--admin {url!r} is no address; expected a URL such as http://127.0.0.1:9900")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__
