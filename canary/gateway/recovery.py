"""Lost purchases: numbers that were paid although their answer never came, looked up and given back."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from canary.core.leases import observe
from canary.core.model import Arm, Fate, Kind, Lease, Progress, Purchase, Request
from canary.core.protocol.listing import Listed
from canary.core.protocol.parse import ENDPOINT, parse
from canary.core.protocol.rewrite import fingerprint
from canary.core.stats.bins import bin_of
from canary.gateway.asking import Arms, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.listing import bought_between, open_numbers, zone_of
from canary.gateway.rounds import rounds
from canary.store.errors import StoreError
from canary.store.store import Store

log = logging.getLogger(__name__)

BEAT = 2.0
"""Seconds between two looks at what is due."""

MARGIN = 5.0
"""Seconds after the minimum hold, so that a cancel is not refused as too early."""

AGAIN = 30.0
"""Seconds until a list that could not be had is asked for again."""

RECOVERABLE = frozenset({"getNumber", "getNumberV2"})
"""Purchases whose number can be told in a list: by service, country and time."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A lost purchase that waits. ``key``: the client's, where the arm has none of its own; never stored."""

    purchase: Purchase
    key: str | None = field(default=None, repr=False)

    @property
    def until(self) -> float:
        """When its answer was given up."""
        return self.purchase.at + self.purchase.latency


class Recovery:
    """Finds the numbers of lost purchases and cancels those that nobody knows of.

    A number is taken for a lost purchase's when the arm lists it with its service and country, bought within the
    purchase's time, and no lease is known by its id. With more such numbers than lost purchases none is touched.
    The lease is on disk before its cancel is sent, and a cancel is sent once, whatever comes of it.

    Args:
        arms: to ask by itself.
        holds: seconds after which each arm takes a cancel.
        count: adds one to a named counter.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        store: Store,
        rollout: str,
        arms: Arms,
        bindings: Bindings,
        holds: Mapping[Arm, float],
        count: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._rollout = rollout
        self._arms = arms
        self._bindings = bindings
        self._holds = holds
        self._count = count
        self._clock = clock
        self._waiting: list[Lost] = []
        self._not_before = float("-inf")

    def lost(self, purchase: Purchase, key: str | None) -> None:
        """Take in a purchase that may have been made."""
        own = self._arms[purchase.arm].key is not None
        self._waiting.append(Lost(purchase, None if own else key))

    async def load(self) -> None:
        """Take up what an earlier process left.

        Raises:
            StoreError: the store cannot be read.
        """
        found = await asyncio.to_thread(self._store.lost_purchases, self._rollout)
        self._waiting += [Lost(purchase) for purchase in found]

    async def run(self) -> None:
        """Work until cancelled."""
        await rounds(self.work, BEAT, log, "lost purchases could not be looked for")

    async def work(self) -> None:
        """Look up what is due, unless an arm could not be asked a moment ago."""
        now = self._clock()
        if now < self._not_before:
            return
        due = [one for one in self._waiting if now >= one.until + self._holds[one.purchase.arm] + MARGIN]
        for arm, key in dict.fromkeys((one.purchase.arm, one.key) for one in due):
            theirs = [one for one in due if (one.purchase.arm, one.key) == (arm, key)]
            try:
                done = await self._look_up(arm, key, theirs)
            except StoreError as error:
                log.warning("lost purchases could not be recovered yet: %s", error)
                done = False
            if not done:
                self._not_before = now + AGAIN

    async def _look_up(self, arm: Arm, key: str | None, due: Sequence[Lost]) -> bool:
        """Decide each of ``due``; ``False`` when the arm does not say what is open."""
        tellable = [one for one in due if self._is_tellable(one)]
        for one in due:
            if one not in tellable:
                await self._close(one, Fate.UNKNOWN)
        rows = await self._open_numbers(arm, key) if tellable else ()
        if rows is None:
            return False
        known = await asyncio.to_thread(self._store.known, self._rollout, arm, [row.id for row in rows])
        shadows = await self._shadows(arm, [row.id for row in rows])
        zone = zone_of(rows, {own: lease.opened_at for own, lease in known.items()})
        strangers = [row for row in rows if row.id not in known and row.id not in shadows]
        for one in sorted(tellable, key=lambda lost: lost.purchase.at):
            await self._decide(one, strangers, zone)
        return True

    async def _shadows(self, arm: Arm, own: Sequence[str]) -> Collection[str]:
        """Those of new's numbers that are shadow leases, which have somebody to look after them."""
        book = self._store.shadow_book(self._rollout)
        return await asyncio.to_thread(book.owned, own) if arm is Arm.NEW else ()

    def _is_tellable(self, lost: Lost) -> bool:
        """Whether the number could be told in a list, and is not over yet."""
        purchase, side = lost.purchase, self._arms[lost.purchase.arm]
        askable = side.key is not None or lost.key is not None
        lives = self._clock() < purchase.at + side.lifetime_of(purchase.service)
        return askable and lives and purchase.action in RECOVERABLE and purchase.service != ""

    async def _decide(self, lost: Lost, strangers: list[Listed], zone: float | None) -> None:
        fitting = [row for row in strangers if self._fits(lost, row, zone)]
        rivals = sum(any(self._fits(one, row, zone) for row in fitting) for one in self._waiting)
        if not fitting:
            await self._close(lost, Fate.ABSENT)
        elif len(fitting) > rivals:
            await self._close(lost, Fate.UNKNOWN)
        else:
            strangers.remove(fitting[0])
            await self._give_back(lost, fitting[0])

    def _fits(self, lost: Lost, row: Listed, zone: float | None) -> bool:
        purchase = lost.purchase
        country = self._arms[purchase.arm].prices.own(purchase.country)
        elsewhere = country.isdecimal() and row.country.isdecimal() and country != row.country
        return (
            row.service == purchase.service
            and not elsewhere
            and bought_between(row, purchase.at, lost.until, zone)
        )

    # --- giving back ------------------------------------------------------------------------------------------------

    async def _give_back(self, lost: Lost, row: Listed) -> None:
        lease = await self._bindings.recover(self._lease(lost, row))
        if lease is None:  # another process was faster
            self._waiting.remove(lost)
            return
        if row.has_code:
            await self._close(lost, Fate.REFUSED)
            return
        log.warning("a number of a lost purchase was found on %s and is cancelled", lease.arm)
        asked = await self._ask(lease.arm, lost.key, "setStatus", id=lease.id, status="8")
        self._observe(lease, asked)
        if asked.exchange.reply.progress is not Progress.CANCELLED:
            # for a code that the list did not tell of, or its answer was lost
            asked = await self._ask(lease.arm, lost.key, "getStatus", id=lease.id)
            self._observe(lease, asked)
        done = asked.exchange.reply.progress is Progress.CANCELLED
        await self._close(lost, Fate.CANCELLED if done else Fate.REFUSED)

    def _observe(self, lease: Lease, asked: Asked) -> None:
        current = self._bindings.current(lease)
        self._bindings.update(observe(current, asked.exchange, bin_of(asked.exchange.latency)))

    def _lease(self, lost: Lost, row: Listed) -> Lease:
        purchase, side = lost.purchase, self._arms[lost.purchase.arm]
        return Lease(
            arm=purchase.arm,
            kind=Kind.ACTIVATION,
            id=row.id,
            visible_id=side.visible(row.id),
            opened_at=purchase.at,
            purchase=purchase.id,
            service=purchase.service,
            country=purchase.country,
            client=purchase.client,
            key=fingerprint(lost.key or ""),
            price=row.price,
            price_source="list" if row.price is not None else "",
            expires_at=purchase.at + side.lifetime_of(purchase.service),
            auto_refund=side.auto_refund and not row.has_code,
            seen_at=self._clock(),
        )

    async def _close(self, lost: Lost, fate: Fate) -> None:
        await asyncio.to_thread(self._store.set_fate, self._rollout, lost.purchase.id, fate)
        self._waiting.remove(lost)
        if fate is Fate.CANCELLED:
            self._count("recovered_purchases")
        elif fate is Fate.ABSENT:
            self._count("absent_purchases")
        else:
            self._count("unrecovered_purchases")

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _open_numbers(self, arm: Arm, key: str | None) -> tuple[Listed, ...] | None:
        """All that the account has open; ``None`` when the arm does not say."""
        return await open_numbers(lambda page: self._ask(arm, key, "getActiveActivations", **page))

    async def _ask(self, arm: Arm, key: str | None, action: str, **params: str) -> Asked:
        named = {"action": action, **params} if key is None else {"api_key": key, "action": action, **params}
        request = Request("GET", f"/{ENDPOINT}", urlencode(named))
        return await self._arms.ask(arm, request, parse(request))
