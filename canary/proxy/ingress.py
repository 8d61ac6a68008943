"""The embedded mitmproxy: a Master with only the addons that answering calls needs, started and drained."""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy import certs, master, options
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.options import CONF_BASENAME, CONF_DIR, KEY_SIZE
from mitmproxy.proxy import mode_servers, server

from canary.gateway.ingress import (
    BACKLOG,
    MAX_REQUEST_BODY,
    Handler,
    IngressError,
    cannot_listen,
    drained,
    most_connections,
    words_of,
)
from canary.proxy.addon import GatewayAddon
from canary.proxy.dispatch import CachedAddonManager, addon_manager
from canary.proxy.door import Door, Serve
from canary.proxy.secrets import Redaction
from canary.proxy.unheard import skip_unheard

log = logging.getLogger(__name__)

# Nothing listens there. mitmproxy opens no upstream connection of its own; should a flow ever get past the
# addon, it must fail rather than reach a provider with the client's key and no lease recorded.
NOWHERE = "reverse:http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where and how clients reach the ingress.

    ``intercept`` is empty in reverse mode (clients changed their base URL); in regular mode it names the
    hosts whose traffic is answered, everything else passes untouched. ``confdir`` holds mitmproxy's CA.
    ``inherited``: a socket that listens already, in place of the address.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    intercept: tuple[str, ...] = ()
    confdir: Path | None = None
    inherited: socket.socket | None = None

    @property
    def mode(self) -> str:
        return "regular" if self.intercept else NOWHERE

    @property
    def has_tls(self) -> bool:
        """Whether clients may speak TLS to the ingress; a plain reverse proxy needs no CA in anyone's home."""
        return bool(self.intercept) or self.confdir is not None


class Ingress:
    """One embedded mitmproxy in the running event loop.

    Args:
        most: connections at most; by default as many as this process can afford.
    """

    def __init__(self, listen: Listen, handle: Handler, most: int | None = None) -> None:
        self._listen = listen
        self._door = Door(most or most_connections(), patient=bool(listen.intercept))
        self._addon = GatewayAddon(handle, listen.intercept, self._door.turn)
        self._master: master.Master | None = None
        self._proxyserver = proxyserver.Proxyserver()
        self._server: asyncio.Server | None = None
        self._running: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._redaction = Redaction()

    async def start(self) -> None:
        """Listen for clients.

        Raises:
            IngressError: the address cannot be listened on.
        """
        check_ca(self._listen)
        self._redaction.install(logging.getLogger(server.__name__))
        with _level_kept(logging.getLogger()):  # a master turns the root logger up to DEBUG
            self._master = _build(self._listen, self._proxyserver, self._addon)
        self._running = asyncio.create_task(self._master.run(), name="mitmproxy")
        mode: mode_servers.ServerInstance[Any]
        mode = mode_servers.ServerInstance.make(self._listen.mode, self._proxyserver)
        if isinstance(addons := self._master.addons, CachedAddonManager):
            skip_unheard(mode, addons.hears)
        try:
            self._server = await self._listening(self._door.before(mode.handle_stream))
        except OSError as error:
            raise cannot_listen(self._listen.host, self._listen.port, error) from error
        self._watching = asyncio.create_task(self._door.watch(), name="door")

    async def _listening(self, accept: Serve) -> asyncio.Server:
        listen = self._listen
        if listen.inherited is not None:
            return await asyncio.start_server(accept, sock=listen.inherited, backlog=BACKLOG)
        return await asyncio.start_server(accept, listen.host, listen.port, backlog=BACKLOG)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that clients reach."""
        assert self._server is not None, "the ingress is not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._proxyserver.connections)

    async def drain(self, in_flight: Callable[[], int], deadline: float) -> bool:
        """Take no new connection and wait, at most ``deadline`` seconds, until every answer is on the wire.

        Args:
            in_flight: how many calls are being answered.

        Returns:
            Whether all were answered in time.
        """
        self._addon.closing = True
        if self._server is None:
            return True
        self._server.close()
        return await drained(in_flight, self._sockets(), deadline)

    def _sockets(self) -> list[asyncio.WriteTransport]:
        """The clients' connections; one that mitmproxy has closed and forgotten may still have bytes to send."""
        ends = [io for one in self._proxyserver.connections.values() for io in one.transports.values()]
        return [io.writer.transport for io in ends if isinstance(io.writer, asyncio.StreamWriter)]

    async def stop(self) -> None:
        """End the master; connections still open are cut."""
        self._redaction.uninstall()
        if self._watching is not None:
            self._watching.cancel()
        if self._master is None or self._running is None:
            return
        self._master.shutdown()
        await asyncio.wait([self._running], timeout=5)


@contextlib.contextmanager
def _level_kept(logger: logging.Logger) -> Iterator[logging.Logger]:
    """Undo what happens to a logger's level."""
    level = logger.level
    try:
        yield logger
    finally:
        logger.setLevel(level)


def check_ca(listen: Listen) -> None:
    """Make the CA where mitmproxy will look for it, so that a folder that cannot hold it is known now.

    Raises:
        IngressError: the folder cannot hold it.
    """
    if not listen.has_tls:
        return
    folder = listen.confdir or Path(CONF_DIR)
    try:
        certs.CertStore.from_store(folder.expanduser(), CONF_BASENAME, KEY_SIZE)
    except (OSError, ValueError) as error:
        raise IngressError(
            f"mitmproxy's CA cannot be kept in {folder}: {words_of(error)}; choose another folder with --confdir"
        ) from error


def _build(listen: Listen, listener: proxyserver.Proxyserver, ours: GatewayAddon) -> master.Master:
    opts = options.Options(
        mode=[listen.mode],
        server=False,  # clients are accepted here: the socket may be one that other processes listen at too
        allow_hosts=_allow(listen.intercept),
    )
    if listen.confdir is not None:
        opts.update(confdir=str(listen.confdir))
    result = master.Master(opts)
    result.addons = addon_manager(result)
    result.addons.add(
        core.Core(),
        listener,
        next_layer.NextLayer(),
        disable_h2c.DisableH2C(),
        *([tlsconfig.TlsConfig()] if listen.has_tls else []),
        ours,
    )
    # only now do these options exist
    opts.update(connection_strategy="lazy", body_size_limit=str(MAX_REQUEST_BODY), keep_host_header=True)
    return result


def _allow(intercept: Sequence[str]) -> list[str]:
    """mitmproxy's allow_hosts: what matches none is passed through without a look inside."""
    return [rf"^(.+\.)?{re.escape(host)}(:\d+)?$" for host in intercept]
