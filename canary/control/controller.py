"""The controller: one tick after another, each leaving a sign of life that proxies rely on."""

import asyncio
import logging
from collections.abc import Callable

from canary.core.policy.model import Policy
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)


class Controller:
    """Judges one rollout.

    Args:
        clock: wall-clock seconds.
    """

    def __init__(self, store: Store, policy: Policy, clock: Callable[[], float]) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    def tick(self) -> None:
        """One look at the rollout.

        Raises:
            StoreError: the store cannot be read or written; nothing was decided.
        """
        self._store.beat(self._policy.name, self._clock())

    async def run(self) -> None:
        """Tick until cancelled; a tick that the store refused is tried again at the next."""
        while True:
            try:
                await asyncio.to_thread(self.tick)
            except StoreError as error:
                log.warning("a tick was skipped: %s", error)
            await asyncio.sleep(self._policy.judging.tick)
