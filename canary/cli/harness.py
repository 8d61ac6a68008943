"""The composition root: proxy, controller and admin server in one process, wired in one visible place."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time

from canary.cli.errors import UsageError
from canary.control.begin import begin
from canary.control.controller import Controller
from canary.control.operator import Operator
from canary.gateway.config import Loaded, Secrets
from canary.gateway.service import GatewayService
from canary.proxy.ingress import Ingress, IngressError, Listen
from canary.store.store import Store
from canary.web.admin import Admin, AdminError

log = logging.getLogger(__name__)

DRAIN = 35.0
"""Seconds that a stop waits for calls in flight; above the default timeout of an arm."""


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

    ``token`` opens the admin API. ``confdir`` holds mitmproxy's CA (regular mode).
    """

    listen: Address
    admin: Address
    state: str | Path
    token: str
    actor: str = "canary run"
    accept_changes: bool = False
    confdir: Path | None = None


class Harness:
    """Everything that ``canary run`` runs."""

    def __init__(
        self, loaded: Loaded, secrets: Secrets, settings: Settings, clock: Callable[[], float] = time
    ) -> None:
        policy = loaded.policy
        self.store = Store(settings.state)
        rollout = begin(
            self.store,
            policy,
            now=clock(),
            actor=settings.actor,
            accept_changes=settings.accept_changes,
        )
        self.service = GatewayService(loaded, secrets, self.store, rollout, clock)
        self.ingress = Ingress(
            Listen(settings.listen.host, settings.listen.port, policy.intercept, settings.confdir),
            self.service.gateway.handle,
        )
        self.controller = Controller(self.store, policy, clock)
        self.admin = Admin(
            self.store,
            policy.name,
            act=Operator.of_store(self.store, policy.name, clock).act,
            token=settings.token,
            host=settings.admin.host,
            port=settings.admin.port,
            service=self.service,
            clock=clock,
        )
        self._controlling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve. The controller's first tick is seen before the first client is.

        Raises:
            UsageError: an address cannot be listened on, or a CA file cannot be read.
            StoreError: the store cannot be read.
        """
        try:
            await self.service.start()
            self._controlling = asyncio.create_task(self.controller.run(), name="controller")
            await asyncio.to_thread(self.controller.tick)
            await self.service.view.refresh()
            await self.admin.start()
            await self.ingress.start()
        except (IngressError, AdminError, OSError) as error:
            await self.stop()
            raise UsageError(str(error)) from error

    @property
    def ready_line(self) -> str:
        """What ``canary run`` prints when it serves."""
        rollout = self.service.view.rollout
        proxy, admin = Address(*self.ingress.address), Address(*self.admin.address)
        return f"ready proxy={proxy} admin={admin} stage={rollout.stage} weight={rollout.weight * 100:g}%"

    async def stop(self) -> None:
        """Finish what is in flight, write what is left, and close everything."""
        if not await self.ingress.drain(lambda: self.service.gateway.in_flight, DRAIN):
            log.warning("calls were still in flight after %g s", DRAIN)
        await self.ingress.stop()
        if self._controlling is not None:
            self._controlling.cancel()
            await asyncio.gather(self._controlling, return_exceptions=True)
        await self.service.stop()
        await self.admin.stop()
        self.store.close()
