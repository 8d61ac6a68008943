"""Shadow leases: a client's purchase on old repeated on new, to see what new would have answered to all of its life.

In new's sandbox nothing is charged, and everything that the client does with its number is done with the shadow's
too. A live one costs money until it is given back: the money is reserved in the store before the purchase is sent,
its polls are repeated and nothing else, and it is cancelled as soon as new takes a cancel.

All of this is done after the client has been served, from a bounded queue, on pools of the shadow's own.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from secrets import token_hex

from canary.core.actions import lookup
from canary.core.budget import NOTHING
from canary.core.model import (
    NOTHING_SENT,
    Arm,
    Call,
    Effect,
    Exchange,
    Kind,
    Lease,
    Outcome,
    Progress,
    Request,
)
from canary.gateway.asking import Asked
from canary.gateway.rollouts import RolloutView
from canary.gateway.shadow import Share
from canary.gateway.shadow_calls import MARGIN, ShadowCalls, Stop, Terms
from canary.store.errors import StoreError
from canary.store.shadow_leases import LEFT_OUT, ShadowBook, ShadowLease

log = logging.getLogger(__name__)

BOUGHT = frozenset({"getNumber", "getNumberV2"})
"""Purchases that are repeated: those of one number that builds on no other."""

QUEUE = 200
"""Calls that may wait to be repeated."""

WORKERS = 4

CAPPED = frozenset({"WRONG_MAX_PRICE", "MAX_PRICE_EXCEEDED"})
"""Refusals that our own cap on the price has brought about: nothing is learned from them."""


@dataclass(eq=False, slots=True)
class _Shadow:
    """A shadow lease in memory. ``turn``: its calls are sent one after the other. ``coded``: it has its code."""

    lease: ShadowLease
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    coded: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """A client's call to repeat: a purchase, or a call about the lease that ``shadow`` follows."""

    request: Request
    call: Call
    lease: Lease
    shadow: _Shadow | None = None


class ShadowLeases:
    """Buys shadow leases and lets them follow their clients' ones.

    Args:
        learn: takes in an answer of new for the comparison.
        count: adds one to a named counter.
        stop: stops all buying, for a reason.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        book: ShadowBook,
        calls: ShadowCalls,
        terms: Terms,
        view: RolloutView,
        *,
        learn: Callable[[Asked], None],
        count: Callable[[str], None],
        stop: Stop,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._calls = calls
        self._terms = terms
        self._view = view
        self._learn = learn
        self._count = count
        self._stop = stop
        self._clock = clock
        self._share = Share()
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(QUEUE)
        self._following: dict[str, _Shadow] = {}  # by old's own id
        self._unwritten: list[ShadowLease] = []
        self._buying: set[asyncio.Future[None]] = set()
        self._listed = False  # whether new lists shadow leases among its account's numbers

    async def load(self) -> None:
        """Go on following those that an earlier process bought.

        Raises:
            StoreError: the store cannot be read.
        """
        found = await asyncio.to_thread(self._book.open_ones)
        unsure = await asyncio.to_thread(self._book.reserved)
        self._listed = "live" in {self._terms.mode, *(lease.mode for lease in (*found, *unsure))}
        for lease in found:
            if lease.mode == self._terms.mode:
                self._following[lease.of_id] = _Shadow(lease)

    # --- on the client's path: looks at memory, and queues ------------------------------------------------------------

    def bought(self, request: Request, call: Call, leases: Sequence[Lease]) -> None:
        """A client is shown these numbers."""
        if self._terms.mode == "off" or leases[0].arm is not Arm.OLD or not self._are_wanted():
            return
        if len(leases) != 1 or call.action not in BOUGHT:
            self._count(f"{LEFT_OUT}{call.action}")
        elif self._share.takes(self._view.rollout.shadow):
            self._put(_Job(request, call, leases[0]))

    def _are_wanted(self) -> bool:
        """Whether the rollout stands where purchases are shadowed."""
        return self._view.rollout.safe_arm is Arm.OLD and self._view.rollout.shadow > 0

    def followed(self, request: Request, call: Call, leases: Sequence[Lease]) -> None:
        """A client's call about these leases was answered."""
        if not self._following or len(leases) != 1 or len(call.ids) != 1:
            return
        [lease] = leases
        shadow = (
            self._following.get(lease.id) if (lease.arm, lease.kind) == (Arm.OLD, Kind.ACTIVATION) else None
        )
        if shadow is not None and self._may_follow(call):
            self._put(_Job(request, call, lease, shadow))

    def _may_follow(self, call: Call) -> bool:
        """A live one is only read: what its client does may cost money that is not given back."""
        if call.effect is Effect.LEASE_WRITE:
            return self._terms.mode == "sandbox"
        return call.effect is Effect.LEASE_READ

    def _put(self, job: _Job) -> None:
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            self._count("shadow_lease_calls_dropped")

    # --- off it -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Repeat calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def close(self) -> None:
        """Finish the purchases that are under way, and write them. Call it once ``run`` was cancelled."""
        if self._buying:
            await asyncio.wait(self._buying, timeout=self._terms.patience)
        try:
            await self.write()
        except StoreError as error:
            log.warning("shadow leases could not be written and will be looked for: %s", error)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                await self._do(job)
            except StoreError as error:
                self._count("shadow_lease_calls_failed")
                log.warning("a shadow lease could not be bought: %s", error)
            except Exception:
                self._count("shadow_lease_calls_failed")
                log.exception("a call about a shadow lease failed")

    async def _do(self, job: _Job) -> None:
        if job.shadow is not None:
            await self._follow(job, job.shadow)
        elif (
            self._view.fresh and self._are_wanted()
        ):  # nothing is spent while nobody watches over the rollout
            buying = asyncio.ensure_future(self._buy(job))
            self._buying.add(buying)
            buying.add_done_callback(self._buying.discard)
            await asyncio.shield(buying)

    async def _buy(self, job: _Job) -> None:
        reserved = self._reservation(job)
        refusal = await asyncio.to_thread(self._book.reserve, reserved, self._terms.caps)
        if refusal is not None:
            self._count("shadow_leases_refused")
            return
        asked = await self._calls.like(job.request, job.call, self._limits(job.call), reserved.mode)
        if asked.exchange.reply.code not in CAPPED:
            self._learn(asked)
        await self._settle(reserved, asked)

    def _reservation(self, job: _Job) -> ShadowLease:
        now, terms = self._clock(), self._terms
        return ShadowLease(
            id=token_hex(12),
            mode=terms.mode,
            at=now,
            # until then its answer has come, or it must be looked for
            next_at=now + terms.patience + terms.hold + MARGIN,
            expires_at=now + terms.lifetime_of(job.lease.service),
            amount=terms.caps.price if terms.caps else NOTHING,
            of_id=job.lease.id,
            service=job.lease.service,
            country=job.lease.country,
        )

    def _limits(self, call: Call) -> dict[str, str]:
        """What a shadow's purchase says otherwise: an order of its own, and the most that it may cost."""
        changes = {"orderId": f"shadow-{token_hex(8)}"} if call.params.get("orderId") else {}
        if self._terms.caps is None:
            return changes
        own = _amount(call.params.get("maxPrice", ""))
        most = self._terms.caps.price if own is None else min(own, self._terms.caps.price)
        return changes | {"maxPrice": f"{most:f}"}

    async def _settle(self, reserved: ShadowLease, asked: Asked) -> None:
        issued = asked.exchange.reply.issued
        if issued:
            bought = self._opened(reserved, issued[0].id, self._price(asked, reserved))
            self._following[reserved.of_id] = _Shadow(bought)
            self._unwritten.append(bought)
            await self.write()
        elif reserved.mode == "sandbox" or _was_refused(asked.exchange):
            await asyncio.to_thread(self._book.release, reserved)
        else:
            self._count("shadow_leases_lost")
            log.warning("a shadow lease may have been bought, its answer was lost; it will be looked for")

    def _opened(self, reserved: ShadowLease, own_id: str, amount: Decimal) -> ShadowLease:
        """What is known once it was bought, and when it is given back."""
        early = self._clock() + self._terms.hold + MARGIN
        late = max(
            early, reserved.expires_at - self._terms.hold
        )  # a sandbox costs nothing: it follows to the end
        next_at = late if reserved.mode == "sandbox" else early
        return replace(reserved, own_id=own_id, amount=amount, next_at=next_at)

    def _price(self, asked: Asked, reserved: ShadowLease) -> Decimal:
        """What it cost; without a word of that, or where it is said to be free, what was reserved."""
        if reserved.mode == "sandbox":
            return NOTHING
        return self._calls.price_in(asked) or asked.exchange.reply.issued[0].price or reserved.amount

    async def _follow(self, job: _Job, shadow: _Shadow) -> None:
        action = lookup(job.call.action)
        assert action is not None, "only catalogued actions name leases"
        name = next(name for name in action.ids if name in job.call.params)
        async with shadow.turn:
            if self._following.get(shadow.lease.of_id) is not shadow:
                return  # it has been given back meanwhile
            own = {name: shadow.lease.own_id}
            asked = await self._calls.like(job.request, job.call, own, shadow.lease.mode)
        shadow.coded |= asked.exchange.reply.progress is Progress.CODE
        # a sandbox may have codes at once, or never: what is refused for that reason is no habit of new
        if job.call.effect is Effect.LEASE_READ or shadow.coded == (job.lease.code_at is not None):
            self._learn(asked)
        self._count("shadow_lease_calls_sent")

    async def among(self, arm: Arm, own: Collection[str]) -> Collection[str]:
        """Those of an arm's ids that are shadow leases: clients must not see, and perhaps end, what is not theirs.

        Without the store, those that this process follows.
        """
        if arm is Arm.OLD or not self._listed:
            return ()
        try:
            return await asyncio.to_thread(self._book.owned, own)
        except StoreError as error:
            log.warning("shadow leases in a list could not be looked up: %s", error)
            return {shadow.lease.own_id for shadow in self._following.values()}

    async def write(self) -> None:
        """Write which numbers were bought, those too that could not be written before.

        Raises:
            StoreError: they could not be written; they are kept.
        """
        waiting, self._unwritten = self._unwritten, []
        for n, lease in enumerate(waiting):
            try:
                if too_dear := self._terms.too_dear(lease.amount):
                    await self._stop(too_dear)
                await asyncio.to_thread(self._book.bought, lease)
            except StoreError:
                self._unwritten = waiting[n:] + self._unwritten
                raise
            self._count("shadow_leases_bought")

    def forget(self) -> None:
        """Follow no longer those whose time has come to be given back, whoever does that."""
        now = self._clock()
        over = [of_id for of_id, shadow in self._following.items() if shadow.lease.next_at <= now]
        for of_id in over:
            del self._following[of_id]


_REFUSED = frozenset({Outcome.BUSINESS, Outcome.CALLER, Outcome.STATE, Outcome.ACCOUNT, Outcome.LIMIT})


def _was_refused(exchange: Exchange) -> bool:
    """Whether nothing can have been charged; after a fault of new's, or a word that nobody knows, it can."""
    return exchange.failure in NOTHING_SENT or exchange.reply.outcome in _REFUSED


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
