"""One client's connection: its requests are parsed by httptools and answered one after the other."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import cast, override

import httptools

from canary.core.model import Request
from canary.gateway.ingress import BROKEN, MAX_REQUEST_BODY, Handler
from canary.thin.wire import GO_ON, ascii_line, path_and_query, refusal, written

log = logging.getLogger(__name__)

MAX_HEAD = 2 * 1024 * 1024
"""Bytes of a request's first line and headers that are taken; a longer head is refused with 431."""

MAX_WAITING = 16
"""Requests that a client may send ahead of their answers before nothing more is read from it."""

IDLE = 600.0
"""Seconds that a client may keep a connection that it does not use."""

SLOW = 60.0
"""Seconds that a client may take to send one request, or to take what it was sent."""


_LENGTH, _EXPECT = len("content-length"), len("expect")

_VERSIONS = frozenset({"1.0", "1.1"})


class _RefusedError(Exception):
    """The request is none that is answered here; carries the status."""


class Connection(asyncio.Protocol):
    """Reads requests, hands them to ``handle`` and writes the answers, in order.

    A request once handed on is finished also when its client goes away: it may be a purchase.

    Args:
        closing: whether each answer asks its client to come back on another connection.
        opened, closed: told of the connection's beginning and end.
    """

    def __init__(
        self,
        handle: Handler,
        closing: Callable[[], bool],
        opened: "Callable[[Connection], None]",
        closed: "Callable[[Connection], None]",
    ) -> None:
        self._handle = handle
        self._closing = closing
        self._opened = opened
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        # each with whether the connection goes on after it
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._since = monotonic()  # when the client's turn began
        self._receiving = False
        self._last = False  # nothing more is read
        self._writable = asyncio.Event()
        self._writable.set()
        self.on_message_begin()

    # --- the socket ---------------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if peer else ""
        self._opened(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        del self._parser  # it knows this connection: a ring that would have to be found
        self._writable.set()
        self._closed(self)

    @override
    def pause_writing(self) -> None:
        self._since = monotonic()
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    @override
    def data_received(self, data: bytes) -> None:
        if self._last:
            return
        if self._in_line and not data.isascii():
            data = ascii_line(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._last = True  # the request was read; to another protocol nobody changes here
        except httptools.HttpParserError as error:
            self._answer_waiting()
            self._refuse(error.__context__)
            return
        self._answer_waiting()
        if len(self._waiting) > MAX_WAITING:
            self.transport.pause_reading()

    def _answer_waiting(self) -> None:
        if self._answering is None and self._waiting:
            # begun at once: the loop would come back to it only after all else that is ready
            answering = asyncio.Task(self._answer_all(), loop=self._loop, eager_start=True)
            self._answering = None if answering.done() else answering

    def _refuse(self, why: BaseException | None) -> None:
        self._last = True  # also for what is being answered
        status = why.args[0] if isinstance(why, _RefusedError) else 400
        if self._answering is None:
            self._say_last(refusal(status))

    def _say_last(self, data: bytes) -> None:
        """End in a way that a client which is still sending gets to read why."""
        self._last, self._since = True, monotonic()
        self.transport.write(data)
        self.transport.write_eof()

    def tire(self, now: float) -> None:
        """End the connection of a client that takes too long over its turn."""
        waited = now - self._since
        if not self._writable.is_set():
            if waited > SLOW:
                self.transport.abort()
            return
        idle = not (self._receiving or self._last)
        if self._answering is not None or waited <= (IDLE if idle else SLOW):
            return
        if self._receiving and not self._last:
            self._say_last(refusal(408))
        else:
            self.transport.close()

    # --- what the parser calls ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._in_line, self._in_body = True, False

    def on_url(self, url: bytes) -> None:
        self._receiving, self._since = True, monotonic()
        self._url += url
        self._grow(len(url), MAX_HEAD, 431)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._in_line = False
        if self._in_body:  # a trailer
            raise _RefusedError(400)
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        self._grow(len(name) + len(value), MAX_HEAD, 431)

    def on_headers_complete(self) -> None:
        self._in_line, self._in_body, self._size = False, True, 0
        for name, value in self._headers:
            if len(name) == _LENGTH and name.lower() == "content-length" and int(value) > MAX_REQUEST_BODY:
                raise _RefusedError(413)
            if len(name) == _EXPECT and name.lower() == "expect" and value.lower() == "100-continue":
                self._tell_to_go_on()

    def _tell_to_go_on(self) -> None:
        if self._answering is None and not self._waiting:  # or it would stand in the middle of another answer
            self.transport.write(GO_ON)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._grow(len(body), MAX_REQUEST_BODY, 413)

    def _grow(self, size: int, most: int, status: int) -> None:
        self._size += size
        if self._size > most:
            raise _RefusedError(status)

    def on_message_complete(self) -> None:
        self._receiving, self._in_line = False, True
        method, version = self._parser.get_method().decode("latin-1"), self._parser.get_http_version()
        if method == "CONNECT" or version not in _VERSIONS:
            raise _RefusedError(400)
        path, query = path_and_query(self._url.decode("latin-1"))
        request = Request(method, path, query, tuple(self._headers), b"".join(self._body), self._client)
        goes_on = version == "1.1" and self._parser.should_keep_alive()
        self._waiting.append((request, goes_on))

    # --- answering ------------------------------------------------------------------------------------------------

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                if not self._writable.is_set():
                    await self._writable.wait()
                await self._answer(*self._waiting.popleft())
        finally:
            self._answering = None
            self._since = monotonic()
            if self._last:
                self.transport.close()
            else:
                self.transport.resume_reading()

    async def _answer(self, request: Request, goes_on: bool) -> None:
        close = not goes_on
        try:
            response = await self._handle(request)
            data = written(response, request.method, close=close or self._closing())
        except Exception:
            log.exception("the gateway failed")
            data = written(BROKEN, request.method, close=close or self._closing())
        if self.transport.is_closing():
            return
        self.transport.write(data)
        if close or self._closing():
            self._last = True
            self._waiting.clear()
