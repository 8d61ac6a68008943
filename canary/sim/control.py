"""The control endpoint: read and change the behaviour, read the books and the requests."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl

from aiohttp import web

from canary.sim.behaviour import Behaviour
from canary.sim.books import Books
from canary.sim.drifts import DRIFTS
from canary.sim.knobs import KnobError
from canary.sim.profiles import PROFILES

PREFIX = "/_sim/"


class Controlled(Protocol):
    """What the endpoint controls."""

    @property
    def behaviour(self) -> Behaviour: ...
    @property
    def books(self) -> Books: ...
    async def change(self, patch: Mapping[str, Any] | None = None) -> Behaviour: ...


class Control:
    """Answers requests under ``/_sim/``.

    Attributes:
        transports: connections with a request in progress; a change that resets connections spares them.
    """

    def __init__(self, controlled: Controlled) -> None:
        self._controlled = controlled
        self.transports: set[object] = set()
        self._routes: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[web.Response]]] = {
            ("GET", ""): self._index,
            ("GET", "behaviour"): self._behaviour,
            ("PATCH", "behaviour"): self._change,
            ("GET", "books"): self._books,
            ("GET", "requests"): self._requests,
        }

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer one request; what is not there is 404."""
        path = request.path
        route = (
            self._routes.get((request.method, path.removeprefix(PREFIX))) if path.startswith(PREFIX) else None
        )
        if route is None:
            return _error(404, f"there is no {request.method} {path}; GET {PREFIX} lists what there is")
        self.transports.add(request.transport)
        try:
            return await route(request)
        finally:
            self.transports.discard(request.transport)

    async def _index(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response(
            {
                "endpoints": [f"{method} {PREFIX}{name}" for method, name in self._routes],
                "knobs": sorted(Behaviour.model_fields),
                "profiles": sorted(PROFILES),
                "drifts": {name: drift.what for name, drift in DRIFTS.items()},
            }
        )

    async def _behaviour(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response(self._controlled.behaviour.model_dump(mode="json"))

    async def _change(self, request: web.BaseRequest) -> web.Response:
        try:
            patch = json.loads(await request.read())
        except ValueError:
            return _error(400, 'the body is not JSON; expected an object of knobs such as {"success": 0.5}')
        if not isinstance(patch, dict):
            return _error(400, 'expected an object of knobs such as {"success": 0.5}')
        try:
            behaviour = await self._controlled.change(patch)
        except KnobError as error:
            return _error(422, str(error))
        return web.json_response(behaviour.model_dump(mode="json"))

    async def _books(self, request: web.BaseRequest) -> web.Response:
        leases = _parameters(request).get("leases") != "0"
        return web.json_response(self._controlled.books.as_json(leases=leases))

    async def _requests(self, request: web.BaseRequest) -> web.Response:
        asked = _parameters(request)
        limit = asked.get("limit", "1000")
        if not (limit.isascii() and limit.isdigit()):
            return _error(400, f"limit={limit} is no number; expected how many requests to show")
        return web.json_response(self._controlled.books.log(asked.get("action", ""), int(limit)))


def _parameters(request: web.BaseRequest) -> dict[str, str]:
    return dict(parse_qsl(request.query_string))


def _error(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
