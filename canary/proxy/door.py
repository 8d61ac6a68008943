"""Keeps clients in bounds before mitmproxy sees them: how many may be connected, and how long each may take."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from time import monotonic

log = logging.getLogger(__name__)

SLOW = 60.0
"""Seconds that a client may take to send one request, or to take what it was sent."""

SWEEP = 5.0
"""Seconds between two looks at which clients take too long."""

type Peer = tuple[str, int]
type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class _Client:
    """One connection. ``since``: when what is awaited from it began, ``None`` while nothing is."""

    transport: asyncio.WriteTransport
    since: float | None = None
    asked: int = 0  # requests that are being answered
    unread: int = 0  # bytes of answers that it had not taken at the last look

    def is_slow(self, now: float) -> bool:
        """Whether its turn has lasted too long."""
        unread, before = self.transport.get_write_buffer_size(), self.unread
        self.unread = unread
        if unread and unread >= before > 0:
            self.since = self.since or now
        elif self.asked or before:
            self.since = None
        return self.since is not None and now - self.since > SLOW


class Door:
    """Admits connections.

    Args:
        most: connections at most; those above it are closed before a request is read.
        patient: whether clients may take as long as they like: where connections are tunnels to other hosts, a quiet
            one is nothing unusual.
    """

    def __init__(self, most: int, *, patient: bool) -> None:
        self._most = most
        self._patient = patient
        self._clients: dict[Peer, _Client] = {}

    def before(self, serve: Serve) -> Serve:
        """What accepts connections for ``serve``."""

        async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("peername")
            if len(self._clients) >= self._most or peer is None:  # without a peer it has gone already
                log.warning("a client was turned away: %d connections are open", len(self._clients))
                writer.transport.abort()
                return
            client = self._clients[peer[:2]] = _Client(writer.transport, monotonic())
            _overhear(reader, client)
            try:
                await serve(reader, writer)
            finally:
                del self._clients[peer[:2]]

        return admit

    @contextlib.contextmanager
    def turn(self, peer: Peer | None) -> Iterator[None]:
        """While a whole request of a client is answered, it is not the client who is waited for."""
        client = self._clients.get(peer[:2]) if peer else None
        if client is None:
            yield
            return
        client.asked += 1
        try:
            yield
        finally:
            client.asked -= 1
            client.since = None

    async def watch(self) -> None:
        """Cut connections of slow clients, until cancelled."""
        while not self._patient:
            await asyncio.sleep(SWEEP)
            now = monotonic()
            for peer, client in [*self._clients.items()]:
                if client.is_slow(now):
                    log.info(
                        "the connection of %s was cut: it was waited for longer than %g s", peer[0], SLOW
                    )
                    client.transport.abort()


def _overhear(reader: asyncio.StreamReader, client: _Client) -> None:
    """Note when the first bytes of a request come."""
    feed = reader.feed_data

    def feed_data(data: bytes) -> None:
        if client.since is None and not client.asked:
            client.since = monotonic()
        feed(data)

    reader.feed_data = feed_data  # type: ignore[method-assign, assignment]
