"""What happened, followed off the client's path: leases, tallies and counters, written in batches."""

import asyncio
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from canary.core.detect import Detector, Habits
from canary.core.leases import LeaseEvent, apply, observe, of_each
from canary.core.model import Arm, Exchange, Lease, LeaseState, Purchase, Rollout
from canary.core.pairing import Pairing
from canary.core.stats.bins import bin_of
from canary.core.tally import Tally, TallyKey, bucket_of
from canary.gateway.afterwards import Afterwards
from canary.gateway.bindings import Bindings
from canary.gateway.differences import Contract
from canary.gateway.pairs import PairCounts
from canary.gateway.rollouts import RolloutView
from canary.gateway.watch import Watch
from canary.store.errors import StoreError, StoreUnavailable, StoreUnusable
from canary.store.store import Store

log = logging.getLogger(__name__)

FLUSH = 0.5
"""Seconds between two batches; a kill -9 loses at most this much of the counts, and no lease."""

HOUSEKEEPING = 4
"""Batches between two walks over all leases in memory."""


@dataclass(slots=True)
class Totals:
    """Counts since this process started, for metrics; never reset, so that rates can be taken."""

    calls: defaultdict[tuple[Arm, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    counters: Counter[str] = field(default_factory=Counter)
    purchases: Counter[tuple[Arm, str]] = field(default_factory=Counter)  # by serving arm and outcome
    flush_failures: int = 0


class Ledger:
    """Follows every exchange of one proxy process.

    Args:
        proxy: names this process's rows in the store; unique per start, so that counts add up.
        clock: wall-clock seconds.
        contract: learns what the arms' replies look like; its findings are written with each batch.
        pairs: counts calls that both arms answered, written likewise.
        habits: what each arm's provider allows, for the hazards that are written with each batch too.

    Attributes:
        store_lost: the store does not work, as the last batch has shown.
    """

    def __init__(
        self,
        store: Store,
        bindings: Bindings,
        view: RolloutView,
        proxy: str,
        clock: Callable[[], float],
        contract: Contract | None = None,
        habits: Mapping[Arm, Habits] | None = None,
        pairs: PairCounts | None = None,
    ) -> None:
        self._store = store
        self._bindings = bindings
        self._view = view
        self._proxy = proxy
        self._clock = clock
        self._tallies: defaultdict[TallyKey, Tally] = defaultdict(Tally)
        self._dirty: set[TallyKey] = set()
        self._purchases: list[Purchase] = []
        self._bucket = 0
        self._flushed_at = clock()
        self._writing = asyncio.Lock()
        self._batch: asyncio.Future[bool] | None = None  # kept, or nobody would
        self._afterwards = Afterwards(self.exchange)
        self.contract = contract or Contract(lambda: view.rollout.attempt, lambda: view.rollout.weight, clock)
        self.pairs = pairs or PairCounts(Pairing(), "", lambda: view.rollout)
        self.totals = Totals(counters=self.contract.counters)
        self.watch = Watch(
            Detector(habits or {arm: Habits() for arm in Arm}),
            self.count,
            partial(store.find, view.rollout.name),
            clock,
        )
        self.store_lost = False

    @property
    def lag(self) -> float:
        """Seconds since the last successful batch."""
        return self._clock() - self._flushed_at

    def count(self, counter: str) -> None:
        """Add one to a named counter of this process."""
        self.totals.counters[counter] += 1

    def later(self, exchange: Exchange, leases: Mapping[str, Lease]) -> None:
        """Take in one exchange once the client has its answer."""
        self._afterwards.put(exchange, leases, self._view.rollout)

    def exchange(
        self, exchange: Exchange, leases: Mapping[str, Lease], rollout: Rollout | None = None
    ) -> None:
        """Take in one exchange and what it did to the leases that it named.

        Args:
            rollout: as it stood then; by default as it stands.
        """
        latency_bin = bin_of(exchange.latency)
        self._tally(exchange, latency_bin, rollout or self._view.rollout)
        asked = [self._bindings.current(lease) for lease in leases.values() if lease.arm is exchange.arm]
        self.watch.see(exchange, asked, whole=len(leases) == len(exchange.call.ids))
        for lease, about in of_each(exchange, asked):
            after = observe(lease, about, latency_bin)
            self._bindings.update(after)
            if lease.state is LeaseState.OPEN and after.state is LeaseState.EXPIRED:
                self.watch.ended(after)

    def purchase(self, purchase: Purchase) -> None:
        """Take in a purchase that issued nothing; one that did is written by ``Bindings.bind``."""
        self._purchases.append(purchase)
        self.issued(purchase)

    def issued(self, purchase: Purchase) -> None:
        """Count a purchase for the metrics."""
        self.totals.purchases[purchase.arm, purchase.outcome] += 1

    def catch_up(self) -> None:
        """Take in what waits: the totals are complete then."""
        self._afterwards.catch_up()

    async def flush(self) -> bool:
        """Write what changed in one batch; ``False`` when the store did not take it (it is kept).

        A batch once begun is finished, also when its caller is cancelled, and the next one waits for it: older
        totals must not be written over newer ones.
        """
        self._batch = asyncio.ensure_future(self._in_turn())
        return await asyncio.shield(self._batch)

    async def _in_turn(self) -> bool:
        async with self._writing:
            return await self._write()

    async def _write(self) -> bool:
        self.catch_up()
        leases = self._bindings.take_changed()
        purchases, self._purchases = self._purchases, []
        dirty, self._dirty = self._dirty, set()
        tallies = {key: self._tallies[key].copy() for key in dirty}
        sightings = self.contract.take_changed()
        records = self.watch.take_changed()
        pairs = self.pairs.take_changed()
        try:
            await asyncio.to_thread(
                self._store.flush,
                self._view.rollout.name,
                self._proxy,
                leases_changed=leases,
                purchases=purchases,
                tallies=tallies,
                counters=dict(self.totals.counters),
                sightings=sightings,
                records=records,
                pairs=pairs,
            )
        except Exception as error:
            if isinstance(error, StoreError):
                log.warning("a batch could not be written and is kept: %s", error)
            else:
                log.exception("a batch could not be written and is kept")
            self._bindings.give_back(leases)
            self._purchases = purchases + self._purchases
            self._dirty |= dirty
            self.contract.give_back(sightings)
            self.watch.give_back(records)
            self.pairs.give_back(pairs)
            self.totals.flush_failures += 1
            self.store_lost = isinstance(error, StoreUnavailable | StoreUnusable)
            return False
        self.store_lost = False
        self._bindings.written(leases)
        self._flushed_at = self._clock()
        self._drop_old_tallies()
        return True

    async def close(self) -> None:
        """Write what is left."""
        await self.flush()
        if await self.watch.settle(at_once=True):
            await self.flush()

    async def run(self) -> None:
        """Flush, close leases whose lifetime passed, and free memory, until cancelled."""
        for beat in itertools.count():
            await asyncio.sleep(FLUSH)
            try:
                if beat % HOUSEKEEPING == 0:
                    await self._keep_house()
                await self.flush()
            except Exception:  # whatever it was, the next beat must come
                log.exception("the ledger's work was cut short")

    async def _keep_house(self) -> None:
        try:
            await self._bindings.look_again(self._expired())
        except StoreError as error:
            log.warning("leases that ran out could not be looked up, they are closed later: %s", error)
        else:
            self.close_expired()
        self._bindings.forget(self._clock())
        await self.watch.settle()
        try:
            await self._bindings.look_around()
        except StoreError as error:
            log.warning("leases of other replicas could not be looked for: %s", error)

    def close_expired(self) -> None:
        """End open leases whose lifetime passed without a word from the provider."""
        now = self._clock()
        for lease in self._expired():
            after = apply(lease, LeaseEvent.LIFETIME, now)
            self._bindings.update(after)
            self.watch.ended(after)

    def _expired(self) -> list[Lease]:
        now = self._clock()
        return [
            lease
            for lease in self._bindings.leases
            if lease.state is LeaseState.OPEN and lease.expires_at is not None and lease.expires_at < now
        ]

    def _tally(self, exchange: Exchange, latency_bin: int, rollout: Rollout) -> None:
        outcome, code = exchange.reply.outcome, exchange.reply.code
        action = exchange.call.label
        # never back to a bucket that was written and dropped, whatever the clock does: rows are replaced whole
        self._bucket = max(self._bucket, bucket_of(self._clock()))
        key = TallyKey(rollout.attempt, rollout.stage_index, self._bucket, exchange.arm, action)
        self._tallies[key].add(outcome, code, latency_bin)
        self._dirty.add(key)
        self.totals.calls[exchange.arm, action].add(outcome, code, latency_bin)

    def _drop_old_tallies(self) -> None:
        old = [key for key in self._tallies if key.bucket < self._bucket and key not in self._dirty]
        for key in old:
            del self._tallies[key]
