"""The embedded mitmproxy: a Master with only the addons that answering calls needs, started and drained."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mitmproxy import master, options
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig

from canary.proxy.addon import GatewayAddon, Handler
from canary.proxy.dispatch import addon_manager

log = logging.getLogger(__name__)

# Nothing listens there. mitmproxy opens no upstream connection of its own; should a flow ever get past the
# addon, it must fail rather than reach a provider with the client's key and no lease recorded.
NOWHERE = "reverse:http://127.0.0.1:9"

MAX_REQUEST_BODY = "8m"


class IngressError(Exception):
    """The ingress could not be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where and how clients reach the ingress.

    ``intercept`` is empty in reverse mode (clients changed their base URL); in regular mode it names the
    hosts whose traffic is answered, everything else passes untouched. ``confdir`` holds mitmproxy's CA.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    intercept: tuple[str, ...] = ()
    confdir: Path | None = None

    @property
    def mode(self) -> str:
        return "regular" if self.intercept else NOWHERE


class Ingress:
    """One embedded mitmproxy in the running event loop."""

    def __init__(self, listen: Listen, handle: Handler) -> None:
        self._listen = listen
        self._addon = GatewayAddon(handle, listen.intercept)
        self._master: master.Master | None = None
        self._proxyserver = proxyserver.Proxyserver()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen for clients.

        Raises:
            IngressError: the address cannot be listened on.
        """
        root_level = logging.getLogger().level
        self._master = _build(self._listen, self._proxyserver, self._addon)
        logging.getLogger().setLevel(root_level)  # the master turns the root logger up to DEBUG
        self._running = asyncio.create_task(self._master.run(), name="mitmproxy")
        while not self._proxyserver.listen_addrs():
            self._raise_if_failed()
            await asyncio.sleep(0.01)

    def _raise_if_failed(self) -> None:
        assert self._running is not None
        failed = [s.last_exception for s in self._proxyserver.servers if s.last_exception]
        if failed or self._running.done():
            where = f"{self._listen.host}:{self._listen.port}"
            why = failed[0] if failed else "it stopped at once"
            raise IngressError(f"cannot listen on {where}: {why}; choose another address with --listen")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that clients reach."""
        host, port = self._proxyserver.listen_addrs()[0][:2]
        return host, port

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._proxyserver.connections)

    async def drain(self, in_flight: Callable[[], int], deadline: float) -> bool:
        """Take no new connection and wait, at most ``deadline`` seconds, until nothing is in flight."""
        self._addon.closing = True
        await self._proxyserver.servers.update([])
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        while in_flight() and loop.time() < until:  # noqa: ASYNC110  it is a count, not an event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # the last answers are on their way to their sockets
        return not in_flight()

    async def stop(self) -> None:
        """End the master; connections still open are cut."""
        if self._master is None or self._running is None:
            return
        self._master.shutdown()
        await asyncio.wait([self._running], timeout=5)


def _build(listen: Listen, server: proxyserver.Proxyserver, ours: GatewayAddon) -> master.Master:
    opts = options.Options(
        mode=[listen.mode],
        listen_host=listen.host,
        listen_port=listen.port,
        allow_hosts=_allow(listen.intercept),
    )
    if listen.confdir is not None:
        opts.update(confdir=str(listen.confdir))
    result = master.Master(opts)
    result.addons = addon_manager(result)
    result.addons.add(
        core.Core(),
        server,
        next_layer.NextLayer(),
        disable_h2c.DisableH2C(),
        tlsconfig.TlsConfig(),
        ours,
    )
    # only now do these options exist
    opts.update(connection_strategy="lazy", body_size_limit=MAX_REQUEST_BODY)
    return result


def _allow(intercept: Sequence[str]) -> list[str]:
    """mitmproxy's allow_hosts: what matches none is passed through without a look inside."""
    return [rf"^(.+\.)?{re.escape(host)}(:\d+)?$" for host in intercept]
