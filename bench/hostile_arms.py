"""Shadow arms that misbehave, each on a port of its own: ``python -m bench.hostile_arms``.

Prints ``ready`` and the ports in the order of ``MISDEEDS``.
"""

import asyncio
import contextlib
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping

LARGE = 100 * 2**20
_PIECE = b"x" * 65_536
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"

type _Misdeed = Callable[[StreamReader, StreamWriter], Awaitable[None]]


async def _hangs(reader: StreamReader, _: StreamWriter) -> None:
    """No answer, until the other side gives up."""
    await reader.read()


async def _resets(_: StreamReader, writer: StreamWriter) -> None:
    """Half an answer, and RST."""
    writer.write(_HEAD + b"Content-Length: 100\r\n\r\nhalf")
    await writer.drain()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def _floods(_: StreamReader, writer: StreamWriter) -> None:
    """Chunks without end, as fast as they are taken."""
    writer.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE))
        await writer.drain()


async def _large(_: StreamReader, writer: StreamWriter) -> None:
    """100 MB, as announced."""
    writer.write(_HEAD + b"Content-Length: %d\r\n\r\n" % LARGE)
    await _pour(writer)


async def _unannounced(_: StreamReader, writer: StreamWriter) -> None:
    """100 MB that end with the connection."""
    writer.write(_HEAD + b"Connection: close\r\n\r\n")
    await _pour(writer)


async def _pour(writer: StreamWriter) -> None:
    for _ in range(LARGE // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()


MISDEEDS: Mapping[str, _Misdeed] = {
    "hangs": _hangs,
    "resets": _resets,
    "floods": _floods,
    "100 MB": _large,
    "100 MB, length unknown": _unannounced,
}


async def _serve(misdeed: _Misdeed) -> asyncio.Server:
    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await misdeed(reader, writer)
        writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", 0)


async def main() -> None:
    """Serve until ended."""
    servers = [await _serve(misdeed) for misdeed in MISDEEDS.values()]
    print("ready", *(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
