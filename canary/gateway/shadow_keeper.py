"""What becomes of shadow leases: each is given back when new takes it, and one whose answer was lost is looked for.

It works from the rows in the store, so that it does not matter which process bought a number, or whether that is
still alive; nor whether shadow leases have been switched off since.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from canary.core.leases import SKEW
from canary.core.model import Lease, Outcome, Progress
from canary.core.protocol.listing import Listed
from canary.gateway.asking import Asked
from canary.gateway.listing import bought_between, open_numbers, zone_of
from canary.gateway.shadow_calls import MARGIN, ShadowCalls, Stop, Terms
from canary.store.errors import StoreError
from canary.store.shadow_leases import ShadowBook, ShadowLease, State

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two looks at what is due."""

AGAIN = 30.0
"""Seconds until something that did not work is tried again, by this process or another."""

EARLY = frozenset({"EARLY_CANCEL_DENIED", "TOO_EARLY", "FREEZE_PERIOD_NOT_REACHED"})
"""Refusals by the clock."""

_FINAL = frozenset({Outcome.STATE, Outcome.CALLER})
"""Refusals that another try would only meet again: a code came, or the lease is over."""

OVER = "EXPIRED"
ABSENT = "ABSENT"
AMBIGUOUS = "AMBIGUOUS"
UNTOLD = "UNTOLD"


class ShadowKeeper:
    """Gives shadow leases back.

    Args:
        known: those of new's own ids that are clients' leases.
        before: is called at each beat, before anything is looked at.
        count: adds one to a named counter.
        stop: stops all buying, for a reason.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        book: ShadowBook,
        calls: ShadowCalls,
        terms: Terms,
        *,
        known: Callable[[Sequence[str]], Mapping[str, Lease]],
        before: Callable[[], Awaitable[None]],
        count: Callable[[str], None],
        stop: Stop,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._calls = calls
        self._terms = terms
        self._known = known
        self._before = before
        self._count = count
        self._stop = stop
        self._clock = clock
        self._late_tries: Counter[str] = Counter()
        self._quiet_until = float("-inf")

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self._before()
                await self.work()
            except StoreError as error:
                self._say("shadow leases could not be looked after: %s", error)
            except Exception:  # whatever it was, the next round must come
                log.exception("shadow leases could not be looked after")
            await asyncio.sleep(BEAT)

    def _say(self, text: str, error: StoreError) -> None:
        """Once in a while, not at each beat."""
        if monotonic() >= self._quiet_until:
            log.warning(text, error)
            self._quiet_until = monotonic() + AGAIN

    async def work(self) -> None:
        """Do what is due.

        Raises:
            StoreError: the store cannot be read or written.
        """
        now = self._clock()
        due = await asyncio.to_thread(self._book.due, now, now + self._terms.farthest)
        until = now + AGAIN
        mine = [
            replace(lease, next_at=until)
            for lease in due
            if await asyncio.to_thread(self._book.claim, lease, until)
        ]
        for lease in mine:
            if lease.state is State.OPEN:
                await self._give_back(lease)
        lost = [lease for lease in mine if lease.state is State.RESERVED]
        if lost:
            await self._look_for(lost)

    # --- giving back ------------------------------------------------------------------------------------------------

    async def _give_back(self, lease: ShadowLease) -> None:
        if self._is_out_of_reach(lease):
            await self._end(lease, OVER)
            return
        asked = await self._calls.own("setStatus", {"id": lease.own_id, "status": "8"}, lease.mode)
        reply = asked.exchange.reply
        final = reply.code not in EARLY and (reply.outcome in _FINAL or reply.unknown_lease)
        if reply.progress is Progress.CANCELLED:
            await self._end(lease, reply.code)
        elif self._clock() >= lease.expires_at:
            await self._let_go(lease, final=final)
        elif final:
            if lease.mode == "live":
                self._count("shadow_leases_kept")
                log.warning("a shadow lease of %s was not taken back: %s", lease.amount, reply.code)
            await self._end(lease, reply.code)

    async def _let_go(self, lease: ShadowLease, *, final: bool) -> None:
        """Its time is up by our clock, which may have jumped: it is tried for as long as a hold lasts."""
        self._late_tries[lease.id] += 1
        if final or self._late_tries[lease.id] > self._terms.hold / AGAIN + 1:
            del self._late_tries[lease.id]
            await self._end(lease, OVER)

    def _is_out_of_reach(self, lease: ShadowLease) -> bool:
        """Whether the profile has lost the sandbox since."""
        return lease.mode == "sandbox" and self._terms.sandbox is None

    async def _end(self, lease: ShadowLease, claim: str) -> None:
        await asyncio.to_thread(self._book.end, lease, claim)
        self._count("shadow_leases_ended")

    # --- looking for those whose answer was lost ------------------------------------------------------------------

    async def _look_for(self, lost: Sequence[ShadowLease]) -> None:
        free = [lease for lease in lost if lease.mode != "live"]
        for lease in free:  # nothing was charged, and its number was never known
            await asyncio.to_thread(self._book.release, lease)
        paid = [lease for lease in lost if lease.mode == "live"]
        waiting = await asyncio.to_thread(self._book.reserved) if paid else []
        tellable = [lease for lease in paid if not await self._is_put_off(lease, waiting)]
        rows = await open_numbers(self._list) if tellable else ()
        if rows is None:
            for lease in tellable:
                if self._clock() >= lease.expires_at:
                    await self._end(lease, UNTOLD)
            return
        strangers, zone = await self._strangers(rows)
        for lease in tellable:
            await self._decide(lease, waiting, strangers, zone)

    async def _is_put_off(self, lost: ShadowLease, waiting: Collection[ShadowLease]) -> bool:
        """Whether its number could be mistaken for one that is just being bought: then it waits for that one."""
        until = self._terms.patience + MARGIN
        under_way = (one.at + until for one in waiting if abs(one.at - lost.at) <= until + 2 * SKEW)
        last = max(under_way, default=0.0)
        if last <= self._clock():
            return False
        await asyncio.to_thread(self._book.claim, lost, min(last, lost.next_at))
        return True

    async def _list(self, page: Mapping[str, str]) -> Asked:
        return await self._calls.own("getActiveActivations", page, "live")

    async def _strangers(self, rows: Sequence[Listed]) -> tuple[list[Listed], float | None]:
        """The numbers that are nobody's, and how far ahead of UTC new's dates are."""
        ids = [row.id for row in rows]
        leases = await asyncio.to_thread(self._known, ids)
        known = {own: lease.opened_at for own, lease in leases.items()}
        known |= await asyncio.to_thread(self._book.owned, ids)
        return [row for row in rows if row.id not in known], zone_of(rows, known)

    async def _decide(
        self, lost: ShadowLease, rivals: Collection[ShadowLease], strangers: list[Listed], zone: float | None
    ) -> None:
        fitting = [row for row in strangers if self._fits(lost, row, zone)]
        others = sum(any(self._fits(one, row, zone) for row in fitting) for one in rivals)
        if not fitting:
            await self._end(lost, ABSENT)
        elif len(fitting) > others:
            log.error(
                "a lost shadow lease cannot be told from other numbers of new's account; it is not given back"
            )
            self._count("shadow_leases_kept")
            await self._end(lost, AMBIGUOUS)
        else:
            row = fitting[0]
            strangers.remove(row)
            amount = row.price or lost.amount
            if too_dear := self._terms.too_dear(amount):
                await self._stop(too_dear)
            found = replace(lost, own_id=row.id, amount=amount, next_at=self._clock())
            if await asyncio.to_thread(self._book.found, found):
                log.warning("a lost shadow lease was found and is given back")

    def _fits(self, lost: ShadowLease, row: Listed, zone: float | None) -> bool:
        country = self._calls.own_country(lost.country)
        elsewhere = country.isdecimal() and row.country.isdecimal() and country != row.country
        until = lost.at + self._terms.patience
        return row.service == lost.service and not elsewhere and bought_between(row, lost.at, until, zone)
