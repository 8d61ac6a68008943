"""Following the log of decisions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canary.control.operator import Operator
from canary.core.stage import Event
from canary.notify import notifier as module
from canary.notify.courier import Courier
from canary.notify.message import Message
from canary.notify.notifier import Notifier
from canary.store.store import Store
from tests.factories import FakeClock
from tests.waiting import until
from tests.web.serving import NAME, begun, broken


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a rollout that was paused and resumed before anybody followed."""
    opened = Store(tmp_path / "canary.db")
    begun(opened, FakeClock())
    act(opened, Event.PAUSE)
    act(opened, Event.RESUME)
    return opened


def act(store: Store, event: Event, reason: str = "") -> None:
    """An operator's event, from wherever."""
    Operator.of_store(store, NAME, FakeClock()).act(event, "ada", reason)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What arrived."""
    monkeypatch.setattr(module, "EVERY", 0.01)
    return []


@pytest.fixture
async def following(store: Store, told: list[Message]) -> AsyncIterator[Notifier]:
    """A notifier that follows the log for one address."""
    notifier = Notifier(store, NAME, [Courier("notify.0", lambda message: not told.append(message))])
    await notifier.start()
    yield notifier
    await notifier.stop()


async def test_each_new_decision_is_told_once(store: Store, told: list[Message], following: Notifier) -> None:
    """Whoever made it; what was decided before is not told again."""
    act(store, Event.PAUSE, "lunch")
    await until(lambda: told)
    act(store, Event.ROLLBACK, "codes stopped")
    await until(lambda: len(told) == 2)
    assert [one.title for one in told] == [f"canary {NAME}: paused", f"canary {NAME}: rolled back"]
    assert "codes stopped" in told[1].body


async def test_what_was_decided_last_is_told_at_the_end(
    store: Store, told: list[Message], following: Notifier
) -> None:
    """A decision just before the stop is not lost."""
    act(store, Event.ROLLBACK)
    await following.stop()
    assert [one.urgency for one in told] == ["failure"]


async def test_a_store_that_does_not_answer_is_asked_again(
    store: Store, told: list[Message], following: Notifier, tmp_path: Path
) -> None:
    """Trouble with the store is no trouble of the notifier, and ends nothing."""
    broken(tmp_path / "canary.db")
    await following._look()
    assert told == []
    assert following._following is not None
    assert not following._following.done()


async def test_without_addresses_nothing_is_read(tmp_path: Path) -> None:
    """A policy that tells nobody costs nothing."""
    store = Store(tmp_path / "empty.db")
    notifier = Notifier(store, "nobody", [])
    store.close()
    broken_would_raise = tmp_path / "empty.db"
    broken_would_raise.unlink()
    await notifier.start()
    await notifier.stop()


async def test_of_two_that_follow_one_tells(store: Store, told: list[Message], following: Notifier) -> None:
    """However the controllers of a fleet are arranged: each decision is told once."""
    other = Notifier(store, NAME, [Courier("notify.0", lambda message: not told.append(message))])
    await other.start()
    for event in (Event.PAUSE, Event.RESUME, Event.ROLLBACK, Event.RESTART, Event.ROLLBACK):
        act(store, event)
    await other.stop()
    await following.stop()
    assert sorted(one.title for one in told) == sorted(
        f"canary {NAME}: {state}" for state in ("paused", "running", "rolled back", "running", "rolled back")
    )


async def test_what_nobody_followed_is_told_later(
    store: Store, told: list[Message], following: Notifier
) -> None:
    """A rollback by command line while the harness was down is told when it is up again, and once."""
    await following.stop()
    act(store, Event.ROLLBACK, "at night")
    for _ in range(2):
        again = Notifier(store, NAME, [Courier("notify.0", lambda message: not told.append(message))])
        await again.start()
        await again.stop()
    assert [one.title for one in told] == [f"canary {NAME}: rolled back"]
