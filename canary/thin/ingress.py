"""The server of the thin ingress: it listens, keeps its connections in bounds, and is drained."""

import asyncio
import logging
import socket
from collections.abc import Callable
from time import monotonic

from canary.gateway.ingress import BACKLOG, Handler, cannot_listen, drained, most_connections
from canary.thin.connection import Connection

log = logging.getLogger(__name__)

SWEEP = 5.0
"""Seconds between two looks at which clients take too long."""


class ThinIngress:
    """Answers clients that call the harness by its own address.

    Args:
        handle: the gateway.
        inherited: a socket that listens already, in place of the address.
        most: connections at most; those above it are closed before a request is read. As many as this process
            can afford by default.
        sweep: seconds between two looks at which clients take too long.
    """

    def __init__(
        self,
        host: str,
        port: int,
        handle: Handler,
        inherited: socket.socket | None = None,
        most: int | None = None,
        sweep: float = SWEEP,
    ) -> None:
        self._host = host
        self._port = port
        self._handle = handle
        self._inherited = inherited
        self._most = most or most_connections()
        self._sweep = sweep
        self._open: set[Connection] = set()
        self._closing = False
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen for clients.

        Raises:
            IngressError: the address cannot be listened on.
        """
        try:
            self._server = await self._listening()
        except OSError as error:
            raise cannot_listen(self._host, self._port, error) from error
        self._sweeping = asyncio.create_task(self._tire(), name="thin ingress")

    async def _listening(self) -> asyncio.Server:
        listen = asyncio.get_running_loop().create_server
        if self._inherited is not None:
            return await listen(self._connection, sock=self._inherited, backlog=BACKLOG)
        return await listen(self._connection, self._host, self._port, backlog=BACKLOG)

    def _connection(self) -> Connection:
        return Connection(self._handle, lambda: self._closing, self._opened, self._open.discard)

    def _opened(self, connection: Connection) -> None:
        if len(self._open) >= self._most:
            log.warning("a client was turned away: %d connections are open", self._most)
            connection.transport.abort()
            return
        self._open.add(connection)

    async def _tire(self) -> None:
        while True:
            await asyncio.sleep(self._sweep)
            for connection in [*self._open]:
                connection.tire(monotonic())

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that clients reach."""
        assert self._server is not None, "it is not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._open)

    async def drain(self, in_flight: Callable[[], int], deadline: float) -> bool:
        """Take no new connection and wait, at most ``deadline`` seconds, until every answer is on the wire.

        Args:
            in_flight: how many calls are being answered.

        Returns:
            Whether all were answered in time.
        """
        self._closing = True
        if self._server is None:
            return True
        self._server.close()
        return await drained(in_flight, [one.transport for one in self._open], deadline)

    async def stop(self) -> None:
        """End; connections still open are cut."""
        if self._server is None or self._sweeping is None:
            return
        self._server.close()
        self._sweeping.cancel()
        for connection in [*self._open]:
            connection.transport.close()
        await asyncio.sleep(0)  # the connections learn of their end
