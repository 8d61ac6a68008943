"""Store, gateway and controller of one process: everything behind an ingress, wired in one visible place."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import time

from canary.control.begin import begin
from canary.control.controller import Controller
from canary.control.housekeeping import Housekeeping
from canary.gateway.config import Loaded, Secrets, notify_addresses
from canary.gateway.service import GatewayService
from canary.notify.addresses import couriers
from canary.notify.notifier import Notifier
from canary.store.store import Store


class ControlRoom:
    """The controller at work, and beside it what tells people of decisions and what prunes the store.

    Args:
        clock: wall-clock seconds.

    Raises:
        PolicyError: an address of the policy's ``notify`` cannot be read or reached.
    """

    def __init__(self, store: Store, loaded: Loaded, clock: Callable[[], float]) -> None:
        self._controller = Controller(store, loaded.policy, loaded.profiles, clock)
        self._notifier = Notifier(store, loaded.policy.name, couriers(notify_addresses(loaded)))
        self._housekeeping = Housekeeping(
            store, loaded.policy.name, loaded.policy.retention, clock, lambda: self.leads
        )
        self._running: list[asyncio.Task[None]] = []

    @property
    def leads(self) -> bool:
        """Whether this controller ticks; otherwise it stands by."""
        return self._controller.leads

    async def start(self) -> None:
        """Make the first tick, and go on ticking; or stand by while another controller leads.

        Raises:
            StoreError: the store cannot be read.
        """
        await self._notifier.start()
        await asyncio.to_thread(self._controller.lead)
        self._running = [
            asyncio.create_task(self._controller.run(), name="controller"),
            asyncio.create_task(self._housekeeping.run(), name="housekeeping"),
        ]

    async def stop(self) -> None:
        """Make no further tick; harmless when it was never started."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._notifier.stop()
        await asyncio.to_thread(self._controller.resign)


class Backstage:
    """What answers calls and, unless a controller runs elsewhere, watches over the rollout.

    Args:
        control: whether this process has the controller too.
        workers: processes that answer on one port; each keeps to its share of the arms' limits.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        loaded: Loaded,
        secrets: Secrets,
        state: str | Path,
        *,
        actor: str,
        control: bool = True,
        accept_changes: bool = False,
        workers: int = 1,
        clock: Callable[[], float] = time,
    ) -> None:
        self.store = Store(state, shared=workers > 1)
        rollout = begin(self.store, loaded.policy, now=clock(), actor=actor, accept_changes=accept_changes)
        self.service = GatewayService(loaded, secrets, self.store, rollout, clock, workers)
        self.control = ControlRoom(self.store, loaded, clock) if control else None

    async def start(self) -> None:
        """Get ready to answer. The controller's first tick is seen before the first client is.

        Raises:
            StoreError: the store cannot be read.
            OSError: a CA file cannot be read.
        """
        await self.service.start()
        if self.control is not None:
            await self.control.start()
            await self.service.view.refresh()

    async def stop(self) -> None:
        """Write what is left and close everything. Call it when nothing is in flight."""
        if self.control is not None:
            await self.control.stop()
        await self.service.stop()
        self.store.close()
