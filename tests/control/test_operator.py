"""Operator events on the store alone."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from canary.control.begin import begin
from canary.control.operator import Operator, UnknownRollout
from canary.core.model import RolloutState
from canary.core.policy.model import Policy
from canary.core.stage import Event, IllegalEvent, start
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import NOW, FakeClock

type MakePolicy = Callable[..., Policy]


@pytest.fixture
def operator(store: Store, make_policy: MakePolicy, clock: FakeClock) -> Operator:
    """An operator of a rollout that has just begun."""
    begin(store, make_policy(), now=NOW, actor="me")
    return Operator.of_store(store, "t", clock)


def test_an_event_is_saved_with_who_and_why(store: Store, operator: Operator) -> None:
    """A rollback by hand is in the store with its actor and reason."""
    rollout = operator.act(Event.ROLLBACK, "ann@host", "p95 looks odd")
    assert store.rollout("t") == rollout
    [decision] = store.decisions("t")
    assert (decision.actor, decision.reason, decision.event) == ("ann@host", "p95 looks odd", "rollback")
    assert (decision.before, decision.after) == (RolloutState.RUNNING, RolloutState.ROLLED_BACK)


def test_an_illegal_event_changes_nothing(store: Store, operator: Operator) -> None:
    """An approval that nobody asked for is refused with what is possible, and leaves no row."""
    with pytest.raises(IllegalEvent, match="approve is not possible while the rollout is running"):
        operator.act(Event.APPROVE, "ann")
    assert store.decisions("t") == []


def test_an_unknown_rollout_names_those_that_there_are(store: Store, operator: Operator) -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(UnknownRollout, match="no rollout named 'x'; it holds t"):
        Operator.of_store(store, "x", FakeClock())


def test_two_operators_at_once_both_get_their_way(store: Store, operator: Operator, clock: FakeClock) -> None:
    """Events of several operators are applied one after the other, each with its decision."""
    barrier = Barrier(4)

    def roll_back(number: int) -> None:
        barrier.wait()
        Operator.of_store(store, "t", clock).act(Event.ROLLBACK, f"operator {number}")

    threads = [Thread(target=roll_back, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.actor for d in store.decisions("t")) == [f"operator {n}" for n in range(4)]
    rollout = store.rollout("t")
    assert rollout is not None
    assert (rollout.state, rollout.revision) == (RolloutState.ROLLED_BACK, 4)


def test_a_rollback_needs_no_policy(store: Store, make_policy: MakePolicy, clock: FakeClock) -> None:
    """A policy written by another version stops neither rollback nor pause, and moves nothing forward."""
    store.create(start("t", "salt", make_policy().steps, NOW), StoredPolicy("0123", '{"from": "the future"}'))
    operator = Operator.of_store(store, "t", clock)
    with pytest.raises(IllegalEvent, match="stages are not known"):
        operator.act(Event.PROMOTE, "ann")
    assert operator.act(Event.PAUSE, "ann").state is RolloutState.PAUSED
    assert operator.act(Event.ROLLBACK, "ann").state is RolloutState.ROLLED_BACK
