"""Hazards of one process, found off the client's path and handed to the ledger for the store."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from canary.core.detect import Detector, stands
from canary.core.hazards import COUNTER, Hazard, HazardName, Record, Sight, Suspect
from canary.core.model import Exchange, Kind, Lease
from canary.core.protocol.rewrite import fingerprint
from canary.store.errors import StoreError

log = logging.getLogger(__name__)

MOST = 2000
"""Clients and keys that are told apart per process; the rest are one together."""

WAITING = 10_000
"""Hazards that may wait to be looked up."""

SETTLE = 5.0
"""Seconds given to every process to write what it saw of a lease, before a hazard about it counts."""

OTHERS = "others"


class Watch:
    """Sees every exchange and the ends of leases; keeps what it found as totals of this process.

    A hazard about a lease may look different to a process that served the lease's other calls: it waits until
    those are in the store.

    Args:
        count: adds one to a named counter of this process.
        find: the lease of a kind that clients know by an id, as the store has it.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        detector: Detector,
        count: Callable[[str], None],
        find: Callable[[Kind, str], Lease | None],
        clock: Callable[[], float],
    ) -> None:
        self._detector = detector
        self._count = count
        self._find = find
        self._clock = clock
        self._records: dict[Suspect, Record] = {}
        self._changed: set[Suspect] = set()
        self._waiting: list[tuple[float, Hazard]] = []

    def see(self, exchange: Exchange, leases: Sequence[Lease], *, whole: bool) -> None:
        """Take in an exchange.

        Args:
            leases: those that it names on its arm, as they were before it.
            whole: whether every id of the call is known.
        """
        sight = Sight(exchange, leases, whole, fingerprint(exchange.call.key or ""))
        for hazard in self._detector.see(sight):
            self._take(hazard)
            if hazard.name is HazardName.MISROUTED:
                self._alarm(exchange)

    def ended(self, lease: Lease) -> None:
        """Take in the end of a lease that its provider or its lifetime brought about."""
        for hazard in self._detector.ended(lease):
            self._take(hazard)

    async def settle(self, *, at_once: bool = False) -> bool:
        """Count the hazards about leases that have waited long enough and still stand; whether there were any.

        Args:
            at_once: whether those that have not waited long enough are looked at too.
        """
        until = float("inf") if at_once else self._clock() - SETTLE
        due = [hazard for since, hazard in self._waiting if since <= until]
        if not due:
            return False
        self._waiting = [one for one in self._waiting if one[0] > until]
        try:
            standing = await asyncio.to_thread(self._standing, due)
        except StoreError as error:
            log.warning("hazards could not be looked up and wait on: %s", error)
            self._waiting = [*((self._clock(), hazard) for hazard in due), *self._waiting][:WAITING]
            return False
        for hazard in standing:
            self._record(hazard)
        return bool(standing)

    def take_changed(self) -> dict[Suspect, Record]:
        """The records that changed since the last call, as totals of this process."""
        changed, self._changed = self._changed, set()
        return {suspect: self._records[suspect] for suspect in changed}

    def give_back(self, suspects: Mapping[Suspect, Record]) -> None:
        """Records that could not be written: they are taken again next time."""
        self._changed.update(suspects)

    def _take(self, hazard: Hazard) -> None:
        if hazard.lease is None:
            self._record(hazard)
        elif len(self._waiting) < WAITING:
            self._waiting.append((self._clock(), hazard))

    def _standing(self, hazards: Sequence[Hazard]) -> list[Hazard]:
        return [
            hazard
            for hazard in hazards
            if hazard.lease is not None
            and (lease := self._find(hazard.lease.kind, hazard.lease.visible_id)) is not None
            and stands(hazard, lease)
        ]

    def _record(self, hazard: Hazard) -> None:
        suspect = Suspect(hazard.name, hazard.client, hazard.key)
        if suspect not in self._records and len(self._records) >= MOST:
            suspect = Suspect(hazard.name, OTHERS, "")
        found = Record.of(hazard)
        before = self._records.get(suspect)
        self._records[suspect] = before + found if before else found
        self._changed.add(suspect)
        self._count(f"{COUNTER}{hazard.name}")

    def _alarm(self, exchange: Exchange) -> None:
        self._count("misrouted")
        log.error(
            "%s does not know a lease that it issued (%s answered %s)",
            exchange.arm,
            exchange.call.action,
            exchange.reply.code,
        )
