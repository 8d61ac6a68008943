"""Housekeeping beside the controller."""

import asyncio

import pytest

from canary.control import housekeeping
from canary.control.housekeeping import Housekeeping
from canary.core.model import Kind, LeaseState
from canary.store.errors import StoreUnavailable
from canary.store.store import Store
from canary.toolkit.report import report
from tests.control.world import NAME, World
from tests.factories import NOW, tlease
from tests.waiting import until

DAY = 86_400.0


def keeper(store: Store, *, now: float = NOW + 40 * DAY, leads: bool = True) -> Housekeeping:
    """One that keeps thirty days."""
    return Housekeeping(store, NAME, 30 * DAY, lambda: now, lambda: leads, rest=0.0)


def left_behind(store: Store, n: int = 1200) -> None:
    """Old leases that no decision stands on."""
    ended = {"purchase": None, "state": LeaseState.EXPIRED, "ended_at": NOW}
    leases = [tlease(id=f"9{number}", **ended) for number in range(n)]
    store.flush(NAME, "a", leases_changed=leases, purchases=[], tallies={}, counters={})


async def test_a_round_prunes_all_that_is_old_enough(world: World) -> None:
    """In several batches; the next round finds nothing."""
    left_behind(world.store)
    assert await keeper(world.store, now=NOW + 29 * DAY).round() == 0
    assert await keeper(world.store).round() == 1200
    assert world.store.find(NAME, Kind.ACTIVATION, "90") is None
    assert await keeper(world.store).round() == 0


async def test_the_report_says_the_same_afterwards(world: World) -> None:
    """Every decision is made again from the same purchases, to the same verdict."""
    world.warm_up()
    world.buy(500)
    world.mature()
    world.tick()
    left_behind(world.store)
    before = report(world.store, NAME)
    assert before.agreeing
    assert not before.disagreeing
    assert await keeper(world.store, now=world.clock() + 400 * DAY).round() >= 1200
    assert report(world.store, NAME) == before


async def test_it_waits_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process whose controller leads does it; another looks again the next time."""
    monkeypatch.setattr(housekeeping, "ROUND", 0.0)
    left_behind(world.store, 1)
    leads = False
    one = Housekeeping(world.store, NAME, 30 * DAY, lambda: NOW + 40 * DAY, lambda: leads, rest=0.0)
    running = asyncio.create_task(one.run())
    await asyncio.sleep(0.02)
    assert world.store.find(NAME, Kind.ACTIVATION, "90") is not None
    leads = True
    await until(lambda: world.store.find(NAME, Kind.ACTIVATION, "90") is None)
    running.cancel()


async def test_a_store_in_trouble_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and the next round comes."""
    monkeypatch.setattr(housekeeping, "ROUND", 0.0)
    rounds = 0

    async def round_(_: Housekeeping) -> int:
        nonlocal rounds
        rounds += 1
        raise StoreUnavailable("the state is busy") if rounds < 3 else ZeroDivisionError

    monkeypatch.setattr(Housekeeping, "round", round_)
    running = asyncio.create_task(keeper(world.store).run())
    await until(lambda: rounds > 4)
    running.cancel()
    assert "the state is busy" in caplog.text
    assert "ZeroDivisionError" in caplog.text
