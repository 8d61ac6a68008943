"""Housekeeping: once in a while old rows go, a few at a time, so that no client's purchase waits for it."""

import asyncio
import logging
from collections.abc import Callable

from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

ROUND = 3600.0
"""Seconds between two rounds."""

REST = 0.2
"""Seconds between two batches of a round: the store is everybody's meanwhile."""


class Housekeeping:
    """Lets go of what is older than the policy keeps.

    Args:
        keep: seconds that rows are kept.
        clock: wall-clock seconds.
        leads: whether it is this process's turn; another's that leads does it meanwhile.
        rest: seconds between two batches.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        keep: float,
        clock: Callable[[], float],
        leads: Callable[[], bool],
        rest: float = REST,
    ) -> None:
        self._retention = store.retention(name)
        self._keep = keep
        self._clock = clock
        self._leads = leads
        self._rest = rest

    async def run(self) -> None:
        """Make rounds until cancelled."""
        while True:
            if self._leads():
                try:
                    await self.round()
                except StoreError as error:
                    log.warning("old rows could not be pruned and stay for now: %s", error)
                except Exception:
                    log.exception("old rows could not be pruned and stay for now")
            await asyncio.sleep(ROUND)

    async def round(self) -> int:
        """Prune all that is old enough, and give the space back; how many rows went.

        Raises:
            StoreError: the store did not take it; what went before it is gone.
        """
        before, gone = self._clock() - self._keep, 0
        while batch := await asyncio.to_thread(self._retention.prune, before):
            gone += batch
            await asyncio.sleep(self._rest)
        while await asyncio.to_thread(self._retention.shrink):  # noqa: ASYNC110  it is work, not a wait
            await asyncio.sleep(self._rest)
        if gone:
            log.info("%d old rows were pruned", gone)
        return gone
