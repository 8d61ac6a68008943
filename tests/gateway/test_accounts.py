"""Accounts: balances and price tables heard in traffic or asked for politely, and never beyond that."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary.core.accounts import SLOWEST, Account, Terms
from canary.core.model import Arm
from canary.core.protocol.rewrite import fingerprint
from canary.gateway.accounts import PRICES_AGAIN, THIN
from canary.store.errors import StoreUnavailable
from tests.desks import TIMEOUT, Providers, desk_rig, settle
from tests.factories import CLIENT_KEY, FakeClock, treq
from tests.rig import Rig

RIPE = TIMEOUT + 10
"""Seconds after which a balance is held against the leases."""

POLL = {"reconcile": {"poll": "60s"}}
SELLS = {"success": 0.0, "refund_delay": "1h", "deposit": 10}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sellers(clock: FakeClock) -> Providers:
    """Both arms sell numbers whose codes never come, and pay refunds after an hour."""
    return Providers(clock, old=SELLS, new={**SELLS, "cost_header": "X-VerifySMS-Cost"})


async def account(gateway: Rig, arm: Arm = Arm.OLD) -> Account | None:
    """What is known of an arm's account once the last balance has been held against the leases."""
    gateway.clock.advance(RIPE)
    await settle(gateway)
    return next((one for one in gateway.store.accounts(gateway.name) if one.arm is arm), None)


async def cancelled(gateway: Rig) -> None:
    """A number that was bought and given back."""
    answer = await gateway.says("getNumberV2", service="tg", country="6")
    own = answer.partition('"activationId": ')[2].partition(",")[0]
    gateway.clock.advance(200)
    assert await gateway.says("setStatus", id=own, status="8") == "ACCESS_CANCEL"
    gateway.clock.advance(RIPE)


async def test_a_clients_own_look_at_its_balance_is_used(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """Nobody asks for anything: what clients see is enough to tell a refund on its way."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getBalance")
        assert await account(gateway) is not None
        await cancelled(gateway)
        await gateway.says("getBalance")
        seen = await account(gateway)
        assert seen is not None
        assert (seen.balance, seen.outstanding, seen.unexplained) == (Decimal("9.80"), Decimal("0.20"), 0)
        assert sellers.books(Arm.OLD).by_action["getBalance"] == 2


async def test_nothing_is_asked_unless_the_policy_says_so(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """The default leaves both accounts alone."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        for _ in range(3):
            clock.advance(600)
            await settle(gateway)
        assert sellers.books(Arm.OLD).calls == sellers.books(Arm.NEW).calls == 0


async def test_balances_are_asked_for_politely(tmp_path: Path, clock: FakeClock, sellers: Providers) -> None:
    """Both arms, once in the interval however often there is time, and counted as nobody's traffic."""
    async with desk_rig(tmp_path, sellers, clock, **POLL) as gateway:
        for _ in range(12):
            await settle(gateway)
            clock.advance(20)
        for arm in Arm:
            assert sellers.books(arm).by_action == {"getBalance": 4}
        assert gateway.store.tallies(gateway.name) == {}
        assert gateway.store.hazards(gateway.name) == {}
        assert {one.arm for one in gateway.store.accounts(gateway.name)} == set(Arm)


async def test_a_crowd_that_looks_at_its_balance_is_thinned_out(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """One a minute is held against the leases."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        held: list[Any] = []
        gateway.store.reconcile = lambda *args: held.append(args)  # type: ignore[method-assign,assignment]
        for _ in range(30):
            clock.advance(THIN / 10)
            await gateway.says("getBalance")
        clock.advance(RIPE)
        await settle(gateway)
        assert len(held) == 3


async def test_a_balance_waits_for_what_was_under_way(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """A call that began before it may end as late as its timeout."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getBalance")
        clock.advance(TIMEOUT)
        await settle(gateway)
        assert gateway.store.accounts(gateway.name) == []
        assert await account(gateway) is not None


async def test_a_stop_holds_what_is_left(tmp_path: Path, clock: FakeClock, sellers: Providers) -> None:
    """Nothing is under way any more."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getBalance")
        await gateway.service.stop()
        assert len(gateway.store.accounts(gateway.name)) == 1


async def test_without_the_store_balances_are_kept(
    tmp_path: Path, clock: FakeClock, sellers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are held against the leases when it is back."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getBalance")
        with monkeypatch.context() as patch:
            patch.setattr(gateway.store, "reconcile", gone)
            assert await account(gateway) is None
        assert await account(gateway) is not None


async def test_each_passed_on_key_is_an_account(tmp_path: Path, clock: FakeClock, sellers: Providers) -> None:
    """Keys are told apart by their fingerprints; no key is kept."""
    async with desk_rig(tmp_path, sellers, clock, old={"api_key": "passthrough"}, **POLL) as gateway:
        await gateway.says("getBalance")
        await gateway.says("getBalance", key="another")
        await account(gateway)
        found = [one.account for one in gateway.store.accounts(gateway.name) if one.arm is Arm.OLD]
        assert sorted(found) == sorted([fingerprint(CLIENT_KEY), fingerprint("another")])
        assert sellers.books(Arm.OLD).by_action["getBalance"] == 2, "without a key nothing is asked for"


async def test_one_account_behind_both_arms_is_asked_once(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """An A/A run has one endpoint and one key: its balance is that of both arms."""
    url = "http://one.example/stubs/handler_api.php"
    old, new = ({"url": url, "api_key": {"env": "OLD_SMS_KEY"}} for _ in Arm)
    sellers.desks[Arm.NEW] = sellers.desks[Arm.OLD]
    split = {"rollout": {"weight": 0.5}}
    async with desk_rig(tmp_path, sellers, clock, old=old, new=new, **split, **POLL) as gateway:
        await settle(gateway)
        for n in range(8):
            await gateway.handle(treq("getNumberV2", service="tg", country="6", client=f"192.0.2.{n}"))
        clock.advance(100)
        await settle(gateway)
        clock.advance(RIPE)
        await settle(gateway)
        [one] = gateway.store.accounts(gateway.name)
        assert {lease.arm for lease in gateway.service.bindings.leases} == set(Arm)
        assert (one.balance, one.expected, one.shared) == (Decimal("8.40"), Decimal("8.40"), True)
        assert sellers.books(Arm.OLD).by_action["getBalance"] == 2


async def test_terms_are_there_for_readers_of_the_store(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """Currency and patience of the profile, factor of the policy."""
    sides = {"old": {"price_factor": "0.011"}, "new": {"provider": "verifysms"}}
    async with desk_rig(tmp_path, sellers, clock, **sides) as gateway:
        assert gateway.store.terms(gateway.name) == {
            Arm.OLD: Terms("unknown", Decimal("0.011"), SLOWEST),
            Arm.NEW: Terms("unknown", Decimal(1), 60.0),
        }


# --- prices -----------------------------------------------------------------------------------------------------------


async def price(gateway: Rig) -> tuple[Decimal | None, str]:
    """What is known of the price of the last number that was bought."""
    await gateway.flush()
    lease = max(gateway.service.bindings.leases, key=lambda one: one.opened_at)
    return lease.price, lease.price_source


async def test_a_table_that_was_seen_prices_later_purchases(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """A text answer tells no price; the arm's own table does, and says so."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getPrices")
        await settle(gateway)
        await gateway.says("getNumber", service="tg", country="6")
        assert await price(gateway) == (Decimal("0.20"), "table")


async def test_a_table_prices_what_was_bought_before(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """As soon as it is seen."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getNumber", service="tg", country="6")
        assert await price(gateway) == (None, "")
        await gateway.says("getPrices", service="tg")
        await settle(gateway)
        assert await price(gateway) == (Decimal("0.20"), "table")


async def test_a_table_is_asked_for_when_it_is_needed(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """Only of an arm that does not tell its prices, and seldom."""
    new = {"provider": "verifysms"}
    async with desk_rig(tmp_path, sellers, clock, rollout={"weight": 0.5}, new=new, **POLL) as gateway:
        for n in range(20):
            await gateway.handle(treq("getNumber", service="wa", country="6", client=f"192.0.2.{n}"))
        for _ in range(8):
            await settle(gateway)
            clock.advance(61)
        assert {lease.price for lease in gateway.service.bindings.leases} == {Decimal("0.20")}
        sources = {(lease.arm, lease.price_source) for lease in gateway.service.bindings.leases}
        assert sources == {(Arm.OLD, "table"), (Arm.NEW, "header")}
        clock.advance(PRICES_AGAIN)
        await settle(gateway)
        assert [sellers.books(arm).by_action["getPrices"] for arm in Arm] == [1, 0]


async def test_a_lease_from_before_the_harness_has_no_price(
    tmp_path: Path, clock: FakeClock, sellers: Providers
) -> None:
    """It was paid for before the books began."""
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await gateway.says("getNumber", service="tg", country="6")
        [own] = [lease.id for lease in sellers.books(Arm.OLD).leases]
    async with desk_rig(tmp_path, sellers, clock, state=tmp_path / "another.db") as gateway:
        await gateway.says("getPrices")
        await gateway.says("getStatus", id=own)
        await settle(gateway)
        money = gateway.store.money(gateway.name)[Arm.OLD]
        assert gateway.count("adopted_leases") == 1
        assert (money.spent, money.unpriced) == (0, 0)
