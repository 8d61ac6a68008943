"""Store, gateway and controller of one process: everything behind an ingress, wired in one visible place."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import time

from canary.control.begin import begin
from canary.control.controller import Controller
from canary.gateway.config import Loaded, Secrets
from canary.gateway.service import GatewayService
from canary.store.store import Store


class Backstage:
    """What answers calls and watches over the rollout.

    Args:
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        loaded: Loaded,
        secrets: Secrets,
        state: str | Path,
        *,
        actor: str,
        accept_changes: bool = False,
        clock: Callable[[], float] = time,
    ) -> None:
        policy = loaded.policy
        self.store = Store(state)
        rollout = begin(self.store, policy, now=clock(), actor=actor, accept_changes=accept_changes)
        self.service = GatewayService(loaded, secrets, self.store, rollout, clock)
        self.controller = Controller(self.store, policy, loaded.profiles, clock)
        self._controlling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Get ready to answer. The controller's first tick is seen before the first client is.

        Raises:
            StoreError: the store cannot be read.
            OSError: a CA file cannot be read.
        """
        await self.service.start()
        await asyncio.to_thread(self.controller.tick)
        await self.service.view.refresh()
        self._controlling = asyncio.create_task(self.controller.run(), name="controller")

    async def stop(self) -> None:
        """Write what is left and close everything. Call it when nothing is in flight."""
        if self._controlling is not None:
            self._controlling.cancel()
            await asyncio.gather(self._controlling, return_exceptions=True)
        await self.service.stop()
        self.store.close()
