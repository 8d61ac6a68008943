"""A controller that dies at any point of a tick: what it leaves, and what the next one makes of it."""

import shutil
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from canary.core.stage import Event
from canary.store.store import Store
from canary.toolkit.report import report
from tests.control.crashes.killed import tick_killed_before
from tests.control.world import NAME, WORSE, World


def harmful(world: World) -> None:
    """The next tick rolls back."""
    world.buy(60, WORSE)
    world.mature()


def uneventful(world: World) -> None:
    """The next tick decides nothing."""
    world.buy(40)
    world.mature()


@pytest.mark.parametrize("ready", [harmful, uneventful])
def test_killed_anywhere_the_same_is_decided_once(tmp_path: Path, ready: Any) -> None:
    """kill -9 before any statement or commit of a tick: the next controller decides the same, never twice."""
    kept = tmp_path / "kept.db"
    store = Store(kept)
    world = World(store)
    world.warm_up()
    ready(world)
    store.close()
    expected = _ticked(shutil.copy(kept, tmp_path / "uninterrupted.db"), world)
    for statement in count():
        state = Path(shutil.copy(kept, tmp_path / f"killed-{statement}.db"))
        killed = tick_killed_before(statement, state, world.policy, world.clock())
        if not killed:
            break
        assert _ticked(state, world) == expected, f"killed before statement {statement}"
    assert statement > 10, "the tick was killed nowhere"


def _ticked(state: Any, world: World) -> dict[str, Any]:
    """What a new controller leaves, after two ticks."""
    store = Store(state)
    try:
        after = World(store, world.policy, world.clock)
        after.tick()
        after.tick()
        made = report(store, NAME)
        assert made.disagreeing == 0
        rows = [(row.event, row.reason, row.stage, row.before, row.after) for row in after.decisions]
        verdict = after.verdict
        numbers = {
            f"{name}.{arm}": pytest.approx(metric[arm]["value"], rel=1e-9)
            for name, metric in verdict["metrics"].items()
            for arm in ("old", "new")
            if metric[arm]["value"] is not None
        }
        return {"decisions": rows, "kind": verdict["kind"], "numbers": numbers, "state": after.rollout.state}
    finally:
        store.close()


class Crash(BaseException):
    """The process ends here."""


class Crashing:
    """A store that crashes before, or just after, its n-th call."""

    def __init__(self, store: Store, call: int, *, after: bool) -> None:
        self._store = store
        self._left = call
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def call(*args: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Crash(name)
            result = method(*args, **options)
            if self._left < 0:
                raise Crash(name)
            return result

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_lost_call_leaves_all_or_nothing(store: Store, after: bool) -> None:
    """Whichever call to the store is the last one, before or after it is carried out, one decision is there later."""
    world = World(store)
    world.warm_up()
    decided = 1
    for call in count():
        harmful(world)
        try:
            world.controller(Crashing(store, call, after=after)).tick()
        except Crash:
            world.tick()
            decided += 1
            assert world.events.count("harm") == decided - 1
            world.act(Event.RESTART)
            world.warm_up()
            continue
        break
    assert decided > 5
    assert report(store, NAME).disagreeing == 0
