"""Lets requests in: to the API by token or session, to the gate by its own token; wrong tokens are slowed down."""

import logging
from collections import Counter

from aiohttp import web

from canary.web.access import Access
from canary.web.answers import Handler, error
from canary.web.hooks import GATE
from canary.web.sessions import Sessions
from canary.web.throttle import Throttle, TooMany

log = logging.getLogger(__name__)

WRONG, TOO_MANY = "wrong", "too_many"
"""Why a secret was refused."""

_READS = {"GET", "HEAD"}


class Door:
    """Whether a request may. A secret that is wrong is counted against its source address (``Throttle``).

    A read that this machine may make without a secret is never turned away.

    Attributes:
        refused: how many secrets were refused, by why.
    """

    def __init__(self, access: Access, sessions: Sessions, throttle: Throttle) -> None:
        self._access = access
        self._sessions = sessions
        self._throttle = throttle
        self.refused = Counter({WRONG: 0, TOO_MANY: 0})

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn away whoever may not; a browser forgets a cookie that nobody gave it."""
        if not request.path.startswith(("/api/", "/session")) or self._reads_here(request):
            return await handler(request)
        self._look(request)
        response = await handler(request) if self._may(request) else _refusal(request)
        if self._sessions.is_forged(request) and not response.prepared:
            self._sessions.close(response)
        return response

    def may_read(self, request: web.Request) -> bool:
        """Whether a request may read everything."""
        local = self._access.is_local(request.headers.get("host", ""))
        return local or self._access.may_write(_authorization(request)) or self._sessions.signed_in(request)

    def may_write(self, request: web.Request) -> bool:
        """Whether a request may act."""
        return self._access.may_write(_authorization(request)) or self._sessions.may_write(request)

    def knows(self, request: web.Request, token: str) -> bool:
        """Whether this is the token, given to sign in with.

        Raises:
            TooMany: the address was wrong too often.
        """
        self._check(request)
        if self._access.is_token(token):
            return True
        self._wrong(request)
        return False

    def _may(self, request: web.Request) -> bool:
        if request.path == "/session":
            return True
        if request.path.startswith(GATE):
            return self._access.may_ask_gate(_authorization(request)) or self.may_read(request)
        return self.may_read(request) if request.method in _READS else self.may_write(request)

    def _reads_here(self, request: web.Request) -> bool:
        return (
            request.path.startswith("/api/")
            and request.method in _READS
            and self._access.is_local(request.headers.get("host", ""))
        )

    def _look(self, request: web.Request) -> None:
        """Count a wrong secret. Having none, or one that has expired or opens less, is no guess."""
        authorization = _authorization(request)
        if not authorization and not self._sessions.shown(request):
            return
        self._check(request)
        foreign = bool(authorization) and not self._access.may_ask_gate(authorization)
        if foreign or self._sessions.is_forged(request):
            self._wrong(request)

    def _check(self, request: web.Request) -> None:
        try:
            self._throttle.check(request.remote)
        except TooMany:
            self.refused[TOO_MANY] += 1
            log.warning("%s %s from %s was not looked at: too many wrong tokens", *_called(request))
            raise

    def _wrong(self, request: web.Request) -> None:
        self.refused[WRONG] += 1
        self._throttle.wrong(request.remote)
        log.warning("%s %s from %s showed a wrong token", *_called(request))


def _authorization(request: web.Request) -> str:
    return request.headers.get("authorization", "")


def _called(request: web.Request) -> tuple[str, str, str | None]:
    return request.method, request.path, request.remote


def _refusal(request: web.Request) -> web.Response:
    log.warning("%s %s from %s was refused: no valid token", *_called(request))
    return error(
        401,
        "this needs the admin token; send it as 'Authorization: Bearer TOKEN' "
        "(CANARY_ADMIN_TOKEN, or the file .canary/admin-token where the harness was started)",
        {"www-authenticate": "Bearer"},
    )
