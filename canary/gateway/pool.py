"""Warm connections to one host: aiohttp's connector and parser, without its client's work for every request.

That client prepares each request for redirects, cookies, retries and tracing, none of which may happen here, and
takes as long over it as everything else does that the harness adds to a call.
"""

import asyncio
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from time import monotonic

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace
from yarl import URL

MAX_HEADER = 64 * 1024
"""Bytes that one header of a reply may have; aiohttp's own 8 KB would lose a number over a long policy header."""


class TooLargeError(Exception):
    """The reply has more bytes than are taken."""


@dataclass(slots=True)
class Way:
    """How one request came by its connection; filled in while it does."""

    waiting: bool = False  # for a free slot of the pool: nothing was sent
    created: bool = False
    connect: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` as they came; ``content`` in the coding that it came in."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes


_way: ContextVar[Way] = ContextVar("_way")


class _Connector(aiohttp.TCPConnector):
    """A pool that fills in the ``Way`` of the request at hand; aiohttp's own tracing costs far more."""

    async def _wait_for_available_connection(self, key: ConnectionKey, traces: list[Trace]) -> None:
        way, began = _way.get(), monotonic()
        way.waiting = True
        await super()._wait_for_available_connection(key, traces)
        way.waiting = False
        way.connect += monotonic() - began

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        way, began = _way.get(), monotonic()
        way.created = True
        connection = await super()._create_connection(req, traces, timeout)
        way.connect += monotonic() - began
        return connection


class Pool:
    """The connections to one host.

    Args:
        url: whose scheme, host and port are connected to.
        timeout: seconds for a whole exchange, of which the connection may take most.
        limit: connections at most; further requests wait for one within the connect timeout.
        ca_file: a certificate authority to trust beside the system's (PEM).
    """

    def __init__(self, url: URL, timeout: float, limit: int, ca_file: Path | None = None) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(
            connect=max(timeout * 0.9, timeout - 1), sock_connect=min(10.0, timeout / 2)
        )
        self._limit = limit
        self._ca_file = ca_file
        self._connector: _Connector | None = None

    async def start(self) -> None:
        """Open the pool; connections are made when first needed and then kept.

        Raises:
            OSError: the CA file cannot be read.
        """
        self._connector = _Connector(
            limit=self._limit, keepalive_timeout=60, ttl_dns_cache=30, ssl=_trusting(self._ca_file)
        )
        # names the place to connect to; what is sent is the caller's
        self._place = aiohttp.ClientRequest("GET", self._url, loop=asyncio.get_running_loop())

    @property
    def host(self) -> str:
        """Host and port as a request names them."""
        return self._place.headers["Host"]

    async def close(self) -> None:
        """Close all connections. Harmless when the pool was never opened."""
        if self._connector is not None:
            await self._connector.close()
            self._connector = None

    async def exchange(self, message: bytes, way: Way, *, bodiless: bool, most: int) -> Answer:
        """Send a whole request and read the whole answer to it. It is sent at most once.

        Args:
            bodiless: whether the answer has no body whatever it says, as to a HEAD.
            most: bytes of a body that are taken.

        Raises:
            TooLargeError: the body is longer.
            aiohttp.ConnectionTimeoutError: there was no connection in time; nothing was sent.
            aiohttp.ClientError: no connection, or it broke.
            aiohttp.http.HttpProcessingError: the answer is no HTTP.
        """
        connection = await self._connected(way)
        try:
            answer = await self._over(connection, message, bodiless, most)
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    async def _connected(self, way: Way) -> aiohttp.connector.Connection:
        """A connection on which nothing has come that nobody asked for: it would be taken for the answer."""
        assert self._connector is not None, "the pool is not started"
        _way.set(way)
        while True:
            try:
                connection = await self._connector.connect(self._place, [], self._timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError from error
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
            if way.created:
                raise aiohttp.ServerDisconnectedError("it spoke before it was asked")

    @staticmethod
    async def _over(
        connection: aiohttp.connector.Connection, message: bytes, bodiless: bool, most: int
    ) -> Answer:
        protocol = connection.protocol
        assert protocol is not None
        protocol.set_response_params(
            skip_payload=bodiless,
            read_until_eof=True,
            auto_decompress=False,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )
        if protocol.transport is not None:  # or it broke just now, which reading tells
            protocol.transport.write(message)
        head, payload = await protocol.read()
        while 100 <= head.code < 200 and head.code != HTTPStatus.SWITCHING_PROTOCOLS:
            head, payload = await protocol.read()
        declared = None if bodiless else head.headers.get("Content-Length")
        if declared is not None and int(declared) > most:
            raise TooLargeError
        return Answer(head.code, head.raw_headers, await _whole(payload, most))


async def _whole(payload: StreamReader, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await payload.readany():
        size += len(chunk)
        if size > most:
            raise TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


@cache
def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates to trust, the same for all pools: reading the system's takes longer than all else at the start."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
