"""The client's side of HTTP/1.1, as little of it as a load generator needs, so that it costs next to nothing."""

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import NamedTuple, override

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ARM = re.compile(rb"(?i)\r\nx-canary-arm: *(\w+)")
_CLOSES = re.compile(rb"(?i)\r\nconnection: *close")


class WireError(Exception):
    """The reply is none that this reader understands, or the connection ended before it was whole."""


class Answer(NamedTuple):
    status: int
    arm: str  # of the header x-canary-arm, if there is one
    body: bytes
    closes: bool


def read_answer(data: bytes) -> Answer | None:
    """The reply that ``data`` holds, or ``None`` while it is not whole.

    Raises:
        WireError: it is no HTTP reply with a Content-Length.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return None
    length = _LENGTH.search(head)
    if length is None or not head.startswith(b"HTTP/1.1 "):
        raise WireError("a reply without a length")
    missing = int(length[1]) - len(body)
    if missing > 0:
        return None
    if missing < 0:
        raise WireError("more than one reply")
    arm = _ARM.search(head)
    return Answer(int(head[9:12]), arm[1].decode() if arm else "", body, _CLOSES.search(head) is not None)


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls go."""

    port: int
    path: str = "/stubs/handler_api.php"
    tls: ssl.SSLContext | None = None

    def request(self, query: str, *, close: bool) -> bytes:
        """A request as python-requests, the most common client library, writes it."""
        connection = "close" if close else "keep-alive"
        return (
            f"GET {self.path}?{query} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
            "User-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
            f"Connection: {connection}\r\n\r\n"
        ).encode()


class Connection(asyncio.Protocol):
    """One client connection, one call at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._data = b""

    @classmethod
    async def open(cls, target: Target) -> "Connection":
        """Connect.

        Raises:
            OSError: the connection is refused, or TLS fails.
        """
        name = "localhost" if target.tls else None
        _, connection = await asyncio.get_running_loop().create_connection(
            cls, "127.0.0.1", target.port, ssl=target.tls, server_hostname=name
        )
        return connection

    async def ask(self, request: bytes) -> Answer:
        """Send one request and wait for its reply.

        Raises:
            WireError: there was none.
        """
        if self._transport is None or self._transport.is_closing():
            raise WireError("the connection was closed between two calls")
        self._waiting = asyncio.get_running_loop().create_future()
        self._data = b""
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._data += data
        try:
            answer = read_answer(self._data)
        except WireError as error:
            self._fail(error)
            return
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(WireError("the connection broke"))

    def _fail(self, error: WireError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
