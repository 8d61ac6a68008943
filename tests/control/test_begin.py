"""How a rollout meets its policy file."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from canary.control.begin import begin
from canary.core.model import RolloutState
from canary.core.policy.load import PolicyError, policy_hash
from canary.core.policy.model import Policy
from canary.store.store import Store
from tests.factories import NOW, tdecision

type MakePolicy = Callable[..., Policy]


def test_a_new_rollout_begins_in_its_first_stage(store: Store, make_policy: MakePolicy) -> None:
    """A rollout that the store does not know starts at the first stage's weight with a salt of its own."""
    rollout = begin(store, make_policy(), now=NOW, actor="me")
    assert (rollout.stage, rollout.weight, rollout.since) == ("shadow", 0.0, NOW)
    assert len(rollout.salt) == 32
    assert store.rollout("t") == rollout


def test_a_restart_takes_up_where_it_stood(store: Store, make_policy: MakePolicy) -> None:
    """The same policy finds its rollout in the same stage, with the same salt."""
    first = begin(store, make_policy(), now=NOW, actor="me")
    assert begin(store, make_policy(), now=NOW + 60, actor="me") == first
    assert store.decisions("t") == []


def test_an_edited_policy_is_refused_and_says_what_changed(store: Store, make_policy: MakePolicy) -> None:
    """A margin edited under a running rollout stops the start and names the key."""
    begin(store, make_policy(), now=NOW, actor="me")
    edited = make_policy(gates={"lease_success": {"margin": "4pp"}})
    with pytest.raises(PolicyError, match=r"changed \(.*gates\.lease_success\.margin.*\); undo"):
        begin(store, edited, now=NOW + 60, actor="me")
    assert store.decisions("t") == []


def test_an_accepted_change_is_on_the_record(store: Store, make_policy: MakePolicy) -> None:
    """An edit that was asked for takes effect with a decision that says who did it and what changed."""
    begin(store, make_policy(), now=NOW, actor="me")
    edited = make_policy(stages=[{"name": "shadow", "weight": "0%", "shadow": "50%"}])
    rollout = begin(store, edited, now=NOW + 60, actor="me", accept_changes=True)
    assert (rollout.shadow, rollout.since, rollout.revision) == (0.5, NOW, 1)
    [decision] = store.decisions("t")
    assert (decision.event, decision.actor) == ("policy", "me")
    assert "stages" in decision.reason
    assert decision.policy_hash == policy_hash(edited)
    assert begin(store, edited, now=NOW + 90, actor="me") == rollout


def test_a_stage_in_use_cannot_be_edited_away(store: Store, make_policy: MakePolicy) -> None:
    """A policy without the stage that the rollout is in is refused even when changes are accepted."""
    begin(store, make_policy(), now=NOW, actor="me")
    edited = make_policy(stages=[{"name": "canary", "weight": "5%"}])
    with pytest.raises(PolicyError, match="'shadow', which the policy no longer has"):
        begin(store, edited, now=NOW + 60, actor="me", accept_changes=True)


def test_a_rolled_back_rollout_stays_rolled_back_after_a_change(
    store: Store, make_policy: MakePolicy
) -> None:
    """An edited policy does not bring traffic back to new."""
    before = begin(store, make_policy(), now=NOW, actor="me")
    rolled = replace(before, state=RolloutState.ROLLED_BACK, weight=0.0, revision=1)
    store.save(before, rolled, tdecision(event="rollback"))
    rollout = begin(store, make_policy(balance="sum"), now=NOW + 60, actor="me", accept_changes=True)
    assert (rollout.state, rollout.weight) == (RolloutState.ROLLED_BACK, 0.0)
