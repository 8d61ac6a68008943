"""Follows the log of decisions and hands each new one to the couriers."""

import asyncio
import logging
from collections.abc import Sequence

from canary.notify.courier import Courier
from canary.notify.message import TOLD, Message, message
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks at the store."""


class Notifier:
    """Tells of every decision, whoever made it: controller, dashboard or command line.

    It reads the store on its own, so that a tick never waits for it. Several may follow one log: each decision is
    told by the one that claims it. What was decided while nobody followed is told when somebody follows again; of a
    rollout that was never followed, nothing from before. Without couriers it does nothing.
    """

    def __init__(self, store: Store, name: str, couriers: Sequence[Courier]) -> None:
        self._store = store
        self._name = name
        self._couriers = couriers
        self._revision = -1
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Follow the log.

        Raises:
            StoreError: the store cannot be read or written.
        """
        if not self._couriers:
            return
        missed = await asyncio.to_thread(self._fresh)
        for courier in self._couriers:
            courier.start()
        self._tell(missed)
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
            self._tell(await asyncio.to_thread(self._fresh))
        except StoreError as error:
            log.debug("notify: the log could not be read: %s", error)

    def _tell(self, fresh: Sequence[Message]) -> None:
        for told in fresh:
            for courier in self._couriers:
                courier.take(told)

    def _fresh(self) -> list[Message]:
        """What nobody was told of yet; the log is asked only when the rollout has changed."""
        rollout = self._store.rollout(self._name)
        if rollout is None or rollout.revision == self._revision:
            return []
        fresh = self._store.claim_news(self._name, TOLD)
        self._revision = rollout.revision
        return [message(self._name, decision) for decision in fresh]
