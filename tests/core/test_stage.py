"""The rollout's machine: every state and event is in the table or refused, and rollback always works."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from canary.core.model import Arm, Rollout, RolloutState
from canary.core.stage import (
    HOLD_BACK,
    TRANSITIONS,
    Event,
    IllegalEvent,
    Step,
    adopt,
    apply,
    legal_events,
    start,
)
from tests.core import states
from tests.factories import NOW, trollout

S = RolloutState
E = Event

STEPS = (
    Step("shadow", 0.0, 1.0),
    Step("canary", 0.05, 0.1),
    Step("half", 0.5, 0.0),
    Step("cutover", 1.0, 0.0, approval=True),
)
RUN = trollout(stage="canary", stage_index=1)

# What each event leads to from the canary stage of STEPS; None: refused.
TABLE = {
    S.RUNNING: {
        E.ADVANCE: S.RUNNING,
        E.HARM: S.ROLLED_BACK,
        E.PAUSE: S.PAUSED,
        E.PROMOTE: S.RUNNING,
        E.ROLLBACK: S.ROLLED_BACK,
    },
    S.PAUSED: {E.HARM: S.ROLLED_BACK, E.RESUME: S.RUNNING, E.PROMOTE: S.RUNNING, E.ROLLBACK: S.ROLLED_BACK},
    S.AWAITING_APPROVAL: {
        E.HARM: S.ROLLED_BACK,
        E.PAUSE: S.PAUSED,
        E.APPROVE: S.RUNNING,
        E.PROMOTE: S.RUNNING,
        E.ROLLBACK: S.ROLLED_BACK,
    },
    S.ROLLED_BACK: {E.ROLLBACK: S.ROLLED_BACK, E.RESTART: S.RUNNING},
    S.COMPLETE: {E.ROLLBACK: S.ROLLED_BACK},
}


@pytest.mark.parametrize(("state", "event"), list(product(S, E)), ids=str)
def test_every_event_in_every_state(state: S, event: E) -> None:
    """Each pair leads where the table says, one revision on, or is refused with what is possible instead."""
    before = replace(RUN, state=state, revision=7)
    expected = TABLE[state].get(event)
    if expected is not None:
        after = apply(before, event, STEPS, NOW + 60)
        assert (after.state, after.revision, after.salt, after.name) == (
            expected,
            8,
            before.salt,
            before.name,
        )
        return
    with pytest.raises(
        IllegalEvent, match=f"{event} is not possible while the rollout is {state}"
    ) as refusal:
        apply(before, event, STEPS, NOW + 60)
    assert all(legal in str(refusal.value) for legal in legal_events(state))


def test_the_table_is_complete() -> None:
    """Every state has a row, and legal events are exactly the row's."""
    assert set(TRANSITIONS) == set(S)
    assert {state: legal_events(state) for state in S} == {s: frozenset(row) for s, row in TABLE.items()}


@pytest.mark.parametrize("state", S)
def test_rollback_is_possible_in_every_state(state: S) -> None:
    """No new lease goes to new, nothing is shadowed and old is the safe arm, whatever was before."""
    before = replace(RUN, state=state, weight=1.0, shadow=1.0, safe_arm=Arm.NEW)
    after = apply(before, E.ROLLBACK, STEPS, NOW + 1)
    assert (after.state, after.weight, after.shadow, after.safe_arm) == (S.ROLLED_BACK, 0.0, 0.0, Arm.OLD)
    assert (after.stage, after.stage_index, after.attempt) == (
        before.stage,
        before.stage_index,
        before.attempt,
    )


def test_a_rollout_starts_in_its_first_stage() -> None:
    """Running, with the first stage's weight and shadow share in force, old as the safe arm."""
    first = start("name", "salt", STEPS, NOW)
    assert first == Rollout("name", "salt", S.RUNNING, "shadow", 0, 0.0, 1.0, Arm.OLD, NOW)


def test_the_whole_way() -> None:
    """Stage by stage to the cutover, which waits for approval and makes new the safe arm, and to completion."""
    seen = [start("name", "salt", STEPS, NOW)]
    for event in (E.ADVANCE, E.ADVANCE, E.ADVANCE, E.APPROVE, E.ADVANCE):
        seen.append(apply(seen[-1], event, STEPS, seen[-1].since + 10))
    assert [(r.state, r.stage, r.weight, r.shadow, r.safe_arm, r.since - NOW) for r in seen] == [
        (S.RUNNING, "shadow", 0.0, 1.0, Arm.OLD, 0),
        (S.RUNNING, "canary", 0.05, 0.1, Arm.OLD, 10),
        (S.RUNNING, "half", 0.5, 0.0, Arm.OLD, 20),
        (S.AWAITING_APPROVAL, "half", 0.5, 0.0, Arm.OLD, 20),
        (S.RUNNING, "cutover", 1.0, 0.0, Arm.NEW, 30),
        (S.COMPLETE, "cutover", 1.0, 0.0, Arm.NEW, 40),
    ]
    assert [r.revision for r in seen] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("state", [S.RUNNING, S.PAUSED, S.AWAITING_APPROVAL])
def test_promote_passes_over_gates_and_approval(state: S) -> None:
    """An operator moves on without the gates, and into a stage that asks for approval without asking again."""
    after = apply(replace(RUN, state=state, stage="half", stage_index=2), E.PROMOTE, STEPS, NOW + 5)
    assert (after.state, after.stage, after.safe_arm, after.since) == (S.RUNNING, "cutover", Arm.NEW, NOW + 5)


@pytest.mark.parametrize("event", [E.ADVANCE, E.PROMOTE])
def test_a_last_stage_below_the_cutover_does_not_complete(event: E) -> None:
    """With no stage to move on to, the rollout stays where it is and says why."""
    with pytest.raises(IllegalEvent, match="'half' is the last stage and no cutover; add a stage of 100 %"):
        apply(replace(RUN, stage="half", stage_index=2), event, STEPS[:3], NOW)


@pytest.mark.parametrize(
    ("weight", "cutover"), [(1.0, True), (0.99, True), (0.95, True), (0.94, False), (0.5, False)]
)
def test_a_cutover_may_hold_a_control_group_back(weight: float, cutover: bool) -> None:
    """A stage that leaves at most one in twenty on old is the cutover: new becomes the safe arm."""
    step = Step("last", weight, 0.0)
    assert step.is_cutover is cutover
    assert start("n", "s", (step,), NOW).safe_arm is (Arm.NEW if cutover else Arm.OLD)
    assert HOLD_BACK == 0.05


def test_pausing_keeps_everything_but_the_state() -> None:
    """A pause freezes the stage; resuming goes on in it, since the same time."""
    paused = apply(RUN, E.PAUSE, STEPS, NOW + 5)
    assert paused == replace(RUN, state=S.PAUSED, revision=1)
    assert apply(paused, E.RESUME, STEPS, NOW + 9) == replace(RUN, revision=2)


def test_a_restart_is_a_new_attempt_from_the_first_stage() -> None:
    """After a rollback everything begins anew but the salt, so that the same units are drawn alike."""
    back = apply(RUN, E.ROLLBACK, STEPS, NOW + 5)
    again = apply(back, E.RESTART, STEPS, NOW + 9)
    assert again == replace(start(RUN.name, RUN.salt, STEPS, NOW + 9), attempt=2, revision=2)


@pytest.mark.parametrize("state", [S.RUNNING, S.PAUSED, S.AWAITING_APPROVAL])
def test_an_edited_policy_is_adopted_by_stage_name(state: S) -> None:
    """The stage keeps its time and state, and has its new weight, shadow share and place."""
    edited = (STEPS[0], Step("extra", 0.01, 0.0), Step("canary", 0.1, 0.2), STEPS[3])
    before = replace(RUN, state=state, revision=3)
    after = adopt(before, edited, NOW + 99)
    assert after == replace(before, stage_index=2, weight=0.1, shadow=0.2, revision=4)


@pytest.mark.parametrize("state", [S.ROLLED_BACK, S.COMPLETE])
def test_an_edited_policy_wakes_no_rollout_that_is_over(state: S) -> None:
    """After a rollback or completion the weight stays what it is."""
    before = replace(RUN, state=state, weight=0.0, shadow=0.0)
    after = adopt(before, (Step("canary", 0.5, 0.5),), NOW)
    assert after == replace(before, stage_index=0, revision=1)


@pytest.mark.parametrize(("state", "event"), list(product(S, E)), ids=str)
def test_a_rollback_needs_no_policy(state: S, event: E) -> None:
    """Without knowing the stages one can still roll back, pause and resume; moving on is refused with the reason."""
    before = replace(RUN, state=state)
    if event not in TABLE[state]:
        return
    if event in {E.ROLLBACK, E.HARM, E.PAUSE, E.RESUME}:
        assert apply(before, event, (), NOW).state is TABLE[state][event]
        return
    with pytest.raises(IllegalEvent, match="stages are not known here"):
        apply(before, event, (), NOW)


def test_a_stage_that_is_gone_cannot_be_adopted() -> None:
    """The running stage must stay in the policy until it was left."""
    with pytest.raises(IllegalEvent, match="in stage 'canary', which the policy no longer has"):
        adopt(RUN, (STEPS[0], STEPS[3]), NOW)


weights = st.lists(st.floats(0, 1), min_size=1, max_size=5).map(sorted)


class AnyRollout(RuleBasedStateMachine):
    """Whatever events come in whatever order, the rollout stays one that makes sense."""

    @initialize(ws=weights, approvals=st.lists(st.booleans(), min_size=5, max_size=5))
    def begin(self, ws: list[float], approvals: list[bool]) -> None:
        self.steps = tuple(Step(f"s{i}", w, 0.5, approvals[i] and i > 0) for i, w in enumerate(ws))
        self.now = NOW
        self.rollout = start("n", "salt", self.steps, self.now)

    @rule(event=st.sampled_from(E), wait=st.integers(0, 100))
    def happens(self, event: E, wait: int) -> None:
        self.now += wait
        before = self.rollout
        try:
            self.rollout = apply(before, event, self.steps, self.now)
        except IllegalEvent:
            assert event is not E.ROLLBACK
            return
        assert self.rollout.revision == before.revision + 1
        assert self.rollout.attempt == before.attempt + (event is E.RESTART)
        if event in {E.ADVANCE, E.APPROVE, E.PROMOTE, E.PAUSE, E.RESUME}:
            assert self.rollout.weight >= before.weight
        if event in {E.HARM, E.ROLLBACK}:
            assert self.rollout.weight == 0

    @invariant()
    def makes_sense(self) -> None:
        now = self.rollout
        step = self.steps[now.stage_index]
        assert (now.salt, now.stage) == ("salt", step.name)
        if now.state is S.ROLLED_BACK:
            assert (now.weight, now.shadow, now.safe_arm) == (0.0, 0.0, Arm.OLD)
        elif now.state is S.COMPLETE:
            assert (now.weight, now.safe_arm) == (1.0, Arm.NEW)
        else:
            assert (now.weight, now.shadow) == (step.weight, step.shadow)
            assert now.safe_arm is (Arm.NEW if step.is_cutover else Arm.OLD)


TestAnyRollout = AnyRollout.TestCase


@given(st.sampled_from(S), st.sampled_from(E), st.integers(0, len(STEPS) - 1))
def test_every_step_is_on_the_drawn_diagram(state: S, event: E, index: int) -> None:
    """What the machine does is what the diagram shows."""
    before = replace(RUN, state=state, stage=STEPS[index].name, stage_index=index)
    try:
        after = apply(before, event, STEPS, NOW)
    except IllegalEvent:
        return
    assert (state, after.state, event) in states.rollout_arrows()


def test_the_states_page_is_up_to_date() -> None:
    """docs/states.md is drawn from the tables; write it anew with ``python -m tests.core.states``."""
    assert states.PAGE.read_text(encoding="utf-8") == states.page()
