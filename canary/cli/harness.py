"""What ``canary run`` and ``canary proxy`` are made of: backstage, ingress and admin server in one process."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from canary.cli.backstage import Backstage
from canary.cli.doors import ingress_of
from canary.cli.errors import UsageError
from canary.cli.webhooks import WebhookRoom
from canary.control.operator import Operator
from canary.core.policy.notation import show_share
from canary.gateway.config import Loaded, Secrets, WebhookSecrets
from canary.gateway.ingress import Handler, IngressError
from canary.proxy.flowfile import FlowFileError, Recorder
from canary.proxy.ingress import Listen
from canary.web.admin import Admin, AdminError
from canary.web.process import OneProxy
from canary.web.receiver import ReceiverError

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

    ``token`` opens the admin API, ``gate_token`` its gate alone. ``control``: with the controller, or as a proxy
    beside one that runs elsewhere.
    ``ingress``: the kind that answers clients; ``confdir`` holds mitmproxy's CA (regular mode).
    ``record``: where calls are written down for ``canary replay``.
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


class Harness:
    """One process that answers clients."""

    def __init__(
        self, loaded: Loaded, secrets: Secrets, settings: Settings, clock: Callable[[], float] = time
    ) -> None:
        policy = loaded.policy
        self.backstage = Backstage(
            loaded,
            secrets,
            settings.state,
            actor=settings.actor,
            control=settings.control,
            accept_changes=settings.accept_changes,
            clock=clock,
        )
        self.service = self.backstage.service
        self._recorder = _recorder(settings.record, self.service.gateway.handle)
        self.ingress = ingress_of(
            settings.ingress,
            Listen(settings.listen.host, settings.listen.port, policy.hosts, settings.confdir),
            self._recorder.handle if self._recorder else self.service.gateway.handle,
        )
        store = self.backstage.store
        self.admin = Admin(
            store,
            policy.name,
            act=Operator.of_store(store, policy.name, clock).act,
            token=settings.token,
            gate_token=settings.gate_token,
            host=settings.admin.host,
            port=settings.admin.port,
            proxies=OneProxy(self.service),
            clock=clock,
        )
        self.webhooks = (
            WebhookRoom(loaded, policy.webhooks, settings.webhooks, store, self.service, clock)
            if policy.webhooks
            else None
        )

    async def start(self) -> None:
        """Serve.

        Raises:
            UsageError: an address cannot be listened on, or a CA file cannot be read.
            StoreError: the store cannot be read.
        """
        try:
            await self.backstage.start()
            await self.admin.start()
            await self.ingress.start()
            if self.webhooks is not None:
                await self.webhooks.start()
        except (IngressError, AdminError, ReceiverError, OSError) as error:
            await self.stop()
            raise UsageError(str(error)) from error

    @property
    def ready_line(self) -> str:
        """What is printed when it serves."""
        rollout = self.service.view.rollout
        proxy, admin = Address(*self.ingress.address), Address(*self.admin.address)
        ready = f"ready proxy={proxy} admin={admin} stage={rollout.stage} weight={show_share(rollout.weight)}"
        return f"{ready} webhooks={Address(*self.webhooks.address)}" if self.webhooks else ready

    async def stop(self) -> None:
        """Finish what is in flight, write what is left, and close everything."""
        if self.webhooks is not None:
            await self.webhooks.stop()
        if not await self.ingress.drain(lambda: self.service.gateway.in_flight, DRAIN):
            log.warning("calls were still in flight after %g s", DRAIN)
        await self.ingress.stop()
        if self._recorder is not None:
            self._recorder.close()
        await self.admin.stop()
        await self.backstage.stop()


def _recorder(path: Path | None, handle: Handler) -> Recorder | None:
    if path is None:
        return None
    try:
        return Recorder(path, handle)
    except FlowFileError as error:
        raise UsageError(str(error)) from None
