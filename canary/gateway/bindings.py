"""Which arm a lease lives on: memory first, the store behind it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import batched

from canary.core.leases import merge
from canary.core.model import Arm, Call, Kind, Lease, LeaseKey, LeaseState, Purchase
from canary.store.errors import StoreError, StoreUnavailable
from canary.store.store import Store
from canary.store.writer import GroupCommit

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that a lease which another replica may have bound is looked for in a store that does not answer."""

LOOKUPS = 16
"""Leases that are looked for at the same time."""

TOLD = 100
"""Leases in one message to the siblings."""

ENDED = 1024
"""Ended leases that stay in memory, the last ones bought; the store answers for those before them."""


class Bindings:
    """The leases of one rollout.

    A binding is durable before ``bind`` returns, and so before the client sees its number. Changes of a
    known lease are kept in memory and written in batches (``take_changed``).

    Args:
        grace: seconds that an ended lease stays in memory; after that it is looked up in the store.

    Attributes:
        tell: is given the leases that were bound here or have ended, for the ``learn`` of other processes.
    """

    def __init__(self, store: Store, writer: GroupCommit, rollout: str, grace: float) -> None:
        self._store = store
        self._writer = writer
        self._rollout = rollout
        self._grace = grace
        self._live: dict[tuple[Kind, str], Lease] = {}
        self._changed: dict[LeaseKey, Lease] = {}
        self._aliases: dict[tuple[Arm, Kind], dict[str, str]] = {}
        self.used: set[Arm] = set()
        self.tell: Callable[[Sequence[Lease]], None] = _nobody
        self._turns = asyncio.Semaphore(LOOKUPS)
        self.shared = store.shared
        """Whether other replicas bind leases too, so that memory does not know all that are alive."""

    def load(self, now: float) -> None:
        """Fill memory from the store: open leases and those that ended within the grace period."""
        for lease in self._store.load_live(self._rollout, now - self._grace):
            self._remember(lease)
        self.used |= self._store.issuers(self._rollout)

    def __len__(self) -> int:
        return len(self._live)

    @property
    def leases(self) -> Iterable[Lease]:
        """Those in memory."""
        return self._live.values()

    def remembered(self, call: Call) -> dict[str, Lease]:
        """The leases in memory among the call's ids, by the id that the client uses."""
        return {v: lease for v in call.ids if (lease := self._live.get((call.kind, v))) is not None}

    async def find(self, call: Call) -> dict[str, Lease]:
        """The known leases among the call's ids, by the id that the client uses.

        Raises:
            StoreError: an id is not in memory and the store cannot be asked.
        """
        found = self.remembered(call)
        for visible in call.ids:
            if visible in found:
                continue
            lease = await self._look_up(call.kind, visible)
            if lease is not None:
                self._remember(lease)
                found[visible] = lease
        return found

    async def of_arm(self, arm: Arm, kind: Kind, own: str) -> Lease | None:
        """The lease that an arm knows by an id of its own.

        Raises:
            StoreError: it is not in memory and the store cannot be asked.
        """
        visible = self._aliases.get((arm, kind), {}).get(own, own)
        lease = self._live.get((kind, visible))
        if lease is not None and (lease.arm, lease.id) == (arm, own):
            return lease
        found = await asyncio.to_thread(self._store.known, self._rollout, arm, [own], kind)
        if own in found:
            self._remember(found[own])
        return found.get(own)

    async def _look_up(self, kind: Kind, visible: str) -> Lease | None:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._found(kind, visible)
        except TimeoutError:
            raise StoreUnavailable(
                f"the state {self._store.name} did not answer within {PATIENCE:g} s"
            ) from None

    async def _found(self, kind: Kind, visible: str) -> Lease | None:
        while True:
            try:
                async with self._turns:  # a store that hangs must not take every thread of the process along
                    return await asyncio.to_thread(self._store.find, self._rollout, kind, visible)
            except StoreUnavailable:
                if not self.shared:
                    raise
            await asyncio.sleep(0.1)

    async def arm_of_unit(self, unit: str) -> Arm | None:
        """The arm that was drawn for a unit's first purchase.

        Raises:
            StoreError: the store cannot be asked.
        """
        return await asyncio.to_thread(self._store.arm_of_unit, self._rollout, unit)

    async def bind(self, purchase: Purchase, leases: Sequence[Lease]) -> tuple[Lease, ...]:
        """Write a purchase and its leases; they come back with the ids that the client may see.

        Raises:
            StoreError: they could not be written.
        """
        bound = await self._writer.bind(purchase, leases)
        self.learn(bound)
        self._tell(bound)
        return bound

    def learn(self, leases: Iterable[Lease]) -> None:
        """Take in what is known of leases now, here or in another process."""
        for lease in leases:
            key = (lease.kind, lease.visible_id)
            if (before := self._live.get(key)) is not None:
                self._live[key] = merge(before, lease)  # of two lives the later
            self._remember(lease)

    def _tell(self, leases: Sequence[Lease]) -> None:
        for some in batched(leases, TOLD):
            self.tell(some)

    async def adopt(self, lease: Lease) -> Lease:
        """Bind a lease that was bought before the harness was put in."""
        adopted = await asyncio.to_thread(self._store.adopt, self._rollout, lease)
        self._remember(adopted)
        return adopted

    async def recover(self, lease: Lease) -> Lease | None:
        """Bind the lease of a lost purchase; ``None`` when another process has done so.

        Raises:
            StoreError: it could not be written.
        """
        found = await asyncio.to_thread(self._store.recover, self._rollout, lease)
        if found is not None:
            self._remember(found)
        return found

    def current(self, lease: Lease) -> Lease:
        """The lease as it stands now."""
        return self._live.get((lease.kind, lease.visible_id), lease)

    def update(self, lease: Lease) -> None:
        """Keep a changed lease; it is written with the next batch."""
        self._live[(lease.kind, lease.visible_id)] = lease
        self._changed[lease.lease_key] = lease

    def take_changed(self) -> list[Lease]:
        """The leases that changed since the last call."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def written(self, leases: Iterable[Lease]) -> None:
        """Leases that the store has taken: siblings that hold one open need not, once it has ended."""
        self._tell([lease for lease in leases if lease.state is not LeaseState.OPEN])

    def give_back(self, leases: Iterable[Lease]) -> None:
        """Leases that could not be written: they are taken again next time, unless changed since."""
        for lease in leases:
            self._changed.setdefault(lease.lease_key, lease)

    def forget(self, now: float) -> None:
        """Drop ended leases whose grace period has passed, or that are too many; the store still knows them."""
        ended = [
            (key, lease)
            for key, lease in self._live.items()
            if lease.state is not LeaseState.OPEN and lease.lease_key not in self._changed
        ]
        surplus = len(ended) - ENDED
        for place, (key, lease) in enumerate(ended):
            if place < surplus or max(lease.ended_at or 0.0, lease.seen_at) < now - self._grace:
                del self._live[key]
                self._aliases.get((lease.arm, lease.kind), {}).pop(lease.id, None)

    async def look_around(self) -> None:
        """Learn which arms have issued leases: another replica may have bound the first.

        Raises:
            StoreError: the store cannot be asked.
        """
        if len(self.used) < len(Arm):
            self.used |= await asyncio.to_thread(self._store.issuers, self._rollout)

    async def look_again(self, leases: Sequence[Lease]) -> None:
        """Learn what other processes know of some leases: they may have prolonged them.

        Raises:
            StoreError: the store cannot be asked.
        """
        of_kind: dict[tuple[Arm, Kind], list[str]] = {}
        for lease in leases if self.shared else ():
            of_kind.setdefault((lease.arm, lease.kind), []).append(lease.id)
        for (arm, kind), own in of_kind.items():
            found = await asyncio.to_thread(self._store.known, self._rollout, arm, own, kind)
            for lease in found.values():
                live = self._live.get((lease.kind, lease.visible_id))
                if live is not None and live.lease_key == lease.lease_key:
                    self._live[lease.kind, lease.visible_id] = merge(live, lease)

    async def visible_ids(self, arm: Arm, kind: Kind, own: Iterable[str]) -> Mapping[str, str]:
        """Those of the arm's own ids that the client knows by another one.

        Leases that are not in memory are looked up; without the store, what is remembered counts.
        """
        aliases = self._aliases.setdefault((arm, kind), {})
        strangers = [one for one in own if one not in aliases and not self._is_shown(arm, kind, one)]
        if strangers:
            try:
                found = await asyncio.to_thread(self._store.visible_ids, self._rollout, arm, kind, strangers)
            except StoreError as error:
                log.warning("ids in a list could not be looked up: %s", error)
            else:
                aliases.update(found)
        return aliases

    def _is_shown(self, arm: Arm, kind: Kind, own: str) -> bool:
        """Whether the arm's lease is known to be shown by its own id."""
        lease = self._live.get((kind, own))
        return lease is not None and (lease.arm, lease.id) == (arm, own)

    def _remember(self, lease: Lease) -> None:
        self._live.setdefault((lease.kind, lease.visible_id), lease)
        self.used.add(lease.arm)
        if lease.visible_id != lease.id:
            self._aliases.setdefault((lease.arm, lease.kind), {})[lease.id] = lease.visible_id


def _nobody(_leases: Sequence[Lease]) -> None:
    """Where one process answers all clients."""
