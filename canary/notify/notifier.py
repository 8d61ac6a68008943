"""Follows the log of decisions and hands each new one to the couriers."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from canary.notify.courier import Courier
from canary.notify.message import TOLD, Message, message
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at the store."""


class Notifier:
    """Tells of every decision from its start on, whoever made it: controller, dashboard or command line.

    It reads the store on its own, so that a tick never waits for it. Without couriers it does nothing.

    Args:
        speaks: whether it is this one that tells, where several processes follow the same log.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        couriers: Sequence[Courier],
        speaks: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._name = name
        self._couriers = couriers
        self._speaks = speaks
        self._revision = -1
        self._known = 0
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the log from here on.

        Raises:
            StoreError: the store cannot be read.
        """
        if not self._couriers:
            return
        self._known = len(await asyncio.to_thread(self._store.decisions, self._name))
        for courier in self._couriers:
            courier.start()
        self._following = asyncio.create_task(self._follow(), name="notifier")

    async def stop(self) -> None:
        """Tell of what is new, and end; harmless when it was never started."""
        if self._following is None:
            return
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        await self._look()
        await asyncio.gather(*(courier.stop() for courier in self._couriers))

    async def _follow(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(EVERY)

    async def _look(self) -> None:
        try:
            fresh = await asyncio.to_thread(self._fresh)
        except StoreError as error:
            log.debug("notify: the log could not be read: %s", error)
            return
        for told in fresh if self._speaks() else ():
            for courier in self._couriers:
                courier.take(told)

    def _fresh(self) -> list[Message]:
        """What was decided since the last look; the log is read only when the rollout has changed."""
        rollout = self._store.rollout(self._name)
        if rollout is None or rollout.revision == self._revision:
            return []
        self._revision = rollout.revision
        decisions = self._store.decisions(self._name)
        fresh, self._known = decisions[self._known :], len(decisions)
        return [message(self._name, decision) for decision in fresh if decision.event in TOLD]
