"""Group commit: bindings that arrive while one transaction is written share the next."""

import asyncio
from collections.abc import Sequence

from canary.core.model import Lease, Purchase
from canary.store.errors import StoreRefused
from canary.store.store import Store

type _Waiting = tuple[Purchase, Sequence[Lease], asyncio.Future[tuple[Lease, ...]]]


class GroupCommit:
    """Binds purchases of one rollout; a call returns once its own is durable.

    One transaction is under way at a time, and the disk is waited for once for all that share it.
    """

    def __init__(self, store: Store, rollout: str) -> None:
        self._store = store
        self._rollout = rollout
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def bind(self, purchase: Purchase, leases: Sequence[Lease]) -> tuple[Lease, ...]:
        """Write a purchase and its leases; they come back with the ids that the client may see.

        Raises:
            StoreError: they could not be written.
        """
        done: asyncio.Future[tuple[Lease, ...]] = asyncio.get_running_loop().create_future()
        self._waiting.append((purchase, leases, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="group commit")
        return await done

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write(batch)
        finally:
            self._writing = None

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        rows = [(purchase, leases) for purchase, leases, _ in batch]
        try:
            bound = await asyncio.to_thread(self._store.bind, self._rollout, rows)
        except StoreRefused as error:
            await self._apart(batch, error)
            return
        except Exception as error:  # whatever it is, each caller must hear of it
            _fail(batch, error)
            return
        for (*_, done), leases in zip(batch, bound, strict=True):
            if not done.done():
                done.set_result(leases)

    async def _apart(self, batch: Sequence[_Waiting], error: StoreRefused) -> None:
        """One row that cannot be written must not take the others along."""
        if len(batch) == 1:
            _fail(batch, error)
            return
        for one in batch:
            await self._write([one])


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for *_, done in batch:
        if not done.done():
            done.set_exception(error)
