"""Acknowledging: what is meant, what is written, and what is refused."""

import pytest

from canary.control.acknowledge import acknowledge
from canary.core.compare.acks import Found, Place, Which, place_of
from canary.store.errors import StoreError
from tests.control.test_checks import BROKEN, seen
from tests.control.world import NAME, World


def acked(world: World, which: Which) -> list[Found]:
    """Acknowledge them for a reason."""
    return acknowledge(world.store, NAME, which, reason="we strip it", actor="me", clock=world.clock)


def test_each_finding_of_the_action_is_acknowledged_in_one_decision(world: World) -> None:
    """A difference and the lack of an action stand on the record with what was shown then, who, when and why."""
    seen(world, new=BROKEN, unmapped_getBalance=4)
    assert [place_of(one) for one in acked(world, Which("getBalance"))] == [
        Place("getBalance", "whitespace", ""),
        Place("getBalance", "unmapped", ""),
    ]
    [decision] = world.decisions
    assert (decision.event, decision.actor, decision.reason) == ("ack", "me", "we strip it")
    assert (decision.at, decision.before, decision.after) == (world.clock(), "running", "running")
    assert decision.evidence["acknowledged"] == [
        {"action": "getBalance", "kind": "whitespace", "path": "", "shown": "a newline after it"},
        {"action": "getBalance", "kind": "unmapped", "path": "", "shown": ""},
    ]


def test_a_kind_narrows_it_down(world: World) -> None:
    """The other finding of the action stays open."""
    seen(world, new=BROKEN, unmapped_getBalance=4)
    assert len(acked(world, Which("getBalance", kind="unmapped"))) == 1
    assert len(world.store.findings(NAME).open_differences) == 1


@pytest.mark.parametrize(
    "which", [Which("getPrices"), Which("getBalance", kind="phone"), Which("getBalance", path="phone")]
)
def test_what_was_not_found_cannot_be_acknowledged(world: World, which: Which) -> None:
    """Nothing is excused in advance, and nothing is written."""
    seen(world, new=BROKEN)
    assert acked(world, which) == []
    assert world.decisions == []


def test_the_same_is_not_acknowledged_twice(world: World) -> None:
    """What is covered is not open any more."""
    seen(world, new=BROKEN)
    assert acked(world, Which("getBalance"))
    assert acked(world, Which("getBalance")) == []


def test_a_rollout_that_is_not_there_is_said(world: World) -> None:
    """With what there is."""
    with pytest.raises(StoreError, match="holds no rollout named 'other'; it holds t"):
        acknowledge(world.store, "other", Which("getBalance"), reason="x", actor="me", clock=world.clock)
