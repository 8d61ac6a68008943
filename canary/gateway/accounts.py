"""What the arms' accounts and price tables say: heard in traffic, or asked for politely, held against the leases."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from canary.core.accounts import Account, Reading, Terms
from canary.core.model import Arm, Call, Exchange, Lease, Request
from canary.core.money import NOTHING
from canary.core.protocol.parse import ENDPOINT, parse
from canary.core.protocol.rewrite import fingerprint
from canary.gateway.asking import Arms, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.differences import seen
from canary.gateway.prices import ACTION as PRICES
from canary.gateway.rounds import rounds
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two rounds of work."""

THIN = 60.0
"""Seconds between two balances of one account that are kept."""

PRICES_AGAIN = 600.0
"""Seconds between two price tables that are asked for."""

MOST = 1000
"""Balances that may wait; more accounts than that are not followed."""


@dataclass(slots=True)
class _Waiting:
    """Heard and not worked on yet."""

    readings: list[Reading] = field(default_factory=list)
    tables: dict[Arm, tuple[Call, Asked]] = field(default_factory=dict)


class Accounts:
    """Follows the arms' accounts for one process.

    Args:
        arms: to ask by itself.
        terms: of each arm's money.
        slowest: seconds that a call may take; a balance is held against the leases once all calls that were under
            way with it must be over.
        shared: whether both arms buy from one account, as in an A/A run.
        poll: seconds between two balances that are asked for; ``None`` never asks.
        clock: wall-clock seconds.
        aside: money that shadow leases have taken from the account of ``new`` until a time; it may block.
        judged: is told what each balance showed; it may block.
    """

    def __init__(
        self,
        store: Store,
        rollout: str,
        arms: Arms,
        bindings: Bindings,
        terms: Mapping[Arm, Terms],
        *,
        slowest: float,
        shared: bool,
        poll: float | None,
        clock: Callable[[], float],
        aside: Callable[[float], Decimal] = lambda _now: NOTHING,
        judged: Callable[[Account], None] = lambda _account: None,
    ) -> None:
        self._store = store
        self._rollout = rollout
        self._arms = arms
        self._bindings = bindings
        self._terms = terms
        self._slowest = slowest
        self._shared = shared
        self._poll = poll
        self._thin = THIN if poll is None else min(THIN, poll)
        self._clock = clock
        self._aside = aside
        self._judged = judged
        self._waiting = _Waiting()
        self._kept_at: dict[tuple[Arm, str], float] = {}
        self._filled = dict.fromkeys(Arm, 0)
        self._polled_at = self._priced_at = float("-inf")

    def heard(self, asked: Asked) -> None:
        """Take in an answer to a call, a shadow copy's too."""
        exchange = asked.exchange
        if exchange.reply.balance is not None:
            self._keep(exchange)
        elif exchange.call.action == PRICES and asked.well:
            self._waiting.tables[asked.arm] = (exchange.call, asked)

    async def start(self) -> None:
        """Leave the terms for readers of the store.

        Raises:
            StoreError: they cannot be written.
        """
        await asyncio.to_thread(self._store.set_terms, self._rollout, self._terms)

    async def run(self) -> None:
        """Work until cancelled."""
        await rounds(self.work, BEAT, log, "accounts could not be followed")

    async def work(self) -> None:
        """One round: ask if it is time, read tables, price leases, and hold balances against the leases."""
        await self._ask_around()
        await self._read_tables()
        self._price_leases()
        await self._reconcile(until=self._clock() - self._slowest)

    async def close(self) -> None:
        """Hold what is left against the leases. Call it when nothing is under way and all leases are written."""
        await self._reconcile(until=float("inf"))

    # --- balances ---------------------------------------------------------------------------------------------------

    def _keep(self, exchange: Exchange) -> None:
        passed_on = self._arms[exchange.arm].key is None
        arm = Arm.OLD if self._shared else exchange.arm
        account = (arm, fingerprint(exchange.call.key or "") if passed_on else "")
        known = account in self._kept_at
        if exchange.reply.balance is None or (not known and len(self._kept_at) >= MOST):
            return
        if known and 0 <= exchange.at - self._kept_at[account] < self._thin:
            return
        self._kept_at[account] = exchange.at
        until = exchange.at + exchange.latency + exchange.connect
        reading = Reading(*account, exchange.at, until, exchange.reply.balance, self._shared)
        self._waiting.readings.append(reading)

    async def _reconcile(self, *, until: float) -> None:
        waiting, self._waiting.readings = self._waiting.readings, []
        for n, reading in enumerate(waiting):
            if reading.until > until:
                self._waiting.readings.append(reading)
                continue
            try:
                await asyncio.to_thread(self._hold, reading)
            except StoreError as error:
                log.warning("a balance could not be held against the leases and is kept: %s", error)
                self._waiting.readings += waiting[n:]
                return

    def _hold(self, reading: Reading) -> None:
        within = self._terms[reading.arm].refund_within
        aside = self._aside(reading.until) if Arm.NEW in reading.arms else NOTHING
        account = self._store.reconcile(self._rollout, reading, within, self._slowest, aside)
        if account is not None:
            self._judged(account)

    # --- prices -----------------------------------------------------------------------------------------------------

    async def _read_tables(self) -> None:
        tables, self._waiting.tables = self._waiting.tables, {}
        for arm, (call, asked) in tables.items():
            await self._arms[arm].prices.hear(call, seen(asked), self._clock())

    def _price_leases(self) -> None:
        """Give leases whose purchase did not tell a price the one of a table that was learned since."""
        for arm in Arm:
            table = self._arms[arm].prices
            if table.revision == self._filled[arm]:
                continue
            self._filled[arm] = table.revision
            for lease in [one for one in self._unpriced() if one.arm is arm]:
                price = table.of(lease.service, lease.country)
                if price is not None:
                    self._bindings.update(replace(lease, price=price, price_source="table"))

    def _unpriced(self) -> Iterator[Lease]:
        """Leases in memory that were bought through the harness for nobody knows how much."""
        return (one for one in self._bindings.leases if one.price is None and one.purchase is not None)

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask_around(self) -> None:
        now = self._clock()
        if self._poll is None or now - self._polled_at < self._poll:
            return
        self._polled_at = now
        own = [arm for arm in Arm if self._arms[arm].key is not None]
        await asyncio.gather(*(self._ask(arm, "getBalance") for arm in (own[:1] if self._shared else own)))
        if now - self._priced_at >= PRICES_AGAIN:
            without = {lease.arm for lease in self._unpriced()}
            if without:
                self._priced_at = now
                await asyncio.gather(*(self._ask(arm, PRICES) for arm in own if arm in without))

    async def _ask(self, arm: Arm, action: str) -> None:
        request = Request("GET", f"/{ENDPOINT}", f"action={action}")
        self.heard(await self._arms.ask(arm, request, parse(request)))
