"""Everything of one proxy process behind its ingress: put together, started and stopped."""

import asyncio
import contextlib
import itertools
import secrets as random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import time

from canary.core.accounts import SLOWEST, Terms
from canary.core.detect import Habits
from canary.core.dialects import HANDLER_API
from canary.core.margins import LATENCY
from canary.core.model import Arm, Call, Purchase, Rollout
from canary.core.pairing import Pairing
from canary.core.policy.model import Policy, Profile
from canary.core.policy.terms import terms_of
from canary.core.route import Rules
from canary.core.scores import SETTLE
from canary.gateway.accounts import Accounts
from canary.gateway.answers import Answers
from canary.gateway.asking import Arms, ArmSide, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.config import Loaded, Secrets
from canary.gateway.countries import by_iso
from canary.gateway.differences import Contract
from canary.gateway.gateway import Gateway
from canary.gateway.histories import Histories
from canary.gateway.ledger import Ledger
from canary.gateway.native import Native
from canary.gateway.natives import native_of
from canary.gateway.pairs import PairCounts
from canary.gateway.prices import PriceTable
from canary.gateway.recovery import Recovery
from canary.gateway.rollouts import RolloutView
from canary.gateway.shadow import ShadowQueue
from canary.gateway.shadow_leasing import ShadowLeasing, shadow_terms
from canary.gateway.upstream import Upstream
from canary.store.store import Store
from canary.store.writer import GroupCommit

GRACE = 3600.0
"""Seconds that an ended lease is kept in memory; later calls for it are looked up in the store."""

WATCHED = 60.0
"""Seconds between two balances while live shadow leases may be bought, if the policy names no others."""

SHADOW_CONNECTIONS = 32

SHADOW_BODY = 8 * 1024 * 1024
"""Bytes of a copy's reply that are taken: room for a whole price list, and little that an arm can fill at will."""


class GatewayService:
    """The gateway with its pools, ledger and background work.

    Args:
        rollout: as it stands in the store.
        clock: wall-clock seconds.
        workers: processes that answer on one port; what the policy allows them together, each has a share of.
    """

    def __init__(
        self,
        loaded: Loaded,
        secrets: Secrets,
        store: Store,
        rollout: Rollout,
        clock: Callable[[], float] = time,
        workers: int = 1,
    ) -> None:
        policy = loaded.policy
        self._clock = clock
        self.proxy = random.token_hex(8)
        """Names this process's rows in the store; unique per start, so that counts add up."""
        patience = max(3 * policy.judging.tick, 5.0)
        self.view = RolloutView(store, policy.name, rollout, patience)
        self.bindings = Bindings(store, GroupCommit(store, policy.name), policy.name, GRACE)
        self.ledger = Ledger(
            store,
            self.bindings,
            self.view,
            self.proxy,
            clock,
            _contract(loaded, self.view, clock),
            {arm: _habits(profile) for arm, profile in loaded.profiles.items()},
            _pairs(loaded, self.view),
        )
        self.upstreams = {arm: _upstream(loaded, secrets, arm, workers) for arm in Arm}
        self._shadow_upstreams = {arm: _shadow_upstream(loaded, secrets, arm) for arm in Arm}
        known = {arm: _Known(_prices(loaded, arm), native_of(loaded, arm)) for arm in Arm}
        arms = _arms(loaded, secrets, self.upstreams, known, clock, self._heard)
        own = _arms(loaded, secrets, self.upstreams, known, clock)
        holds = {arm: profile.minimum_hold for arm, profile in loaded.profiles.items()}
        self.recovery = Recovery(store, policy.name, own, self.bindings, holds, self.ledger.count, clock)
        self.shadow_leases = ShadowLeasing(
            store.shadow_book(policy.name),
            _arms(loaded, secrets, self._shadow_upstreams, known, clock),
            shadow_terms(loaded),
            self.view,
            learn=self.ledger.contract.heard,
            count=self.ledger.count,
            known=partial(store.known, policy.name, Arm.NEW),
            clock=clock,
        )
        self.accounts = Accounts(
            store,
            policy.name,
            own,
            self.bindings,
            {arm: _terms(loaded, arm) for arm in Arm},
            slowest=max(policy.arm(arm).timeout for arm in Arm) + SETTLE,
            shared=_share_an_account(loaded, secrets),
            poll=_seldom(_poll(policy), workers),
            clock=clock,
            aside=lambda at: store.shadow_book(policy.name).spent(at).run,
            judged=self.shadow_leases.reconcile,
        )
        self.histories = Histories(
            store.statements(policy.name),
            own,
            {arm: profile.history_action for arm, profile in loaded.profiles.items()},
            {arm: _terms(loaded, arm) for arm in Arm},
            every=_seldom(policy.reconcile.history, workers),
            clock=clock,
        )
        self.shadow = ShadowQueue(
            _arms(loaded, secrets, self._shadow_upstreams, known, clock, self.accounts.heard),
            _share(policy.shadow.queue, workers),
            self.ledger.count,
            self._compare,
            policy.shadow.noise,
        )
        failure, serials = policy.upstream_failure, itertools.count()
        self.gateway = Gateway(
            arms,
            self.bindings,
            self.view,
            self.ledger,
            self.shadow,
            rules=Rules(policy.spillover, policy.balance == "sum"),
            answers=Answers(failure.status, failure.body.encode(), policy.arm_header),
            unit=policy.unit,
            new_id=lambda: f"{self.proxy}{next(serials):08x}",
            lost=self.recovery.lost if policy.recover_lost else _let_go,
            shadow_leases=self.shadow_leases.leases,
        )
        self._recovers = policy.recover_lost
        self._work: list[asyncio.Task[None]] = []

    def _heard(self, asked: Asked) -> None:
        self.ledger.contract.heard(asked)
        self.accounts.heard(asked)

    async def _compare(self, call: Call, served: Asked, copy: Asked) -> None:
        self.ledger.pairs.take(served, copy)
        await self.ledger.contract.pair(call, served, copy)

    async def start(self) -> None:
        """Fill memory from the store, open the pools, begin the background work.

        Raises:
            StoreError: the store cannot be read.
            OSError: a CA file cannot be read.
        """
        await asyncio.to_thread(self.bindings.load, self._clock())
        for upstream in (*self.upstreams.values(), *self._shadow_upstreams.values()):
            await upstream.start()
        await self.view.refresh()
        await self.accounts.start()
        await self.shadow_leases.load()
        if self._recovers:
            await self.recovery.load()
        self._work = [
            asyncio.create_task(self.view.run(), name="rollout view"),
            asyncio.create_task(self.ledger.run(), name="ledger"),
            asyncio.create_task(self.accounts.run(), name="accounts"),
            asyncio.create_task(self.histories.run(), name="histories"),
            asyncio.create_task(self.shadow.run(), name="shadow"),
            asyncio.create_task(self.shadow_leases.run(), name="shadow leases"),
        ]
        if self._recovers:
            self._work.append(asyncio.create_task(self.recovery.run(), name="recovery"))

    async def stop(self) -> None:
        """End the background work, write what is left, close the pools. Call it when nothing is in flight."""
        for task in self._work:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._work, return_exceptions=True)
        await self.shadow_leases.close()
        await self.ledger.close()
        await self.accounts.close()
        for upstream in (*self.upstreams.values(), *self._shadow_upstreams.values()):
            await upstream.close()


def _let_go(_purchase: Purchase, _key: str | None) -> None:
    """A lost purchase that nobody looks for."""


def _contract(loaded: Loaded, view: RolloutView, clock: Callable[[], float]) -> Contract:
    unsupported = frozenset(loaded.profiles[Arm.NEW].unsupported_actions)
    factors = {arm: loaded.policy.arm(arm).price_factor for arm in Arm}
    return Contract(lambda: view.rollout.attempt, lambda: view.rollout.weight, clock, unsupported, factors)


def _pairs(loaded: Loaded, view: RolloutView) -> PairCounts:
    policy = loaded.policy
    patience = min(policy.shadow.timeout, *(policy.arm(arm).timeout for arm in Arm))
    lifetime = max(profile.lifetime for profile in loaded.profiles.values())
    factors = (gate.rollback_margin for gate in policy.resolved_gates(lifetime) if gate.name == LATENCY)
    pairing = Pairing(patience, next(factors, None))
    return PairCounts(pairing, terms_of(policy), lambda: view.rollout)


def _habits(profile: Profile) -> Habits:
    return Habits(profile.poll_interval, frozenset(profile.unsupported_actions))


@dataclass(frozen=True, slots=True)
class _Known:
    """What all pools of one arm share: its prices, and how it is spoken to (with the token that lets it in)."""

    prices: PriceTable
    native: Native | None


def _prices(loaded: Loaded, arm: Arm) -> PriceTable:
    if loaded.profiles[arm].dialect != HANDLER_API:  # its prices are told by the clients' ids
        return PriceTable({country.iso2: country.id for country in by_iso().values()})
    return PriceTable({**loaded.profiles[arm].countries, **loaded.policy.arm(arm).countries})


def _poll(policy: Policy) -> float | None:
    """How often balances are asked for; while money is spent for shadow leases, in any case."""
    if policy.reconcile.poll is None and policy.shadow.leases == "live":
        return WATCHED
    return policy.reconcile.poll


def _share_an_account(loaded: Loaded, secrets: Secrets) -> bool:
    """Whether both arms buy from the same account: one endpoint, and one key or each client's own."""
    urls, keys = {loaded.policy.arm(arm).url for arm in Arm}, {secrets.keys[arm] for arm in Arm}
    return len(urls) == len(keys) == 1


def _terms(loaded: Loaded, arm: Arm) -> Terms:
    profile, side = loaded.profiles[arm], loaded.policy.arm(arm)
    within = SLOWEST if profile.refund_within is None else profile.refund_within
    return Terms(profile.currency, side.price_factor, within)


def _arms(
    loaded: Loaded,
    secrets: Secrets,
    upstreams: dict[Arm, Upstream],
    known: Mapping[Arm, _Known],
    clock: Callable[[], float],
    heard: Callable[[Asked], None] | None = None,
) -> Arms:
    sides = {}
    for arm, upstream in upstreams.items():
        profile, countries = loaded.profiles[arm], loaded.policy.arm(arm).countries
        sides[arm] = ArmSide(
            upstream,
            secrets.keys[arm],
            profile.lifetime,
            profile.lifetimes,
            profile.cost_headers,
            known[arm].prices,
            profile.auto_refund_on_expiry,
            countries,
            known[arm].native,
        )
    return Arms(sides, clock, heard)


def _upstream(loaded: Loaded, secrets: Secrets, arm: Arm, workers: int) -> Upstream:
    side = loaded.policy.arm(arm)
    most = _share(side.max_in_flight, workers)
    return Upstream(side.url, secrets.headers[arm], side.timeout, most, loaded.ca_file(arm))


def _share(limit: int, workers: int) -> int:
    """One worker's share of a limit."""
    return max(1, limit // workers)


def _seldom(every: float | None, workers: int) -> float | None:
    """Seconds between two questions of one worker, so that all of them together ask as often as they may."""
    return None if every is None else every * workers


def _shadow_upstream(loaded: Loaded, secrets: Secrets, arm: Arm) -> Upstream:
    side = loaded.policy.arm(arm)
    timeout = loaded.policy.shadow.timeout
    return Upstream(
        side.url, secrets.headers[arm], timeout, SHADOW_CONNECTIONS, loaded.ca_file(arm), SHADOW_BODY
    )
