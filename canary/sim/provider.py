"""A simulated provider on real sockets: HTTP or HTTPS on loopback, with a control endpoint beside it."""

import asyncio
import gzip
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiohttp import HttpVersion11, web

from canary.core.protocol.parse import is_handler_path
from canary.sim.answers import Answer
from canary.sim.behaviour import Behaviour
from canary.sim.books import Books
from canary.sim.control import PREFIX, Control
from canary.sim.desk import Desk, Served
from canary.sim.faults import Fault
from canary.sim.incoming import Incoming, received
from canary.sim.knobs import changed
from canary.sim.native import APIS
from canary.sim.postman import Postman
from canary.sim.tls import Authority

PATH = "/stubs/handler_api.php"

GRACE = 0.1
"""Seconds for answers in progress when the provider closes."""

_NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER on with zero seconds: closing sends RST instead of FIN."""


class Provider:
    """A provider that listens while the ``async with`` block runs.

    Args:
        behaviour: what it does; ``change`` alters it at any time.
        port: 0 for a free one.
        seed: makes it do the same again for the same calls; without one every run differs. Two providers should
            have different seeds, so that their numbers and codes differ.
        keys: the API keys that it accepts; none: any.
        clock: seconds since the epoch, for everything that takes time, latency apart.
        authority: signs a certificate for HTTPS; without one it speaks HTTP.
        log_size: how many requests the books keep.

    Attributes:
        url: the handler_api endpoint, or the root of the provider's own API.
        control: the control endpoint, plain HTTP on a port of its own: it answers while ``refuse`` is on. The
            provider's port answers under ``/_sim/`` too.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | str | None = None,
        keys: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
        authority: Authority | None = None,
        log_size: int = 10_000,
    ) -> None:
        self._desk = Desk(
            behaviour or Behaviour(),
            clock,
            secrets.token_hex(8) if seed is None else str(seed),
            frozenset(keys),
            log_size,
        )
        self._host = host
        self.port = port
        self._authority = authority
        self._tls = authority.context() if authority else None
        self._control = Control(self)
        self._postman = Postman(self._desk)
        self._door: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._side_door: asyncio.Server | None = None
        self._changing = asyncio.Lock()
        self._closing = asyncio.Event()
        self._public: web.Server
        self._private: web.Server

    @property
    def url(self) -> str:
        api = APIS.get(self.behaviour.dialect)
        path = PATH if api is None else api.base
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}{path}"

    @property
    def control(self) -> str:
        assert self._side_door is not None, "the provider is not started"
        return f"http://{self._host}:{_port(self._side_door)}{PREFIX}"

    @property
    def ca_file(self) -> str:
        """The certificate authority that clients of an HTTPS provider must trust; empty for HTTP."""
        return str(self._authority.ca_file) if self._authority else ""

    @property
    def behaviour(self) -> Behaviour:
        return self._desk.behaviour

    @property
    def books(self) -> Books:
        """The books as of now."""
        return self._desk.books

    async def change(self, patch: Mapping[str, Any] | None = None, **knobs: Any) -> Behaviour:
        """Merge a patch into the behaviour, in force when this returns.

        Raises:
            KnobError: a knob is unknown or its value is not understood; nothing changes.
        """
        async with self._changing:
            behaviour = changed(self.behaviour, {**(patch or {}), **knobs})
            self._desk.become(behaviour)
            if self._side_door is not None:
                await self._attend()
            return behaviour

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._public = web.Server(self._serve, access_log=None, handler_cancellation=True)
        self._private = web.Server(self._control.serve, access_log=None)
        await self._attend()
        self._side_door = await loop.create_server(self._private, self._host, 0)
        await self._postman.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._postman.stop()
        self._free_port()
        for door in (self._door, self._side_door):
            if door is not None:
                door.close()
        for server in (self._public, self._private):
            server.pre_shutdown()
            await server.shutdown(GRACE)

    # --- the door -----------------------------------------------------------------------------------------------

    async def _attend(self) -> None:
        """Listen or not, as the behaviour says."""
        if self.behaviour.refuse:
            self._shut()
        elif self._door is None:
            await self._open()

    async def _open(self) -> None:
        self._free_port()
        loop = asyncio.get_running_loop()
        self._door = await loop.create_server(
            self._public, self._host, self.port, ssl=self._tls, backlog=1024
        )
        self.port = _port(self._door)

    def _shut(self) -> None:
        """Stop listening, keep the port for later, and reset every connection that is not a control call's."""
        if self._door is not None:
            self._door.close()
            self._door = None
            for connection in self._public.connections:
                if connection.transport is not None and connection.transport not in self._control.transports:
                    _reset(connection.transport)
        if self._reserved is None:
            self._reserved = _bound(self._host, self.port)
            self.port = self._reserved.getsockname()[1]

    def _free_port(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    # --- one request --------------------------------------------------------------------------------------------

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        call = await self._received(request)
        if call is None:
            return await self._control.serve(request)
        served = self._desk.serve(call)
        if served.delay:
            await asyncio.sleep(served.delay)
        if served.answer is None:
            return await self._no_answer(request, served)
        return self._response(request, served.answer)

    async def _received(self, request: web.BaseRequest) -> Incoming | None:
        """The call that a request makes; ``None`` for one that is not for the provider."""
        target, api = request.raw_path, APIS.get(self.behaviour.dialect)
        if api is None and not is_handler_path(target.partition("?")[0]):
            return None
        body = await request.read() if request.body_exists else b""
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived = (request.method, target, headers, body, request.remote or "")
        if api is not None:
            return api.received(*arrived)
        return received(*arrived, body_only=self._desk.dialect.body_only)

    async def _no_answer(self, request: web.BaseRequest, served: Served) -> web.StreamResponse:
        if served.fault is Fault.HANG:
            await self._closing.wait()
        if request.transport is not None:
            _reset(request.transport)
        return web.Response()  # nobody is left to read it

    def _response(self, request: web.BaseRequest, answer: Answer) -> web.Response:
        body = answer.text.encode()
        response = web.Response(body=body, status=answer.status)
        response.headers["Content-Type"] = answer.content_type
        for name, value in answer.headers:
            response.headers[name] = value
        if not body:
            return response
        if self.behaviour.gzip and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.body = gzip.compress(body, compresslevel=1)
            response.headers["Content-Encoding"] = "gzip"
        if self.behaviour.chunked and request.version >= HttpVersion11:
            response.enable_chunked_encoding()
        return response


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _bound(host: str, port: int) -> socket.socket:
    """A socket that holds a port without listening: connections to it are refused, and nobody else gets it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, port))
    return holder


def _reset(transport: asyncio.BaseTransport) -> None:
    """Break a connection the hard way: the peer sees a reset, not an end."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    assert isinstance(transport, asyncio.WriteTransport), "a connection can be written to"
    transport.abort()
