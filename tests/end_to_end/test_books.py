"""The ledger against the providers' own books, to the cent: cancels, expiries, late refunds, lost answers, restarts."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from canary.core.model import Arm
from canary.sim.books import Books
from canary.sim.native import APIS
from canary.sim.profiles import profile
from tests.desks import TIMEOUT, Providers, desk_rig, per_success, settle
from tests.factories import FakeClock, treq
from tests.rig import Rig

LEASES = 20_000
WAVE = 500
RESTARTS = 4

OFFERS = (("tg", "6"), ("wa", "187"), ("go", "0"))
PRICES = {"tg": "0.20", "wa": "0.35", "go/0": "0.085"}
CODE_AFTER = 8
SHARES = {"success": 0.6, "code_delay": f"{CODE_AFTER}s", "prices": PRICES, "deposit": 100_000}
FAULTS = {"reset": 0.01, "empty": 0.01, "hang": 0.01, "faults_on": "getNumber,getNumberV2,setStatus"}

OLD = {
    **SHARES,
    **FAULTS,
    "dialect": "sms-activate",
    "refund_delay": {"median": "1h", "p95": "4h"},
    "id_start": 10_000,
}
NEW = {
    **SHARES,
    **FAULTS,
    "dialect": "verifysms",
    "cost_header": "X-VerifySMS-Cost",
    "refund_delay": {"median": "10s", "p95": "45s"},
    "id_start": 500_000,
}
POLICY = {
    "recover_lost": True,
    "reconcile": {"poll": "60s"},
    "old": {"provider": "sms-activate"},
    "new": {"provider": "verifysms"},
}


class Customer:
    """One lease from its client's side; every step is a call or two at one moment."""

    def __init__(self, random: Random, offers: Sequence[tuple[str, str]]) -> None:
        self._random = random
        self._offers = offers
        self.id = ""
        self.has_code = False
        self.ways = (
            random.choices(("finish", "leave"), (9, 1))[0],
            random.choices(("cancel", "look", "forget"), (6, 2, 2))[0],
        )

    async def buy(self, gateway: Rig) -> None:
        service, country = self._random.choice(self._offers)
        action = self._random.choice(("getNumber", "getNumberV2"))
        answer = await gateway.says(action, service=service, country=country)
        if answer.startswith("ACCESS_NUMBER"):
            self.id = answer.split(":")[1]
        elif answer.startswith("{") and "activationId" in answer:
            self.id = str(json.loads(answer)["activationId"])

    async def look(self, gateway: Rig) -> None:
        self.has_code = (await gateway.says("getStatus", id=self.id)).startswith("STATUS_OK")

    async def finish(self, gateway: Rig) -> None:
        await self._insist(gateway, "6")

    async def cancel(self, gateway: Rig) -> None:
        await self._insist(gateway, "8")

    async def _insist(self, gateway: Rig, status: str) -> None:
        """Until it is known to be done; what a write was answered with may be lost."""
        for _ in range(20):
            answer = await gateway.ask("setStatus", id=self.id, status=status)
            if answer.body.startswith(b"ACCESS_"):
                return
            if await gateway.says("getStatus", id=self.id) == "STATUS_CANCEL":
                return
        raise AssertionError(f"{self.id} could not be ended")


async def every(customers: Iterable[Customer], step: Callable[[Customer], Awaitable[None]]) -> None:
    await asyncio.gather(*(step(one) for one in customers))
    await asyncio.sleep(0)  # the ledger takes in what it was told behind the clients' backs


async def wave(
    gateway: Rig,
    clock: FakeClock,
    random: Random,
    size: int,
    offers: Sequence[tuple[str, str]] = OFFERS,
) -> Counter[str]:
    """Leases that begin together and end in their own ways."""
    customers = [Customer(random, offers) for _ in range(size)]
    await every(customers, lambda one: one.buy(gateway))
    served = [one for one in customers if one.id]
    clock.advance(CODE_AFTER + 4)
    await every(served, lambda one: one.look(gateway))
    with_code = [one for one in served if one.has_code]
    without = [one for one in served if not one.has_code]
    await every([one for one in with_code if one.ways[0] == "finish"], lambda one: one.finish(gateway))
    clock.advance(150)
    await every([one for one in without if one.ways[1] == "cancel"], lambda one: one.cancel(gateway))
    await settle(gateway)
    clock.advance(1100)
    await every([one for one in without if one.ways[1] == "look"], lambda one: one.look(gateway))
    await settle(gateway)
    return Counter(
        {"lost": size - len(served), "codes": len(with_code)} | Counter(one.ways[1] for one in without)
    )


@asynccontextmanager
async def opened(folder: Path, providers: Providers, clock: FakeClock, **changes: Any) -> AsyncIterator[Rig]:
    """A gateway that sends every other purchase to each arm."""
    async with desk_rig(
        folder, providers, clock, rollout={"weight": 0.5}, **{**POLICY, **changes}
    ) as gateway:
        gateway.beats = int(clock())  # a controller that is seen alive after every restart
        await gateway.beat()
        yield gateway


async def test_the_ledger_is_the_providers_to_the_cent(tmp_path: Path) -> None:
    """Spent, refunded, on its way and per success, on both arms, whatever befell leases, answers and processes."""
    clock, random = FakeClock(), Random(7)
    providers = Providers(clock, old=OLD, new=NEW)
    seen: Counter[str] = Counter()
    for _ in range(RESTARTS):
        async with opened(tmp_path, providers, clock) as gateway:
            await gateway.handle(treq("getPrices"))
            await settle(gateway)  # the first balance, and old's price table
            for _ in range(LEASES // RESTARTS // WAVE):
                seen += await wave(gateway, clock, random, WAVE)
    assert min(seen[way] for way in ("lost", "codes", "cancel", "look", "forget")) > 100
    async with opened(tmp_path, providers, clock) as gateway:
        clock.advance(1500)
        await settle(gateway)
        told = {arm: figures(providers.books(arm)) for arm in Arm}
        assert told[Arm.OLD]["outstanding"] > 0
        clock.advance(TIMEOUT + 10)
        await settle(gateway)
        assert {arm: ledger(gateway, arm) for arm in Arm} == told
        await _agree_in_the_end(gateway, providers, clock)


async def _agree_in_the_end(gateway: Rig, providers: Providers, clock: FakeClock) -> None:
    """Once every refund has come."""
    clock.advance(2 * 86400)
    await settle(gateway)
    clock.advance(TIMEOUT + 10)
    await settle(gateway)
    told = {arm: figures(providers.books(arm)) for arm in Arm}
    assert {arm: ledger(gateway, arm) for arm in Arm} == told
    assert {account.unexplained for account in gateway.store.accounts(gateway.name)} == {Decimal(0)}
    assert gateway.store.overdue(gateway.name) == []


@pytest.mark.parametrize("dialect", APIS)
async def test_so_is_it_when_an_arm_speaks_its_own_api(tmp_path: Path, dialect: str) -> None:
    """Prices out of native replies, lost purchases found in native lists, refunds by the profile's rules."""
    clock, random = FakeClock(), Random(7)
    lists = dialect != "verifysms-native"  # without a list a lost purchase is never found
    knobs = {
        **profile(dialect).model_dump(exclude_defaults=True),
        **SHARES,
        **FAULTS,
        "faults_on": FAULTS["faults_on"] if lists else "setStatus",
        "rate_limit": None,
        "id_start": 500_000,
        "forget_after": None,
    }
    url = f"http://provider.test{APIS[dialect].base}"
    side = {"url": url, "provider": dialect, "headers": {"X-API-USERNAME": "books"}}
    offers = [("tg", "187"), ("wa", "187")] if dialect == "textverified" else OFFERS
    providers = Providers(clock, old=OLD, new=knobs)
    for _ in range(2):
        async with opened(tmp_path, providers, clock, new=side) as gateway:
            await settle(gateway)
            for _ in range(3):
                await wave(gateway, clock, random, 100, offers)
    async with opened(tmp_path, providers, clock, new=side) as gateway:
        clock.advance(1500)
        await settle(gateway)
        assert providers.books(Arm.NEW).spent > 10
        assert (providers.books(Arm.NEW).lost > 0) == lists
        await _agree_in_the_end(gateway, providers, clock)


def figures(books: Books) -> dict[str, Decimal | None]:
    """What the provider says."""
    return {
        "spent": books.spent,
        "refunded": books.refunded,
        "outstanding": books.owed,
        "per_success": per_success(books),
    }


def ledger(gateway: Rig, arm: Arm) -> dict[str, Decimal | None]:
    """What the harness says."""
    money = gateway.store.money(gateway.name)[arm]
    followed = [one.outstanding for one in gateway.store.accounts(gateway.name) if one.arm is arm]
    outstanding = sum(followed, start=Decimal(0))  # of a provider without a balance none is known
    return {
        "spent": money.spent,
        "refunded": money.refunded - outstanding,
        "outstanding": outstanding,
        "per_success": money.per_success,
    }
