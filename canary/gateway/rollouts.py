"""The rollout as this process knows it: refreshed from the store within a second, and how far to trust it."""

import asyncio
import contextlib
import logging
from time import monotonic

from canary.core.model import Rollout
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

REFRESH = 0.25
"""Seconds between two looks at the store; a rollback is in effect for new leases within a second."""

TOLD = 1.0
"""Seconds between two looks while the store tells of changes by itself."""


class RolloutView:
    """The cached rollout.

    It is ``fresh`` while the store answers and the controller's heartbeat is seen to move. When it is not, new
    leases go to the safe arm, because nobody may be watching the canary. A heartbeat found at the start proves
    nothing: its controller may be long dead.

    Args:
        patience: seconds without a new heartbeat, or without the store, before the view counts as stale.
    """

    def __init__(self, store: Store, name: str, first: Rollout, patience: float) -> None:
        self._store = store
        self._name = name
        self._patience = patience
        self._heartbeat: float | None = None
        self._looked = False
        self._lost = False  # said once, not four times a second
        self._notices = store.notices(name)
        self._wanted = asyncio.Event()
        self._beat_at = self._read_at = float("-inf")
        self.rollout = first

    @property
    def fresh(self) -> bool:
        now = monotonic()
        return now - self._beat_at < self._patience and now - self._read_at < self._patience

    @property
    def told(self) -> bool:
        """Whether the store tells of changes by itself."""
        return self._notices.listening

    def wake(self) -> None:
        """Look at the store at once."""
        self._wanted.set()

    @property
    def store_lag(self) -> float:
        """Seconds since the store was last read."""
        return monotonic() - self._read_at

    async def refresh(self) -> None:
        """Look at the store once; a store that does not answer leaves the view as it is, growing stale."""
        try:
            found = await asyncio.to_thread(self._store.look, self._name)
        except StoreError as error:
            log.log(
                logging.DEBUG if self._lost else logging.WARNING, "the rollout could not be read: %s", error
            )
            self._lost = True
            return
        self._lost = False
        self._read_at = monotonic()
        if found is None:
            return
        if self._looked and found.heartbeat != self._heartbeat:
            self._beat_at = self._read_at
        self._looked, self._heartbeat = True, found.heartbeat
        self.rollout = found.rollout

    async def run(self) -> None:
        """Refresh when the store tells of a change, and from time to time, until cancelled."""
        listening = asyncio.create_task(self._notices.run(self.wake), name="notices")
        try:
            while True:
                self._wanted.clear()
                try:
                    await self.refresh()
                except Exception:  # whatever it was, the next look must come
                    log.exception("the rollout could not be looked at")
                await self._rest(TOLD if self.told else REFRESH)
        finally:
            listening.cancel()

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), seconds)
