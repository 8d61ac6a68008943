"""Shadow leases over the life of a process: taken up where another left them, and finished before it ends."""

import asyncio
from decimal import Decimal
from pathlib import Path

import yaml

from canary.gateway.config import load
from canary.gateway.service import WATCHED
from canary.gateway.shadow_leasing import shadow_terms
from canary.store.shadow_leases import State, Switch
from tests.gateway.shadowed import HOLD, LIFETIME, LIVE, PROFILE, SANDBOX, Shadowed, shadowed
from tests.rig import policy, rig, written
from tests.waiting import until

URL = "https://{}.example/stubs/handler_api.php"


async def test_another_process_follows_on(tmp_path: Path) -> None:
    """After a restart, polls of a lease that the process before bought are repeated again."""
    async with shadowed(tmp_path, SANDBOX) as world:
        lease = await world.buy()
        await world.settled()
        another = rig(
            tmp_path,
            urls=(world.old.url, world.new.url),
            state=world.first.state,
            clock=world.clock,
            shadow=SANDBOX,
            new={"provider": str(tmp_path / "shadowed.yaml")},
        )
        async with another as gateway:
            await gateway.ask("getStatus", id=lease)
            await until(lambda: gateway.count("shadow_lease_calls_sent") == 1)
        assert world.new.books.by_action == {"getNumber": 1, "getStatus": 1}


async def test_a_stop_finishes_the_purchase_that_is_under_way(tmp_path: Path) -> None:
    """Its number is written before the process ends: nothing has to be looked for."""
    async with shadowed(tmp_path, LIVE) as world:
        await world.new.change(latencies={"getNumber": "300ms"})
        await world.buy()
        await until(lambda: world.book.counts()[State.RESERVED] == 1)
        await world.first.service.stop()
        [lease] = world.book.open_ones()
        assert lease.own_id == world.new.books.leases[0].id


async def test_an_ended_one_is_followed_no_longer(tmp_path: Path) -> None:
    """Its time has come: whoever gives it back, its client's polls are not repeated any more."""
    async with shadowed(tmp_path, LIVE, gateways=2) as world:
        lease = await world.buy()
        await world.settled()
        world.clock.advance(HOLD + 6)
        await world.keep(via=1)
        await until(lambda: not world.first.service.shadow_leases.leases._following)
        await world.ask("getStatus", id=lease)
        await asyncio.sleep(0)
        assert "getStatus" not in world.new.books.by_action


# --- the balance ------------------------------------------------------------------------------------------------------


async def balance(world: Shadowed) -> None:
    """New's balance is asked for, and held against the numbers once nothing can be under way any more."""
    accounts = world.first.service.accounts
    for _ in range(2):
        world.clock.advance(WATCHED)
        await accounts.work()


async def test_what_is_charged_beyond_its_word_stops_all(tmp_path: Path) -> None:
    """New says what its numbers cost, and its balance that they cost more; once let go on, it has to happen again."""
    async with shadowed(tmp_path, LIVE) as world:
        await balance(world)
        await world.buy()
        await world.settled()
        await balance(world)
        assert not world.book.switch().stopped
        await world.new.change(deposit=str(world.new.behaviour.deposit - Decimal("0.30")))
        await balance(world)
        assert "more than its numbers are known to cost" in world.book.switch().reason
        world.book.turn(Switch(False, "a known debit", "me", world.clock()))
        await balance(world)
        assert not world.book.switch().stopped


async def test_a_sandbox_that_charges_stops_all(tmp_path: Path) -> None:
    """It is none."""
    async with shadowed(tmp_path, SANDBOX, new={"sandbox_header": ""}, reconcile={"poll": "60s"}) as world:
        await balance(world)
        await world.buy()
        await world.settled()
        await balance(world)
        assert world.book.switch().stopped


async def test_a_canarys_own_numbers_are_no_surprise(tmp_path: Path) -> None:
    """Once clients buy on new too, for prices that may not be known yet, the balance alone stops nothing."""
    async with shadowed(tmp_path, LIVE, new={"cost_header": ""}) as world:
        await world.first.split(weight=1.0)
        await balance(world)
        await world.buy()
        await balance(world)
        assert not world.book.switch().stopped


async def test_refunds_that_never_come_are_no_surprise(tmp_path: Path) -> None:
    """They are part of what the budget allows."""
    never = {"auto_refund": False, "refund_delay": "100d"}
    async with shadowed(tmp_path, LIVE, new=never) as world:
        for _ in range(3):
            await balance(world)
            await world.buy()
            await world.settled()
            world.clock.advance(HOLD + 6)
            await world.keep()
        await balance(world)
        assert len(world.new.books.leases) == 3
        assert not world.book.switch().stopped


def test_terms_come_from_the_policy_and_news_profile(tmp_path: Path) -> None:
    """Caps only where money is spent; times as the provider has them."""
    (tmp_path / "shadowed.yaml").write_text(yaml.safe_dump(PROFILE))
    new = {"provider": "./shadowed.yaml"}
    for shadow, caps in ((SANDBOX, False), (LIVE, True)):
        content = policy(URL.format("old"), URL.format("new"), new=new, shadow=shadow)
        terms = shadow_terms(load(written(tmp_path, content)))
        assert (terms.mode, terms.hold, terms.lifetime) == (shadow["leases"], HOLD, LIFETIME)
        assert (terms.caps is not None) is caps
        assert terms.sandbox is not None
