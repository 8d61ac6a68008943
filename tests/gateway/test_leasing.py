"""Leases as they begin: their price and where it was read, their kind, their end, and what a prolonged one has cost."""

from decimal import Decimal
from pathlib import Path

import pytest

from canary.core.leases import unpack_calls
from canary.core.model import Arm, Kind, LeaseState
from tests.factories import NOW
from tests.rig import Rig, rig
from tests.upstreams import says

HERO = (
    '{"activationId":"635468024","phoneNumber":"79584123456","activationCost":2.5,"currency":840,'
    '"activationTime":"2023-11-14T22:13:20+00:00","activationEndTime":"2023-11-15T02:13:20+00:00"}'
)
RENT = '{"status":"success","phone":{"id":1049,"endDate":"2023-11-15T02:13:20","number":"79951234567"}}'


async def test_a_rent_that_is_an_activation_lives_as_one(gateway: Rig) -> None:
    """HeroSMS rents out activations: later calls find the lease by its reply's kind, until the reply's end."""
    gateway.old.answers(getRentNumber=HERO, getStatus="STATUS_OK:1234", setStatus="ACCESS_ACTIVATION")
    await gateway.ask("getRentNumber", service="tg", duration="4")
    await gateway.split(weight=1.0)
    assert await gateway.says("getStatus", id="635468024") == "STATUS_OK:1234"
    await gateway.flush()
    lease = gateway.lease("635468024", Kind.ACTIVATION)
    assert lease is not None
    assert gateway.lease("635468024", Kind.RENT) is None
    assert (lease.arm, lease.code_at, lease.expires_at) == (Arm.OLD, NOW, NOW + 4 * 3600)
    assert gateway.new.heard == []


async def test_a_rented_activation_gets_an_alias_of_its_own_kind(gateway: Rig) -> None:
    """Its id clashes with an activation of the other arm, not with a rent."""
    gateway.old.answers(getNumber="ACCESS_NUMBER:635468024:79")
    await gateway.ask("getNumber")
    await gateway.split(weight=1.0)
    gateway.new.answers(getRentNumber=HERO)
    answer = await gateway.says("getRentNumber", service="tg")
    assert "635468024" not in answer
    assert gateway.count("aliases") == 1


@pytest.mark.parametrize("zone", [0, 3])
async def test_a_rents_end_is_the_providers(tmp_path: Path, zone: int) -> None:
    """Its date has no zone: of all whole hours the one that fits what was rented."""
    body = RENT.replace("02:13:20", f"{2 + zone:02}:20:00")
    async with rig(tmp_path) as gateway:
        gateway.old.answers(getRentNumber=body)
        await gateway.ask("getRentNumber", service="tg", rent_time="4")
        lease = gateway.lease("1049", Kind.RENT)
    assert lease is not None
    assert lease.expires_at == NOW + 4 * 3600 + 400


async def test_a_rent_that_ran_its_time_is_paid_for(gateway: Rig) -> None:
    """Unlike an activation it is no refund: the number was there all the time."""
    gateway.old.answers(getRentNumber=says(RENT))
    await gateway.ask("getRentNumber", service="tg", rent_time="4")
    gateway.clock.advance(5 * 3600)
    gateway.service.ledger.close_expired()
    lease = next(iter(gateway.service.bindings.leases))
    assert (lease.state, lease.auto_refund) == (LeaseState.ABANDONED, False)


async def test_one_header_for_several_numbers_is_shared(tmp_path: Path) -> None:
    """It tells what the purchase cost: the parts add up to it exactly."""
    rows = ",".join(f'{{"phone":"79","activation":{n},"service":"s{n}"}}' for n in (1, 2, 3))
    async with rig(tmp_path, old={"provider": "daisysms"}) as gateway:
        gateway.old.answers(getMultiServiceNumber=says(f"[{rows}]", X_Price="0.50"))
        await gateway.ask("getMultiServiceNumber", multiService="s1,s2,s3")
        prices = [lease.price for n in "123" if (lease := gateway.lease(n))]
    assert prices == [Decimal("0.1668"), Decimal("0.1666"), Decimal("0.1666")]
    assert sum(price for price in prices if price) == Decimal("0.50")


@pytest.mark.parametrize(
    ("header", "cost", "total"),
    [("0.30", "", "0.80"), ("", ',"activationCost":0.8', "0.8"), ("", "", "0.50")],
    ids=["header", "reply", "neither"],
)
async def test_a_prolonged_lease_costs_what_it_cost_in_all(
    tmp_path: Path, header: str, cost: str, total: str
) -> None:
    """A header tells the cost of the prolongation, a reply that of the lease, and nothing at all takes nothing back."""
    async with rig(tmp_path, old={"provider": "daisysms"}) as gateway:
        gateway.old.answers(getNumber=says("ACCESS_NUMBER:7:79", X_Price="0.50"))
        await gateway.ask("getNumber", service="tg")
        gateway.clock.advance(600)
        more = {"X_Price": header} if header else {}
        gateway.old.answers(
            prolong=says(f'{{"activationId":7,"phoneNumber":"79"{cost}}}', **more), getStatus="STATUS_OK:1"
        )
        await gateway.ask("getStatus", id="7")
        await gateway.flush()
        await gateway.ask("prolong", id="7", duration="10")
        lease = gateway.lease("7")
    assert lease is not None
    assert lease.price == Decimal(total)
    assert (lease.opened_at, lease.code_at) == (NOW, NOW + 600)


async def test_a_prolonged_lease_stays_the_one_that_its_first_purchase_bought(gateway: Rig) -> None:
    """The bet that it is keeps its lease and its first calls, and the lease lives longer."""
    gateway.old.answers(
        getNumber="ACCESS_NUMBER:7:79",
        prolong='{"activationId":7,"phoneNumber":"79"}',
        getStatus="STATUS_OK:1",
    )
    await gateway.ask("getNumber", service="tg")
    first = gateway.lease("7")
    gateway.clock.advance(600)
    await gateway.ask("prolong", id="7", duration="10")
    await gateway.ask("getStatus", id="7")
    await gateway.flush()
    lease = gateway.lease("7")
    assert first is not None
    assert lease is not None
    assert (lease.purchase, lease.opened_at) == (first.purchase, NOW)
    assert (lease.expires_at, lease.code_at) == (NOW + 1800, NOW + 600)
    assert [age for age, _, _ in unpack_calls(lease.calls)] == [0, 600, 600]


async def test_an_id_that_comes_back_is_another_lease(gateway: Rig) -> None:
    """A provider counts anew: the books hold both, and the client's id means the new one."""
    gateway.old.answers(
        getNumberV2='{"activationId":7,"phoneNumber":"79","activationCost":0.5}', getStatus="STATUS_OK:1"
    )
    gateway.old.answers(setStatus="ACCESS_ACTIVATION")
    for _ in range(3):
        await gateway.ask("getNumberV2", service="tg")
        await gateway.ask("getStatus", id="7")
        await gateway.ask("setStatus", id="7", status="6")
        await gateway.flush()
        gateway.clock.advance(3600)
    await gateway.ask("getNumberV2", service="tg")
    lease = gateway.lease("7")
    assert lease is not None
    assert (lease.opened_at, lease.state, lease.code_at) == (NOW + 3 * 3600, LeaseState.OPEN, None)
    money = gateway.store.money(gateway.name)[Arm.OLD]
    assert (money.spent, money.successes, money.leases) == (Decimal("2.0"), 3, 4)


async def test_an_id_that_comes_back_too_soon_ends_the_lease_before(gateway: Rig) -> None:
    """Nobody had heard of its end: it is over all the same, and is no success."""
    gateway.old.answers(getNumber="ACCESS_NUMBER:7:79")
    for _ in range(2):
        await gateway.ask("getNumber", service="tg")
        gateway.clock.advance(60)
    assert gateway.store.lease_counts(gateway.name)[Arm.OLD] == {LeaseState.OPEN: 1, LeaseState.ABANDONED: 1}


async def test_an_order_that_is_answered_again_is_paid_once(tmp_path: Path) -> None:
    """The same lease under the same order is no second purchase."""
    async with rig(tmp_path, old={"provider": "daisysms"}) as gateway:
        gateway.old.answers(getNumberV2=says('{"activationId":7,"phoneNumber":"79"}', X_Price="0.50"))
        for _ in range(2):
            await gateway.ask("getNumberV2", service="tg", orderId="o-1")
        money = gateway.store.money(gateway.name)[Arm.OLD]
        assert (money.spent, money.leases) == (Decimal("0.50"), 1)


async def test_a_replica_gives_up_no_lease_that_another_prolonged(tmp_path: Path) -> None:
    """It looks again before it takes a lease for over; the same lease ends when its longer time has passed."""
    state = tmp_path / "shared.db"
    async with rig(tmp_path, state=state) as one, rig(tmp_path, state=state, clock=one.clock) as other:
        for gateway in (one, other):
            gateway.service.bindings.shared = True
            gateway.old.answers(
                getNumber="ACCESS_NUMBER:7:79", prolong='{"activationId":7,"phoneNumber":"79"}'
            )
        await one.ask("getNumber", service="tg")
        await other.ask("getStatus", id="7")
        one.clock.advance(600)
        await one.ask("prolong", id="7", duration="10")
        one.clock.advance(1000)
        for expected in (LeaseState.OPEN, LeaseState.ABANDONED):
            await other.service.ledger._keep_house()
            await other.flush()
            lease = one.lease("7")
            assert lease is not None
            assert lease.state is expected
            one.clock.advance(300)
