"""The cached rollout: fresh while store and controller live, and never trusted beyond that."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from canary.core.model import Arm, Rollout, RolloutState
from canary.gateway import rollouts as module
from canary.gateway.rollouts import RolloutView
from canary.store.errors import StoreUnavailable
from canary.store.rollouts import Look
from tests.factories import tdecision, trollout
from tests.rig import Rig, rig
from tests.waiting import until


class Quiet:
    """Tells nothing."""

    listening = False

    async def run(self, _changed: object) -> None:
        await asyncio.Event().wait()


class Hand:
    """A store whose look is set by hand."""

    def __init__(self) -> None:
        self.heartbeat: float | None = 1.0
        self.rollout: Rollout = trollout()
        self.error: Exception | None = None
        self.missing = False

    def notices(self, name: str) -> "Quiet":
        return Quiet()

    def look(self, name: str) -> Look | None:
        if self.error:
            raise self.error
        return None if self.missing else Look(self.rollout, self.heartbeat)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, to be moved by hand."""
    at = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: at[0])
    return at


def view(hand: Hand) -> RolloutView:
    return RolloutView(hand, trollout().name, trollout(), 15.0)  # type: ignore[arg-type]


async def test_a_heartbeat_found_at_the_start_proves_nothing(hand: Hand, now: list[float]) -> None:
    """Its controller may be long dead; the view is fresh once the heart is seen to beat."""
    cached = view(hand)
    assert not cached.fresh
    await cached.refresh()
    assert not cached.fresh
    hand.heartbeat = 2.0
    await cached.refresh()
    assert cached.fresh


async def test_the_first_heartbeat_ever_counts(hand: Hand, now: list[float]) -> None:
    """A controller that begins after the proxy."""
    hand.heartbeat = None
    cached = view(hand)
    await cached.refresh()
    assert not cached.fresh
    hand.heartbeat = 1.0
    await cached.refresh()
    assert cached.fresh


async def test_a_dead_controller_makes_the_view_stale(hand: Hand, now: list[float]) -> None:
    """The store answers, the heart does not beat: stale after the patience, fresh with the next beat."""
    cached = view(hand)
    await cached.refresh()
    hand.heartbeat = 2.0
    await cached.refresh()
    for _ in range(15):
        assert cached.fresh
        now[0] += 1
        await cached.refresh()
    assert not cached.fresh
    hand.heartbeat = 3.0
    await cached.refresh()
    assert cached.fresh


async def test_a_lost_store_makes_the_view_stale(hand: Hand, now: list[float]) -> None:
    """The last known rollout stays, but is not trusted for new leases; a store that is back is."""
    cached = view(hand)
    await cached.refresh()
    hand.heartbeat = 2.0
    await cached.refresh()
    hand.error = StoreUnavailable("gone")
    now[0] += 14.9
    await cached.refresh()
    assert cached.fresh
    now[0] += 0.2
    await cached.refresh()
    assert not cached.fresh
    assert cached.rollout == hand.rollout
    assert cached.store_lag == pytest.approx(15.1)
    hand.error, hand.heartbeat = None, 3.0
    await cached.refresh()
    assert cached.fresh


async def test_a_lost_store_is_said_once(
    hand: Hand, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Not with every look; and again when it is lost again."""
    cached = view(hand)
    for error in (StoreUnavailable("gone"), StoreUnavailable("gone"), None, StoreUnavailable("gone")):
        hand.error = error
        await cached.refresh()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


async def test_a_clock_of_another_machine_does_not_matter(hand: Hand, now: list[float]) -> None:
    """What counts is that the heartbeat changes, not what it says."""
    cached = view(hand)
    await cached.refresh()
    hand.heartbeat = -(10.0**9)
    await cached.refresh()
    assert cached.fresh


async def test_a_rollout_that_vanished_is_not_forgotten(hand: Hand, now: list[float]) -> None:
    """Somebody moved the store away: what was known stays, and grows stale."""
    cached = view(hand)
    await cached.refresh()
    hand.missing = True
    now[0] += 16
    await cached.refresh()
    assert cached.rollout == trollout()
    assert not cached.fresh


async def test_looking_goes_on_whatever_fails(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails, for whatever reason, is not the last."""
    monkeypatch.setattr(module, "REFRESH", 0.005)
    cached = view(hand)
    hand.error = ZeroDivisionError()
    looking = asyncio.create_task(cached.run())
    await asyncio.sleep(0.05)
    hand.error, hand.rollout = None, trollout(weight=0.25)
    await until(lambda: cached.rollout.weight == 0.25)
    looking.cancel()


# --- in the gateway -----------------------------------------------------------------------------------------------


async def test_a_stale_view_sends_new_leases_to_the_safe_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known leases keep their arm; nobody may be watching the canary. After the cutover the safe arm is new."""
    async with rig(tmp_path, rollout={"weight": 1.0}) as gateway:
        gateway.new.answers(getNumber="ACCESS_NUMBER:7:79")
        await gateway.ask("getNumber")
        monkeypatch.setattr(RolloutView, "fresh", False)
        assert (await gateway.ask("getNumber")).header("x-canary-arm") == "old"
        assert (await gateway.ask("getStatus", id="7")).header("x-canary-arm") == "new"
        await gateway.split(safe_arm=Arm.NEW, weight=0.0)
        assert (await gateway.ask("getNumber")).header("x-canary-arm") == "new"


async def test_a_rollback_is_in_effect_within_a_second(tmp_path: Path) -> None:
    """Written to the store by somebody else: the next new lease goes to old, an open one on new is followed."""
    async with rig(tmp_path, rollout={"weight": 1.0}) as gateway:
        gateway.new.answers(getNumber="ACCESS_NUMBER:7:79")
        await gateway.ask("getNumber")
        _roll_back(gateway)
        await until(lambda: gateway.rollout.weight == 0.0)
        assert module.REFRESH <= 0.5
        assert (await gateway.ask("getNumber")).header("x-canary-arm") == "old"
        assert (await gateway.ask("getStatus", id="7")).header("x-canary-arm") == "new"


def _roll_back(gateway: Rig) -> None:
    before = gateway.rollout
    after = replace(
        before, state=RolloutState.ROLLED_BACK, weight=0.0, shadow=0.0, revision=before.revision + 1
    )
    assert gateway.store.save(before, after, tdecision(event="rollback"))
