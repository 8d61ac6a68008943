"""The dashboard: a page of our own files and one chart library from its installed package, nothing from outside.

GET  /                  the page; it holds no data
GET  /static/FILE       its parts
GET  /session           whether this browser may read and act
POST /login             {"token": ...} signs the browser in with a cookie
POST /logout
GET  /api/v1/board      what the page shows (canary.web.board)
GET  /api/v1/history    the evidence over time
GET  /api/v1/live       the board as server-sent events: ``board`` at every reading, ``trouble`` with a sentence
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from aiohttp import web

from canary.store.store import Store
from canary.web.answers import error, fields, text_field
from canary.web.board import board_of, history_of
from canary.web.door import Door
from canary.web.live import Live
from canary.web.sessions import Sessions

STATIC = Path(__file__).parent / "static"
FILES = frozenset(path.name for path in STATIC.iterdir() if path.is_file())

CHARTS = "plotly.min.js"
"""The chart library's name below ``/static/``."""

MAX_TOKEN = 1000

# The chart library adds two style elements of its own; these are the hashes of what is in them: nothing (it is
# filled by script), and the look of maps, which are not used here.
_STYLES = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o='"
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    f"style-src 'self' {_STYLES}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}

type Read = Callable[..., Awaitable[Any]]


class Dashboard:
    """Page, sign-in and live data of one rollout.

    Args:
        read: asks the store in a thread, see ``Admin``.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        read: Read,
        sessions: Sessions,
        door: Door,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._read = read
        self._sessions = sessions
        self._door = door
        self._clock = clock
        self._live = Live(self._board)

    @property
    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            web.get("/", self._page),
            web.get("/static/{file}", self._file),
            web.get("/session", self._session),
            web.post("/login", self._login),
            web.post("/logout", self._logout),
            web.get("/api/v1/board", self._ask_board),
            web.get("/api/v1/history", self._history),
            web.get("/api/v1/live", self._stream),
        ]

    def refresh(self) -> None:
        """Something was changed: show it at once."""
        self._live.refresh()

    async def close(self, _application: web.Application) -> None:
        """End all streams."""
        await self._live.close()

    # --- the page -------------------------------------------------------------------------------------------------

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers=HEADERS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = request.match_info["file"]
        if file == CHARTS:
            return await self._charts(request)
        if file not in FILES:
            raise web.HTTPNotFound
        return web.FileResponse(STATIC / file, headers={"cache-control": "no-cache"})

    async def _charts(self, request: web.Request) -> web.StreamResponse:
        headers = {"cache-control": "max-age=86400", "content-type": "text/javascript; charset=utf-8"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return web.FileResponse(_chart_library(), headers=headers)
        body = await asyncio.to_thread(_packed)
        return web.Response(body=body, headers=headers | {"content-encoding": "gzip"})

    # --- signing in -----------------------------------------------------------------------------------------------

    async def _session(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"may_read": self._door.may_read(request), "may_act": self._door.may_write(request)}
        )

    async def _login(self, request: web.Request) -> web.StreamResponse:
        if not self._door.knows(request, text_field(await fields(request), "token", MAX_TOKEN)):
            return error(
                401,
                "this is not the admin token; it is in CANARY_ADMIN_TOKEN, or in the file .canary/admin-token "
                "where the harness was started",
            )
        response = web.json_response({"may_read": True, "may_act": True})
        self._sessions.open(response, secure=_over_https(request))
        return response

    async def _logout(self, _request: web.Request) -> web.StreamResponse:
        response = web.json_response({})
        self._sessions.close(response)
        return response

    # --- data -----------------------------------------------------------------------------------------------------

    async def _board(self) -> Any:
        return await self._read(board_of, self._store, self._name, self._clock())

    async def _ask_board(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._board())

    async def _history(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._read(history_of, self._store, self._name))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._live.full:
            return error(503, "too many dashboards are open; close one that nobody looks at")
        headers = {
            "content-type": "text/event-stream",
            "cache-control": "no-store",
            "x-accel-buffering": "no",
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async with self._live.watching() as frames:
            with suppress(ConnectionError):  # the browser has gone, maybe while it was slow
                async for frame in frames:
                    await response.write(frame)
        return response


@cache
def _packed() -> bytes:
    return gzip.compress(_chart_library().read_bytes(), 6)


def _chart_library() -> Path:
    return Path(str(distribution("plotly").locate_file(f"plotly/package_data/{CHARTS}")))


def _over_https(request: web.Request) -> bool:
    """Whether the browser speaks HTTPS, to us or to a proxy before us."""
    return request.secure or request.headers.get("x-forwarded-proto", "") == "https"
