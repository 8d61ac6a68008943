"""The clock of a machine jumps, forwards or back, by a day: as after a time server that was wrong."""

from pathlib import Path

import pytest

from canary.core.model import Arm, LeaseState
from canary.store.store import Store
from tests.control.world import World
from tests.rig import rig

DAY = 86_400.0
JUMPS = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forwards", "back"])


@JUMPS
async def test_leases_keep_their_arm_when_the_clock_jumps(tmp_path: Path, jump: float) -> None:
    """A lease is found on its arm before and after the housekeeping that follows, a code that comes is counted, the
    view of the rollout does not age by it, and every call is counted once."""
    async with rig(tmp_path, rollout={"weight": 1.0}) as gateway:
        gateway.new.answers(getNumber="ACCESS_NUMBER:7:79", setStatus="ACCESS_ACTIVATION")
        assert await gateway.says("getNumber", service="tg", country="6") == "ACCESS_NUMBER:7:79"
        await gateway.flush()
        gateway.clock.advance(jump)
        gateway.new.answers(getStatus="STATUS_WAIT_CODE")
        assert (await gateway.ask("getStatus", id="7")).header("x-canary-arm") == "new"
        await gateway.service.ledger._keep_house()
        await gateway.flush()
        assert gateway.service.view.fresh
        gateway.new.answers(getStatus="STATUS_OK:1234")
        assert await gateway.says("getStatus", id="7") == "STATUS_OK:1234"
        assert await gateway.says("setStatus", id="7", status="6") == "ACCESS_ACTIVATION"
        await gateway.flush()
        lease = gateway.lease("7")
        assert lease is not None
        assert (lease.arm, lease.state) == (Arm.NEW, LeaseState.SUCCEEDED)
        tallies = gateway.store.tallies(gateway.name)
        assert sum(tally.calls for tally in tallies.values()) == 4
        assert gateway.old.heard == []


@JUMPS
def test_no_stage_is_left_because_a_clock_jumped(tmp_path: Path, jump: float) -> None:
    """A hold that seems to have passed moves nothing on without its evidence; when the clock is right again the rollout
    goes on where it was."""
    store = Store(tmp_path / "canary.db")
    world = World(store)
    world.buy(30)
    world.clock.advance(jump)
    world.tick()
    assert world.events == []
    world.clock.advance(-jump)
    world.buy(80)
    world.mature()
    world.tick()
    assert world.events == ["advance"]
    store.close()
