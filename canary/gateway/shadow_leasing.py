"""Everything about shadow leases in one process: buying, following, giving back, and the switch that stops it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from canary.core.accounts import Account
from canary.core.model import Arm, Lease
from canary.gateway.asking import Arms, Asked
from canary.gateway.config import Loaded
from canary.gateway.rollouts import RolloutView
from canary.gateway.shadow_calls import ShadowCalls, Terms
from canary.gateway.shadow_keeper import ShadowKeeper
from canary.gateway.shadow_leases import ShadowLeases
from canary.store.shadow_leases import ShadowBook, Switch

log = logging.getLogger(__name__)

ACTOR = "gateway"


def shadow_terms(loaded: Loaded) -> Terms:
    """How a policy and new's profile want shadow leases to be had."""
    shadow, profile = loaded.policy.shadow, loaded.profiles[Arm.NEW]
    return Terms(
        mode=shadow.leases,
        caps=shadow.budget.caps if shadow.leases == "live" else None,
        sandbox=profile.sandbox_header,
        hold=profile.minimum_hold,
        lifetime=profile.lifetime,
        lifetimes=profile.lifetimes,
        patience=shadow.timeout,
    )


class ShadowLeasing:
    """What the gateway starts.

    Args:
        arms: with pools of the shadow's own.
        learn: takes in an answer of new for the comparison.
        count: adds one to a named counter.
        known: those of new's own ids that are clients' leases.
        clock: wall-clock seconds.

    Attributes:
        leases: hears of what clients do.
        keeper: gives back what is due.
    """

    def __init__(
        self,
        book: ShadowBook,
        arms: Arms,
        terms: Terms,
        view: RolloutView,
        *,
        learn: Callable[[Asked], None],
        count: Callable[[str], None],
        known: Callable[[Sequence[str]], Mapping[str, Lease]],
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._terms = terms
        self._view = view
        self._clock = clock
        self._missing: Decimal | None = None
        calls = ShadowCalls(arms, terms)
        self.leases = ShadowLeases(
            book, calls, terms, view, learn=learn, count=count, stop=self._stop, clock=clock
        )
        self.keeper = ShadowKeeper(
            book, calls, terms, known=known, before=self._catch_up, count=count, stop=self._stop, clock=clock
        )

    async def load(self) -> None:
        """Go on with what an earlier process left.

        Raises:
            StoreError: the store cannot be read.
        """
        await self.leases.load()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leases.run())
            group.create_task(self.keeper.run())

    async def close(self) -> None:
        """Finish what is under way. Call it once ``run`` was cancelled."""
        await self.leases.close()

    def reconcile(self, account: Account) -> None:
        """Take in what a balance of new's showed; it blocks.

        As long as old serves every client, nothing but shadow leases is bought with new's key: what is missing beyond
        their prices was charged for them, or somebody else uses the account.
        """
        if self._terms.mode == "off" or account.arm is not Arm.NEW or self._view.rollout.weight:
            return
        before, self._missing = self._missing, account.unexplained
        if before is not None and account.unexplained > before:
            more = account.unexplained - before
            self._stop_at_once(f"new's account has lost {more} more than its numbers are known to cost")

    async def _catch_up(self) -> None:
        self.leases.forget()
        await self.leases.write()

    async def _stop(self, reason: str) -> None:
        await asyncio.to_thread(self._stop_at_once, reason)

    def _stop_at_once(self, reason: str) -> None:
        """Stop all buying; it stays on the record why that was first done."""
        if not self._book.switch().stopped:
            log.error("shadow leases are stopped: %s", reason)
            self._book.turn(Switch(True, reason, ACTOR, self._clock()))
