"""A round trip's length between two loopback ports: ``python -m bench.forwarder PORT MILLISECONDS``.

Bytes travel half the round trip each way. A connection counts as open one round trip after it was accepted, as
over a real network: what a client sends before that leaves only then. Prints ``ready PORT``.
"""

import asyncio
import sys
from typing import override

_APART = 1e-6
"""Seconds between two deliveries, so that timers of the same time cannot change places."""


class _End(asyncio.Protocol):
    """One end: what comes in here goes out at the other end, later."""

    def __init__(self, half: float, opened_at: float) -> None:
        self._half = half
        self._sent_at = opened_at  # the last bytes; nothing overtakes them, and nothing leaves earlier
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes | None] = []  # arrived before this end was connected; None: the end of it
        self.other: _End | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        for data in self._early:
            self.deliver(data)

    @override
    def data_received(self, data: bytes) -> None:
        self._send(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._send(None)

    def _send(self, data: bytes | None) -> None:
        assert self.other is not None
        loop = asyncio.get_running_loop()
        self._sent_at = max(loop.time(), self._sent_at + _APART)
        loop.call_at(self._sent_at + self._half, self.other.deliver, data)

    def deliver(self, data: bytes | None) -> None:
        """Hand bytes on, or close when there are no more."""
        if self._transport is None:
            self._early.append(data)
        elif data is None:
            self._transport.close()
        else:
            self._transport.write(data)


class _Accepted(_End):
    """The client's end; it opens the other one."""

    def __init__(self, port: int, half: float) -> None:
        super().__init__(half, asyncio.get_running_loop().time() + 2 * half)
        self._port = port
        self._opening: asyncio.Task[None] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.other = _End(self._half, self._sent_at)
        self.other.other = self
        super().connection_made(transport)
        self._opening = asyncio.get_running_loop().create_task(self._open(self.other))

    async def _open(self, other: _End) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: other, "127.0.0.1", self._port)
        except OSError:
            self.deliver(None)


async def main(port: int, milliseconds: float) -> None:
    """Forward until ended."""
    half = milliseconds / 2000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Accepted(port, half), "127.0.0.1", 0, backlog=4096)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
