"""What ``canary run`` and ``canary proxy`` are made of: a front that answers clients, and an admin server."""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import time

from canary.cli.backstage import Backstage, ControlRoom
from canary.cli.doors import ingress_of
from canary.cli.errors import UsageError
from canary.cli.webhooks import WebhookRoom
from canary.control.acknowledge import acknowledge
from canary.control.operator import Operator
from canary.core.model import Rollout
from canary.core.policy.notation import show_share
from canary.gateway.config import Loaded, Secrets, WebhookSecrets
from canary.gateway.ingress import Handler, IngressError
from canary.proxy.flowfile import FlowFileError, Recorder
from canary.proxy.ingress import Listen
from canary.store.store import Store
from canary.web.admin import Admin, AdminError
from canary.web.operations import Hands
from canary.web.process import OneProxy, Proxies
from canary.web.receiver import ReceiverError

log = logging.getLogger(__name__)

DRAIN = 35.0
"""Seconds that a stop waits for calls in flight; above the default timeout of an arm."""


THREADS = 64
"""Threads at most: where a store hangs, names of arms must still be looked up, which takes one too."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one harness is run.

    ``token`` opens the admin API, ``gate_token`` its gate alone. ``control``: with the controller, or as a proxy
    beside one that runs elsewhere.
    ``ingress``: the kind that answers clients; ``confdir`` holds mitmproxy's CA (regular mode).
    ``record``: where calls are written down for ``canary replay``. ``workers``: processes that answer clients.
    """

    listen: Address
    admin: Address
    state: str | Path
    token: str
    gate_token: str = ""
    actor: str = "canary run"
    control: bool = True
    accept_changes: bool = False
    ingress: str = "mitmproxy"
    confdir: Path | None = None
    record: Path | None = None
    webhooks: WebhookSecrets = field(default_factory=WebhookSecrets)
    workers: int = 1
    log_level: str = "info"


class Front:
    """What answers clients in one process: backstage, the ingress before it, and the receiver of webhooks.

    Args:
        control: whether the controller works in this process too.
        inherited: a socket that listens already, in place of the address.
    """

    def __init__(
        self,
        loaded: Loaded,
        secrets: Secrets,
        settings: Settings,
        *,
        control: bool,
        inherited: socket.socket | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        policy, listen = loaded.policy, settings.listen
        self.backstage = Backstage(
            loaded,
            secrets,
            settings.state,
            actor=settings.actor,
            control=control,
            accept_changes=settings.accept_changes,
            workers=settings.workers,
            clock=clock,
        )
        store, self.service = self.backstage.store, self.backstage.service
        handle = self.service.gateway.handle
        self._recorder = recorder_of(settings.record, handle) if settings.record else None
        self.ingress = ingress_of(
            settings.ingress,
            Listen(listen.host, listen.port, policy.hosts, settings.confdir, inherited),
            self._recorder.handle if self._recorder else handle,
        )
        self.webhooks = (
            WebhookRoom(
                loaded,
                policy.webhooks,
                settings.webhooks,
                store,
                self.service,
                clock,
                reuse_port=settings.workers > 1,
            )
            if policy.webhooks
            else None
        )

    async def start(self) -> None:
        """Answer clients.

        Raises:
            UsageError: an address cannot be listened on, or a CA file cannot be read.
            StoreError: the store cannot be read.
        """
        threads = ThreadPoolExecutor(THREADS, "front")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            await self.backstage.start()
            await self.ingress.start()
            if self.webhooks is not None:
                await self.webhooks.start()
        except (IngressError, ReceiverError, OSError) as error:
            raise UsageError(str(error)) from error

    async def drain(self) -> None:
        """Finish what is in flight, and take nothing more."""
        if self.webhooks is not None:
            await self.webhooks.stop()
        if not await self.ingress.drain(lambda: self.service.gateway.in_flight, DRAIN):
            log.warning("calls were still in flight after %g s", DRAIN)
        await self.ingress.stop()
        if self._recorder is not None:
            self._recorder.close()

    async def close(self) -> None:
        """Write what is left and close everything, when nothing is in flight any more."""
        await self.backstage.stop()


def admin_server(
    store: Store,
    name: str,
    settings: Settings,
    proxies: Proxies,
    control: ControlRoom | None,
    clock: Callable[[], float],
) -> Admin:
    """The admin server beside what answers clients."""
    return Admin(
        store,
        name,
        Hands(Operator.of_store(store, name, clock).act, partial(acknowledge, store, name, clock=clock)),
        token=settings.token,
        gate_token=settings.gate_token,
        host=settings.admin.host,
        port=settings.admin.port,
        proxies=proxies,
        leads=(lambda: control.leads) if control else None,
        clock=clock,
    )


def ready_line(proxy: Address, admin: Address, rollout: Rollout, webhooks: Address | None) -> str:
    """What is printed when everything serves."""
    line = f"ready proxy={proxy} admin={admin} stage={rollout.stage} weight={show_share(rollout.weight)}"
    return f"{line} webhooks={webhooks}" if webhooks else line


class Harness:
    """One process that answers clients."""

    def __init__(
        self, loaded: Loaded, secrets: Secrets, settings: Settings, clock: Callable[[], float] = time
    ) -> None:
        self.front = Front(loaded, secrets, settings, control=settings.control, clock=clock)
        backstage, proxy = self.front.backstage, OneProxy(self.front.service)
        self.admin = admin_server(
            backstage.store, loaded.policy.name, settings, proxy, backstage.control, clock
        )

    async def start(self) -> None:
        """Serve.

        Raises:
            UsageError: an address cannot be listened on, or a CA file cannot be read.
            StoreError: the store cannot be read.
        """
        try:
            await self.admin.start()
            await self.front.start()
        except Exception as error:
            await self.stop()
            if isinstance(error, AdminError):
                raise UsageError(str(error)) from error
            raise

    @property
    def ready_line(self) -> str:
        """What is printed when it serves."""
        webhooks = self.front.webhooks
        return ready_line(
            Address(*self.front.ingress.address),
            Address(*self.admin.address),
            self.front.service.view.rollout,
            Address(*webhooks.address) if webhooks else None,
        )

    async def stop(self) -> None:
        """Finish what is in flight, write what is left, and close everything."""
        await self.front.drain()
        await self.admin.stop()
        await self.front.close()


def recorder_of(path: Path, handle: Handler) -> Recorder:
    """What answers by ``handle`` and writes calls down.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        return Recorder(path, handle)
    except FlowFileError as error:
        raise UsageError(str(error)) from None
