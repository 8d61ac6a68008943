"""An upstream of raw bytes: it keeps what it heard as it came, answers what it is told, and fails in every way."""

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

from tests.factories import PATH

type Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, byte for byte."""

    head: bytes
    body: bytes = b""
    connection: int = 1  # counted from one

    @property
    def line(self) -> str:
        return self.head.partition(b"\r\n")[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def headers(self) -> Pairs:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return tuple(
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)
        )

    def header(self, name: str) -> list[str]:
        """The values of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def params(self) -> dict[str, str]:
        """The decoded parameters of query and form; of a repeated one the last."""
        text = "&".join(part for part in (self.query, self.body.decode("latin-1")) if part)
        return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}

    @property
    def action(self) -> str:
        return self.params.get("action", "")


@dataclass(slots=True)
class Wire:
    """The upstream's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


type Play = Callable[[Wire, Heard], Awaitable[None]]


def response(
    body: bytes | str = b"",
    status: int = 200,
    headers: Pairs = (("Content-Type", "text/html; charset=UTF-8"),),
) -> bytes:
    """A whole response with a Content-Length."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, f"Content-Length: {len(data)}", "", ""]).encode("latin-1") + data


def chunked(body: bytes, size: int = 7, headers: Pairs = (("Content-Type", "text/html"),)) -> bytes:
    """A whole response in chunks of ``size``."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers)])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head.encode("latin-1") + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def raw(data: bytes) -> Play:
    """Answer these bytes and keep the connection."""

    async def play(wire: Wire, heard: Heard) -> None:
        await wire.send(data)

    return play


def says(body: bytes | str, status: int = 200, **headers: str) -> Play:
    """Answer this body; headers with ``_`` for ``-``."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return raw(response(body, status, (("Content-Type", "text/html; charset=UTF-8"), *named)))


def closes(data: bytes = b"") -> Play:
    """Send these bytes and close."""

    async def play(wire: Wire, heard: Heard) -> None:
        if data:
            await wire.send(data)
        wire.close()

    return play


def resets(data: bytes = b"") -> Play:
    """Send these bytes and reset the connection."""

    async def play(wire: Wire, heard: Heard) -> None:
        if data:
            await wire.send(data)
        wire.reset()

    return play


async def hangs(wire: Wire, heard: Heard) -> None:
    """Never answer, until the other side gives up."""
    await wire.reader.read()
    wire.close()


def waits_for(event: asyncio.Event, then: Play) -> Play:
    """Answer once ``event`` is set."""

    async def play(wire: Wire, heard: Heard) -> None:
        await event.wait()
        await then(wire, heard)

    return play


def trickles(data: bytes) -> Play:
    """Send one byte after another, each in a packet of its own."""

    async def play(wire: Wire, heard: Heard) -> None:
        for byte in data:
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)

    return play


def huge(size: int, declared: bool = True) -> Play:
    """A body of ``size`` bytes, with or without a length."""

    async def play(wire: Wire, heard: Heard) -> None:
        length = b"Content-Length: %d\r\n" % size if declared else b"Connection: close\r\n"
        await wire.send(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        block = b"x" * 65536
        for at in range(0, size, len(block)):
            await wire.send(block[: size - at])
        if not declared:
            wire.close()

    return play


@dataclass
class ScriptedUpstream:
    """A server on 127.0.0.1 that plays what it was told for each action; ``next`` goes first, in order.

    ``async with ScriptedUpstream() as upstream``; what it heard is in ``heard``.
    """

    tls: ssl.SSLContext | None = None
    plays: dict[str, Play] = field(default_factory=dict)
    next: deque[Play] = field(default_factory=deque)
    otherwise: Play = field(default_factory=lambda: says("BAD_ACTION"))
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{'localhost' if self.tls else '127.0.0.1'}:{self.port}{PATH}"

    def of(self, action: str) -> list[Heard]:
        """What was heard of one action."""
        return [one for one in self.heard if one.action == action]

    def answers(self, **bodies: str | bytes | Play) -> None:
        """What to answer to each action: a body, or how to behave."""
        for action, body in bodies.items():
            self.plays[action] = says(body) if isinstance(body, str | bytes) else body

    async def has_heard(self, count: int, action: str | None = None) -> None:
        """Wait until ``count`` requests, of one action or any, have arrived."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.of(action) if action else self.heard) >= count)

    async def has_no_connection(self) -> None:
        """Wait until every connection is closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.open == 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self.open += 1
        try:
            await self._converse(Wire(reader, writer), self.connections)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            self.open -= 1
            await self._tell()

    async def _converse(self, wire: Wire, connection: int) -> None:
        while not wire.writer.is_closing():
            head = (await wire.reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
            heard = Heard(head, connection=connection)
            length = int((heard.header("content-length") or ["0"])[0])
            heard = Heard(head, await wire.reader.readexactly(length), connection)
            self.heard.append(heard)
            await self._tell()
            await self._play(heard)(wire, heard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _play(self, heard: Heard) -> Play:
        return self.next.popleft() if self.next else self.plays.get(heard.action, self.otherwise)


def nobody() -> socket.socket:
    """A bound socket on which nobody listens: connecting to it is refused for as long as it is kept."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def url_of(sock: socket.socket) -> str:
    """The endpoint's URL at a socket's address."""
    return f"http://127.0.0.1:{sock.getsockname()[1]}{PATH}"
