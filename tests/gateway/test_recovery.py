"""Lost purchases: found by service, country and time, given back once, and nobody else's number touched."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm, Fate, LeaseState
from canary.core.money import Money
from canary.gateway.recovery import AGAIN, MARGIN
from canary.sim.incoming import received
from canary.sim.lease import State
from tests.desks import TIMEOUT, Providers, desk_rig
from tests.factories import FakeClock
from tests.rig import Rig

LATE = TIMEOUT + 120 + MARGIN + 1
"""Seconds after which a lost purchase is due."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def providers(clock: FakeClock, **old: Any) -> Providers:
    """An old arm that sells and never answers a purchase."""
    silent = {"success": 0.0, "hang": 1.0, "faults_on": "getNumber", "carried_out": 1.0}
    return Providers(clock, old={**silent, **old})


async def lose(gateway: Rig, **params: str) -> None:
    """A purchase whose answer never comes."""
    assert await gateway.says("getNumber", **{"service": "tg", "country": "6", **params}) == "ERROR_SQL"
    await gateway.flush()


async def work(gateway: Rig) -> None:
    await gateway.service.recovery.work()
    await gateway.flush()


async def in_the_end(gateway: Rig, clock: FakeClock) -> Money:
    """Old's money once every lease has ended by itself."""
    clock.advance(1200)
    gateway.service.ledger.close_expired()
    await gateway.flush()
    return gateway.store.money(gateway.name)[Arm.OLD]


def cancels(sellers: Providers) -> int:
    return sellers.books(Arm.OLD).by_action["setStatus"]


@pytest.mark.parametrize("dialect", ["generic", "sms-activate", "herosms", "grizzlysms"])
async def test_a_number_that_nobody_saw_is_given_back(tmp_path: Path, clock: FakeClock, dialect: str) -> None:
    """Once the minimum hold has passed: one cancel, one lease in the books, one recovered purchase."""
    sellers = providers(clock, dialect=dialect)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        clock.advance(LATE - 2)
        await work(gateway)
        assert cancels(sellers) == 0
        clock.advance(2)
        await work(gateway)
        clock.advance(60)
        await work(gateway)
        [sold] = sellers.books(Arm.OLD).leases
        lease = gateway.store.known(gateway.name, Arm.OLD, [sold.id])[sold.id]
    assert (sold.state, cancels(sellers)) == (State.CANCELLED, 1)
    assert (lease.state, lease.price, lease.price_source) == (LeaseState.REFUNDED, sold.price, "list")
    assert gateway.count("recovered_purchases") == 1


async def test_nothing_is_looked_up_unless_asked_for(tmp_path: Path, clock: FakeClock) -> None:
    """The default leaves the account alone."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock) as gateway:
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        assert sellers.books(Arm.OLD).by_action == {"getNumber": 1}


async def test_a_purchase_that_was_not_made_is_absent(tmp_path: Path, clock: FakeClock) -> None:
    """The account lists nothing that fits: there is nothing to give back."""
    sellers = providers(clock, carried_out=0.0)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        assert gateway.count("absent_purchases") == 1
        assert gateway.store.lost_purchases(gateway.name) == []


@pytest.mark.parametrize(
    "other", [{"service": "wa"}, {"country": "0"}, {"wait": 600.0}], ids=["service", "country", "time"]
)
async def test_a_number_that_does_not_fit_is_left_alone(
    tmp_path: Path, clock: FakeClock, other: dict[str, Any]
) -> None:
    """Another service, another country, another time: somebody else's, bought past the harness."""
    sellers = providers(clock, carried_out=0.0)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        buy_elsewhere(sellers, **{"service": "tg", "country": "6", **other})
        clock.advance(other.get("wait", 0.0))
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        assert (cancels(sellers), gateway.count("absent_purchases")) == (0, 1)


def buy_elsewhere(sellers: Providers, service: str, country: str, wait: float = 0.0) -> None:
    """A number that the same account buys without the harness."""
    sellers.change(Arm.OLD, hang=0.0)
    desk = sellers.desks[Arm.OLD]
    query = f"/x/handler_api.php?api_key=k&action=getNumber&service={service}&country={country}"
    desk.serve(received("GET", query, {}, b"", "127.0.0.1"))
    sellers.change(Arm.OLD, hang=1.0)


async def test_of_more_numbers_than_lost_purchases_none_is_touched(tmp_path: Path, clock: FakeClock) -> None:
    """Which one was ours cannot be told, and the other may be in use."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        buy_elsewhere(sellers, "tg", "6")
        clock.advance(LATE)
        await work(gateway)
        assert (cancels(sellers), gateway.count("unrecovered_purchases")) == (0, 1)


async def test_two_lost_purchases_are_two_numbers(tmp_path: Path, clock: FakeClock) -> None:
    """Each is given back once."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        clock.advance(1)
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        books = sellers.books(Arm.OLD)
        assert [lease.state for lease in books.leases] == [State.CANCELLED] * 2
        assert (cancels(sellers), gateway.count("recovered_purchases")) == (2, 2)


async def test_a_clients_own_number_is_never_taken(tmp_path: Path, clock: FakeClock) -> None:
    """Bought in the same minute for the same service: it is bound to a client."""
    sellers = providers(clock, carried_out=0.0)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        sellers.change(Arm.OLD, hang=0.0)
        assert (await gateway.says("getNumber", service="tg", country="6")).startswith("ACCESS_NUMBER")
        clock.advance(LATE)
        await work(gateway)
        assert (cancels(sellers), gateway.count("absent_purchases")) == (0, 1)


async def test_a_cancel_is_sent_once_whatever_comes_of_it(tmp_path: Path, clock: FakeClock) -> None:
    """Its answer is lost too: the lease is followed to its end, the cancel is not repeated."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        sellers.change(Arm.OLD, faults_on="setStatus", carried_out=0.0)
        clock.advance(LATE)
        for _ in range(3):
            await work(gateway)
            clock.advance(AGAIN)
        assert (cancels(sellers), gateway.count("unrecovered_purchases")) == (1, 1)


async def test_a_cancel_that_was_carried_out_counts_although_its_answer_is_lost(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The lease says so itself: it is given back, and so it is in the books."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        sellers.change(Arm.OLD, faults_on="setStatus")
        clock.advance(LATE)
        await work(gateway)
        money = gateway.store.money(gateway.name)[Arm.OLD]
        assert (cancels(sellers), gateway.count("recovered_purchases")) == (1, 1)
        assert money.refunded == money.spent == sellers.books(Arm.OLD).spent


async def test_a_list_that_cannot_be_had_is_asked_for_again(tmp_path: Path, clock: FakeClock) -> None:
    """Not at once, and only while the number could still be open."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        sellers.change(Arm.OLD, faults_on="getActiveActivations", hang=1.0)
        clock.advance(LATE)
        await work(gateway)
        await work(gateway)
        assert sellers.books(Arm.OLD).by_action["getActiveActivations"] == 1
        sellers.change(Arm.OLD, hang=0.0)
        clock.advance(AGAIN)
        await work(gateway)
        assert gateway.count("recovered_purchases") == 1


async def test_a_restart_takes_up_what_was_lost_before(tmp_path: Path, clock: FakeClock) -> None:
    """The purchase is in the store; the next process looks it up."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
    clock.advance(LATE)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await work(gateway)
        assert gateway.count("recovered_purchases") == 1
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await work(gateway)
        assert cancels(sellers) == 1


async def test_two_processes_give_one_number_back_once(tmp_path: Path, clock: FakeClock) -> None:
    """Whoever writes first sends the cancel."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as one:
        await lose(one)
        async with desk_rig(tmp_path, sellers, clock, recover_lost=True, state=one.state) as two:
            clock.advance(LATE)
            await work(two)
            await work(one)
            assert cancels(sellers) == 1
            assert (one.count("recovered_purchases"), two.count("recovered_purchases")) == (0, 1)


async def test_a_number_whose_code_came_stays_paid_for(tmp_path: Path, clock: FakeClock) -> None:
    """A cancel would be refused; the books know that the money is gone."""
    sellers = providers(clock, success=1.0, code_delay="5s")
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        money = await in_the_end(gateway, clock)
        assert (cancels(sellers), gateway.count("unrecovered_purchases")) == (0, 1)
        assert (money.spent, money.refunded) == (sellers.books(Arm.OLD).spent, Decimal(0))


@pytest.mark.parametrize("fault", ["reset", "hang", "empty"])
async def test_a_code_that_no_list_tells_of_stays_paid_for_although_the_cancels_answer_is_lost(
    tmp_path: Path, clock: FakeClock, fault: str
) -> None:
    """No refund is taken for granted: the lease itself is asked what became of it."""
    sellers = providers(clock, dialect="textverified", success=1.0, code_delay="5s")
    side = {
        "url": "http://provider.test/api/pub/v2",
        "provider": "textverified",
        "headers": {"X-API-USERNAME": "x"},
    }
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True, old=side) as gateway:
        await lose(gateway, country="187")
        sellers.change(Arm.OLD, faults_on="setStatus", carried_out=0.0, **{"hang": 0.0, fault: 1.0})
        clock.advance(LATE)
        await work(gateway)
        money = await in_the_end(gateway, clock)
        assert (cancels(sellers), gateway.count("unrecovered_purchases")) == (1, 1)
        assert (money.spent, money.refunded) == (sellers.books(Arm.OLD).spent, Decimal(0))


async def test_a_client_with_its_own_key_is_helped_with_it(tmp_path: Path, clock: FakeClock) -> None:
    """Where keys are passed on the account is the client's; the key is remembered while the process lives."""
    sellers = providers(clock)
    own = {"old": {"api_key": "passthrough"}}
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True, **own) as gateway:
        await lose(gateway)
        clock.advance(LATE)
        await work(gateway)
        keys = {entry.key for entry in sellers.books(Arm.OLD).requests}
        assert len(keys) == 1
        assert gateway.count("recovered_purchases") == 1


async def test_what_became_of_it_is_kept(tmp_path: Path, clock: FakeClock) -> None:
    """A decided purchase is not lost any more."""
    sellers = providers(clock)
    async with desk_rig(tmp_path, sellers, clock, recover_lost=True) as gateway:
        await lose(gateway)
        [purchase] = gateway.store.lost_purchases(gateway.name)
        gateway.store.set_fate(gateway.name, purchase.id, Fate.ABSENT)
        assert gateway.store.lost_purchases(gateway.name) == []
