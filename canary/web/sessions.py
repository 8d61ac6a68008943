"""Signed-in browsers: a cookie that only someone with the admin token can have been given."""

from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest, digest

from aiohttp import web

LASTS = 12 * 3600
"""Seconds until a browser must sign in again."""

MARK = "x-canary-dashboard"
"""A header that the dashboard's own page sends with every write: a page of another site cannot set it."""


class Sessions:
    """Cookies of one rollout's admin server. Nothing is kept: the cookie is its expiry, sealed with the token.

    Args:
        token: an empty one signs nobody in.
        name: of the rollout; cookies do not tell ports apart, so each rollout has a cookie of its own.
        clock: wall-clock seconds.
    """

    def __init__(self, token: str, name: str, clock: Callable[[], float]) -> None:
        self._token = token.encode()
        self._clock = clock
        self._name = name
        self.cookie = f"canary-session-{sha256(name.encode()).hexdigest()[:12]}"

    def shown(self, request: web.Request) -> bool:
        """Whether the request brings a cookie of this rollout."""
        return bool(request.cookies.get(self.cookie))

    def is_forged(self, request: web.Request) -> bool:
        """Whether the request brings a cookie that ``open`` has never given."""
        return self.shown(request) and self._expiry(request) is None

    def signed_in(self, request: web.Request) -> bool:
        """Whether the request's cookie was given by ``open`` and has not expired."""
        expiry = self._expiry(request)
        return expiry is not None and self._clock() < expiry

    def may_write(self, request: web.Request) -> bool:
        """Whether a signed-in browser sent this write from the dashboard's own page."""
        return MARK in request.headers and self.signed_in(request)

    def open(self, response: web.Response, *, secure: bool) -> None:
        """Sign the browser in that gets this response. Call it for the right token only."""
        expiry = str(int(self._clock()) + LASTS)
        response.set_cookie(
            self.cookie,
            f"{expiry}.{self._seal(expiry)}",
            max_age=LASTS,
            httponly=True,
            samesite="Strict",
            secure=secure,
        )

    def close(self, response: web.StreamResponse) -> None:
        """Sign the browser out."""
        response.del_cookie(self.cookie)

    def _expiry(self, request: web.Request) -> int | None:
        """When the request's cookie expires; ``None`` for one that was not sealed here."""
        expiry, _, seal = request.cookies.get(self.cookie, "").partition(".")
        if not self._token or not (expiry.isascii() and expiry.isdecimal() and len(expiry) < 16):
            return None
        return int(expiry) if compare_digest(seal.encode(), self._seal(expiry).encode()) else None

    def _seal(self, expiry: str) -> str:
        return digest(self._token, f"canary dashboard {self._name} {expiry}".encode(), "sha256").hex()
