"""A client of raw bytes: it sends what it is told and keeps what it got as it came."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.factories import CLIENT_KEY, PATH


@dataclass(frozen=True, slots=True)
class Got:
    """One response, byte for byte."""

    head: bytes
    body: bytes = b""

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return [(name, value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> list[str]:
        """The values of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, *, head: bool = False) -> Got:
        """The next response; its body is as long as its head says.

        Raises:
            EOFError: the connection was closed before one came.
        """
        got = Got((await self.reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n"))
        assert got.head.startswith(b"HTTP/1.1 "), got.head
        if head or got.status in {204, 304}:
            return got
        [length] = got.header("content-length")
        return Got(got.head, await self.reader.readexactly(int(length)))

    async def ask(self, data: bytes, *, head: bool = False) -> Got:
        await self.send(data)
        return await self.get(head=head)

    async def is_closed(self) -> bool:
        """Whether the server closed the connection, without another byte."""
        return await self.reader.read() == b""

    async def upgrade(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS on the connection, as after a CONNECT."""
        await self.writer.start_tls(context, server_hostname=host)


@asynccontextmanager
async def connected(address: tuple[str, int]) -> AsyncIterator[Client]:
    """A client of the server at ``address``."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def request(
    action: str = "getBalance", *lines: str, method: str = "GET", body: bytes = b"", **params: str
) -> bytes:
    """A call as a plain client sends it; ``lines`` are further header lines."""
    query = "&".join([f"api_key={CLIENT_KEY}", f"action={action}", *(f"{n}={v}" for n, v in params.items())])
    length = [f"Content-Length: {len(body)}"] if body or method == "POST" else []
    head = [f"{method} {PATH}?{query} HTTP/1.1", "Host: localhost", *lines, *length, "", ""]
    return "\r\n".join(head).encode("latin-1") + body
