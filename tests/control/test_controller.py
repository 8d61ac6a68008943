"""The controller tick by tick: what it decides, what it leaves alone, and what it says."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from canary.control.controller import ACTOR, Controller
from canary.core.model import Arm, Failure, LeaseState, Outcome, RolloutState
from canary.core.stage import Event
from canary.core.verdict import VerdictKind
from canary.store.errors import StoreError, StoreUnavailable
from canary.store.store import Store
from tests.control.world import (
    DOWN,
    GATES,
    HOUR,
    MINUTE,
    NAME,
    STAGES,
    WORSE,
    World,
    make_policy,
    metric,
)
from tests.factories import tassignment, tlease, tpurchase
from tests.waiting import until


def staged(*stages: dict[str, Any], **changes: Any) -> Any:
    """A policy of these stages."""
    return make_policy(stages=stages, **changes)


def canary(**changes: Any) -> dict[str, Any]:
    """A stage with half of the leases on new."""
    return {"name": "canary", "weight": "50%", "hold": "1h", **changes}


# --- moving on ----------------------------------------------------------------------------------------------------


def test_equal_arms_walk_to_completion(world: World) -> None:
    """Stage by stage on evidence, through an approval, until all leases go to new; each step is one decision."""
    world.warm_up()
    for stage in ("wide", "wide"):
        world.buy(400)
        world.clock.advance(HOUR)
        world.tick()
        assert world.rollout.stage == stage
    assert world.rollout.state is RolloutState.AWAITING_APPROVAL
    assert world.rollout.weight == 0.75
    assert world.act(Event.APPROVE).stage == "cutover"
    world.tick()
    rollout = world.rollout
    assert (rollout.state, rollout.weight, rollout.safe_arm) == (RolloutState.COMPLETE, 1.0, Arm.NEW)
    assert world.events == ["advance", "advance", "advance", "approve", "advance"]
    assert world.tick() is None
    assert len(world.events) == 5


def test_a_decision_is_appended_with_its_numbers(world: World) -> None:
    """The row says who, why, from where to where, under which policy, on what numbers and on what basis."""
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    verdict = world.tick()
    assert verdict is not None
    decision = world.decisions[-1]
    assert (decision.event, decision.actor) == ("harm", ACTOR)
    assert (decision.before, decision.after) == (RolloutState.RUNNING, RolloutState.ROLLED_BACK)
    assert decision.reason == "; ".join(verdict.reasons)
    assert "success rate of leases of new is 0.09 against 0.80 on old" in decision.reason
    assert decision.evidence["metrics"]["lease_success"] == metric(verdict)  # type: ignore[index]
    stored = world.store.policy_by_hash(decision.policy_hash)
    assert stored == world.store.policy(NAME)
    basis: Any = decision.evidence["basis"]
    assert basis["cursors"]["lease_success"] == 180
    assert basis["stage"]["weight"] == 0.5


def test_a_controller_that_stands_by_does_not_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves neither verdict nor sign of life while another one leads, and goes on from the store when it leads."""
    world.warm_up()
    leader, standby = world.controller(), world.controller()
    monkeypatch.setattr(standby._leadership, "held", lambda: False)
    leader.lead()
    seen = world.store.look(NAME)
    world.clock.advance(60.0)
    standby.lead()
    assert (leader.leads, standby.leads) == (True, False)
    assert world.store.look(NAME) == seen
    monkeypatch.setattr(standby._leadership, "held", lambda: True)
    standby.lead()
    look = world.store.look(NAME)
    assert look is not None
    assert (standby.leads, look.heartbeat) == (True, world.clock())
    standby.resign()
    assert not standby.leads


def test_a_store_that_cannot_say_who_leads_ends_the_lead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the lock is still held is not known, so nothing is decided."""
    controller = world.controller()
    controller.lead()

    def gone() -> bool:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(controller._leadership, "held", gone)
    with pytest.raises(StoreUnavailable):
        controller.lead()
    assert not controller.leads


def test_harm_rolls_back_once(world: World) -> None:
    """New leases stop at once, and ticks that follow decide nothing more, keep the verdict and show life."""
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    controller = world.controller()
    controller.tick()
    rolled, verdict = world.rollout, world.verdict
    assert (rolled.state, rolled.weight, rolled.safe_arm) == (RolloutState.ROLLED_BACK, 0.0, Arm.OLD)
    world.buy(100, WORSE)
    world.mature()
    assert controller.tick() is None
    assert world.rollout == rolled
    assert world.events == ["advance", "harm"]
    assert world.verdict == verdict
    look = world.store.look(NAME)
    assert look is not None
    assert look.heartbeat == world.clock()


@pytest.mark.parametrize(
    ("stage", "wait", "why"),
    [
        (canary(hold="3h"), HOUR, "the stage holds for 3 h; 1 h"),
        (canary(min_leases=500), HOUR, "leases have matured in this stage; at least 500 are needed"),
        (canary(), 0.0, "the stage holds for 1 h"),
    ],
    ids=["hold", "leases", "young"],
)
def test_a_stage_is_not_left_before_its_time(
    store: Store, stage: dict[str, Any], wait: float, why: str
) -> None:
    """Neither hold nor leases are skipped however good the evidence is, and the verdict says what is missing."""
    world = World(store, staged(stage, {"name": "wide", "weight": "75%"}))
    world.buy(300)
    world.mature()
    world.clock.advance(wait)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.kind is VerdictKind.HOLD
    assert any(why in reason for reason in verdict.reasons)
    assert world.events == []


def test_the_warm_up_is_waited_for(world: World) -> None:
    """Nothing goes to new before old is known."""
    world.buy(49)
    world.clock.advance(HOUR)
    assert "49 leases on old have matured; 50 are needed" in str(world.tick())
    world.buy(1)
    world.mature()
    world.tick()
    assert world.rollout.stage == "canary"


def test_no_traffic_decides_nothing(store: Store) -> None:
    """A stage that nobody uses is not left, however long it has lasted."""
    world = World(store, staged(canary(), {"name": "wide", "weight": "75%"}))
    for _ in range(3):
        world.clock.advance(24 * HOUR)
        verdict = world.tick()
        assert verdict is not None
        assert verdict.kind is VerdictKind.HOLD
    assert {found["verdict"] for found in world.verdict["metrics"].values()} == {"no_data"}
    assert world.events == []


@pytest.mark.parametrize(
    ("wish", "state", "events"),
    [("hold", RolloutState.RUNNING, []), ("rollback", RolloutState.ROLLED_BACK, ["harm"])],
)
def test_time_that_is_up_promotes_nothing(
    store: Store, wish: str, state: RolloutState, events: list[str]
) -> None:
    """When the longest time has passed undecided the policy's wish is done: stay, or go back."""
    world = World(store, staged(canary(max_hold="2h"), on_undecided=wish))
    world.buy(30)
    world.clock.advance(2 * HOUR - 2 * MINUTE)
    world.tick()
    assert world.events == []
    world.clock.advance(2 * MINUTE)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.reasons[0].startswith("undecided after 2 h")
    assert world.rollout.state is state
    assert world.events == events


def test_the_last_stage_without_a_cutover_is_cleared_and_stays(store: Store) -> None:
    """There is nowhere to go on to: the verdict says advance, and nothing is decided."""
    world = World(store, staged(canary()))
    world.buy(300)
    world.clock.advance(2 * HOUR)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.kind is VerdictKind.ADVANCE
    assert world.events == []


# --- beside an operator -------------------------------------------------------------------------------------------


def test_a_pause_stops_progress_and_not_protection(world: World) -> None:
    """While paused a cleared stage is not left, and harm still rolls back."""
    world.warm_up()
    world.act(Event.PAUSE)
    world.buy(400)
    world.clock.advance(HOUR)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.kind is VerdictKind.ADVANCE
    assert world.rollout.state is RolloutState.PAUSED
    world.buy(150, WORSE)
    world.mature()
    world.tick()
    assert world.rollout.state is RolloutState.ROLLED_BACK
    assert world.events == ["advance", "pause", "harm"]


def test_a_pause_outlasts_the_longest_time(store: Store) -> None:
    """An operator who stopped the rollout is not overruled because time passed; once resumed, it has passed."""
    world = World(store, staged(canary(max_hold="2h"), on_undecided="rollback"))
    world.buy(30)
    world.act(Event.PAUSE)
    world.clock.advance(3 * HOUR)
    world.tick()
    assert world.rollout.state is RolloutState.PAUSED
    world.act(Event.RESUME)
    world.tick()
    assert world.rollout.state is RolloutState.ROLLED_BACK


def test_harm_while_approval_is_awaited_rolls_back(world: World) -> None:
    """The question to the operator does not stop the watch, and is asked once."""
    world.warm_up()
    for _ in range(2):
        world.buy(400)
        world.clock.advance(HOUR)
        world.tick()
    assert world.rollout.state is RolloutState.AWAITING_APPROVAL
    world.tick()
    world.buy(200, WORSE)
    world.mature()
    world.tick()
    assert world.rollout.state is RolloutState.ROLLED_BACK
    assert world.events == ["advance", "advance", "advance", "harm"]


def test_an_outage_of_both_arms_pauses_once(store: Store) -> None:
    """A resume during the outage is not undone at the next tick, nor after a restart; the next outage pauses again."""
    world = World(store, staged(STAGES[0], canary(hold="48h")))
    world.warm_up()
    world.clock.advance(HOUR)
    world.buy(120, DOWN)
    world.mature()
    assert "both arms" in str(world.tick())
    assert world.rollout.state is RolloutState.PAUSED
    controller = world.controller()
    controller.tick()
    world.act(Event.RESUME)
    for _ in range(2):
        verdict = controller.tick()
        assert verdict is not None
        assert verdict.pause
    controller = world.controller()
    controller.tick()
    assert world.rollout.state is RolloutState.RUNNING
    world.clock.advance(HOUR)
    world.buy(300)
    world.mature()
    controller.tick()
    world.buy(180, DOWN, gap=30.0)
    world.mature()
    controller.tick()
    assert world.events == ["advance", "pause", "resume", "pause"]


def test_an_operator_between_look_and_write_wins(world: World) -> None:
    """A tick on a rollout that has changed meanwhile leaves nothing behind and is made anew."""
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    controller = world.controller(Meddled(world.store, "tick", lambda: world.act(Event.PAUSE)))
    before = world.verdict
    controller.tick()
    assert world.events == ["advance", "pause"]
    assert world.verdict == before
    controller.tick()
    assert world.events == ["advance", "pause", "harm"]


@pytest.mark.parametrize("call", ["decisions", "policy", "evidence", "matured", "tick"])
def test_a_restart_in_the_middle_of_a_tick_is_taken_up(world: World, call: str) -> None:
    """Whenever an operator restarts, the next tick judges the new attempt, and nothing of the old one."""
    world.warm_up()
    world.act(Event.ROLLBACK)
    world.act(Event.RESTART)
    world.buy(60)
    world.mature()

    def again() -> None:
        world.act(Event.ROLLBACK)
        world.act(Event.RESTART)

    controller = world.controller(Meddled(world.store, call, again))
    controller.tick()
    assert world.rollout.attempt == 3
    world.buy(60)
    world.mature()
    controller.tick()
    assert world.rollout.stage == "canary"
    world.buy(100)
    world.mature()
    verdict = controller.tick()
    assert metric(verdict)["new"]["n"] > 20
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.03)


class Meddled:
    """A store in which something happens just before one call is carried out, once."""

    def __init__(self, store: Store, call: str, meddle: Any) -> None:
        self._store = store
        self._call = call
        self._meddle = meddle

    def __getattr__(self, name: str) -> Any:
        if name == self._call and self._meddle:
            meddle, self._meddle = self._meddle, None
            meddle()
        return getattr(self._store, name)


# --- eras ---------------------------------------------------------------------------------------------------------


def test_a_restart_is_another_attempt_that_remembers_what_was_risked(world: World) -> None:
    """Evidence begins anew; what earlier attempts risked is added up, and said with a rollback."""
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    verdict = world.tick()
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.01)
    assert "already risked" not in str(verdict.reasons)
    world.act(Event.RESTART)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.02)
    assert metric(verdict)["new"]["n"] == 0
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    world.tick()
    decision = world.decisions[-1]
    assert (decision.event, decision.attempt) == ("harm", 2)
    assert "with this one the chance of any is at most 0.02" in decision.reason


def test_edited_margins_begin_another_era(world: World) -> None:
    """What was bet under the old margins counts no more; what old is like is still known."""
    world.warm_up()
    world.buy(100)
    world.mature()
    assert metric(world.tick())["new"]["n"] > 30
    gates = {"lease_success": {"rollback_margin": "3pp", "promote_margin": "20pp"}, "acquire": {}}
    world.edit(make_policy(gates=gates))
    verdict = world.tick()
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.02)
    assert metric(verdict)["new"]["n"] == 0
    world.buy(60)
    world.mature()
    assert metric(world.tick())["new"]["n"] > 20
    assert world.rollout.stage == "canary"


def test_each_era_is_risked_at_the_rate_of_its_time(world: World) -> None:
    """Lowering the error rate afterwards does not make what was risked smaller."""
    world.edit(make_policy(error_rates={"false_rollback": "5%"}))
    world.edit(make_policy(error_rates={"false_rollback": "0.1%"}))
    world.warm_up()
    verdict = world.tick()
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.01 + 0.05 + 0.001)


def test_edited_stages_keep_the_evidence(world: World) -> None:
    """An edit of what is not judged by spends nothing and loses nothing."""
    world.warm_up()
    world.buy(100)
    world.mature()
    before = metric(world.tick())
    world.edit(make_policy(stages=(STAGES[0], canary(hold="2h"), *STAGES[2:])))
    verdict = world.tick()
    assert verdict is not None
    assert verdict.alpha_spent == pytest.approx(0.01)
    after = metric(verdict)
    assert after.pop("evidence") == pytest.approx(before.pop("evidence"), rel=1e-9)
    assert after == before
    assert "the stage holds for 2 h" in verdict.reasons[0]


def test_a_controller_from_before_an_edit_judges_no_more(world: World) -> None:
    """A replica that still runs the old file would judge by margins that no longer hold: it says so and stops."""
    world.warm_up()
    left_over = world.controller()
    left_over.tick()
    world.edit(make_policy(gates={"acquire": {}}))
    world.buy(100, WORSE)
    world.mature()
    beat = world.store.look(NAME)
    with pytest.raises(StoreError, match=r"runs under policy .* now .*; start it again with the edited file"):
        left_over.tick()
    assert world.store.look(NAME) == beat
    assert world.events == ["advance", "policy"]


# --- what counts --------------------------------------------------------------------------------------------------


def test_a_lopsided_sample_holds_and_says_so(world: World) -> None:
    """When the arms do not get the shares that were drawn for, not even harm can be believed."""
    world.warm_up()
    world.buy(200, WORSE, arm_of=lambda random, weight: Arm.NEW if random.random() < 0.2 else Arm.OLD)
    world.mature()
    verdict = world.tick()
    assert verdict is not None
    assert verdict.kind is VerdictKind.HOLD
    assert "of 200 purchases belong to new" in verdict.reasons[0]
    assert "no comparison can be trusted" in verdict.reasons[0]
    assert world.events == ["advance"]


def test_leases_that_are_lost_on_one_arm_hold(world: World) -> None:
    """Purchases of new whose leases never reached the store make the matured sample lopsided."""
    world.warm_up()
    at = world.rollout
    for number in range(200):
        arm = Arm.NEW if number % 2 else Arm.OLD
        name = f"lost-{number}"
        drawn = tassignment(unit=name, arm=arm, probability=at.weight, stage=at.stage_index)
        purchase = tpurchase(id=name, at=world.clock.advance(1.0), arm=arm, assignment=drawn)
        lease = tlease(id=name, arm=arm, purchase=name, opened_at=purchase.at, code_at=purchase.at + 9)
        world.insert([(purchase, [lease] if arm is Arm.OLD else [])])
    world.mature()
    verdict = world.tick()
    assert verdict is not None
    assert verdict.kind is VerdictKind.HOLD
    assert "0 of 100 matured purchases belong to new" in verdict.reasons[0]


def test_spillover_counts_against_new(world: World) -> None:
    """Purchases that old served because new could not be reached are failures of new, and roll it back."""
    world.warm_up()
    at = world.rollout
    for number in range(80):
        drawn_for_new = number % 2 == 1
        name = f"spilled-{number}"
        arm = Arm.NEW if drawn_for_new else Arm.OLD
        drawn = tassignment(unit=name, arm=arm, probability=at.weight, stage=at.stage_index)
        purchase = tpurchase(id=name, at=world.clock.advance(1.0), assignment=drawn)
        if drawn_for_new:
            purchase = replace(purchase, spilled=True, failure=Failure.CONNECT)
        done = {"state": LeaseState.SUCCEEDED, "code_at": purchase.at + 9, "ended_at": purchase.at + 9}
        world.insert([(purchase, [tlease(id=name, purchase=name, opened_at=purchase.at, **done)])])
    world.mature()
    verdict = world.tick()
    assert metric(verdict, "acquire")["new"]["value"] == 0.0
    assert metric(verdict, "acquire")["old"]["value"] == 1.0
    assert world.rollout.state is RolloutState.ROLLED_BACK


def test_a_client_is_drawn_once(store: Store) -> None:
    """With unit: client only the first purchase of each client is a bet, whatever it buys later."""
    world = World(store, staged(canary(hold="24h"), unit="client"))
    world.buy(300, unit_of=lambda number: f"client-{number % 60}")
    world.mature()
    found = metric(world.tick(), "acquire")
    assert found["old"]["n"] + found["new"]["n"] == 60


def test_a_client_of_the_warm_up_is_still_to_be_drawn(store: Store) -> None:
    """At weight 0 nobody is drawn: a client known from there counts with its first purchase that is."""
    world = World(store, make_policy(unit="client"))
    world.buy(120, unit_of=lambda number: f"client-{number % 60}")
    world.mature()
    world.tick()
    assert world.rollout.stage == "canary"
    world.buy(120, unit_of=lambda number: f"client-{number % 60}")
    world.mature()
    found = metric(world.tick(), "acquire")
    assert found["old"]["n"] + found["new"]["n"] == 60


def test_purchases_without_an_answer_count_against_their_arm(world: World) -> None:
    """A new that answers nothing is rolled back although it never issued a lease."""
    world.warm_up()
    for purchase in world.buy(60):
        name = f"again-{purchase.id}"
        drawn = purchase.assignment
        assert drawn is not None
        failed = drawn.arm is Arm.NEW
        outcome = Outcome.UNKNOWN if failed else Outcome.BUSINESS
        failure = Failure.TIMEOUT if failed else None
        row = tpurchase(id=name, at=purchase.at, arm=drawn.arm, assignment=replace(drawn, unit=name))
        world.insert([(replace(row, outcome=outcome, failure=failure, latency=30.0 * failed), [])])
    world.mature()
    world.tick()
    assert world.rollout.state is RolloutState.ROLLED_BACK


# --- the loop -----------------------------------------------------------------------------------------------------


class Failing:
    """A store whose calls fail until it is mended."""

    def __init__(self, store: Store, error: Exception) -> None:
        self._store = store
        self._error: Exception | None = error
        self.asked = 0

    def mend(self) -> None:
        self._error = None

    def __getattr__(self, name: str) -> Any:
        if name == "tick":
            self.asked += 1
            if self._error is not None:
                raise self._error
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("error", "said"),
    [(StoreUnavailable("busy"), "a tick was skipped: busy"), (RuntimeError("defect"), "a tick failed")],
    ids=["store", "defect"],
)
async def test_a_tick_that_failed_is_made_anew(
    store: Store, caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    """The loop outlives a lost store and a defect, says so, gives no sign of life, and decides once it can."""
    world = World(store, make_policy(judging={"tick": "10ms", "warmup_leases": 50}))
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    alive = world.store.look(NAME)
    failing = Failing(store, error)
    running = asyncio.create_task(world.controller(failing).run())
    try:
        with caplog.at_level(logging.WARNING):
            await until(lambda: failing.asked > 2)
        assert said in caplog.text
        assert world.store.look(NAME) == alive
        failing.mend()
        await until(lambda: world.events == ["advance", "harm"])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_rollout_that_is_gone_is_said(world: World) -> None:
    """A store without the rollout is no reason for a verdict."""
    world.policy = make_policy(name="another")
    with pytest.raises(StoreError, match="holds no rollout named 'another' any more"):
        world.tick()


def test_two_controllers_at_once_decide_once(world: World) -> None:
    """Of two that saw the same, one writes; the other's tick leaves nothing."""
    world.warm_up()
    world.buy(100, WORSE)
    world.mature()
    second = world.controller()
    first = world.controller(Meddled(world.store, "tick", second.tick))
    first.tick()
    assert world.events == ["advance", "harm"]
    assert first.tick() is None


def test_controllers_that_take_turns_are_as_one(store: Store, tmp_path: Any) -> None:
    """Two that tick in turn, and one that is started anew for every tick, know what a single one knows."""
    other = Store(tmp_path / "other.db")
    single, many = World(store), World(other)
    alone = single.controller()
    pair = [many.controller(), many.controller()]
    for number in range(12):
        for world in (single, many):
            world.buy(50, gap=30.0, seed=number)
            world.mature()
        ticking: Controller = many.controller() if number % 3 == 2 else pair[number % 2]
        for controller in (alone, ticking):
            for _ in range(3):  # the first one after somebody else's has no effect
                controller.tick()
        assert many.rollout.stage == single.rollout.stage
    assert many.events == single.events
    assert len(many.events) >= 2
    for name in GATES:
        one, both = single.verdict["metrics"][name], many.verdict["metrics"][name]
        assert both["new"] == pytest.approx(one["new"], rel=1e-12)
        assert both["evidence"] == pytest.approx(one["evidence"], rel=1e-9)
    other.close()
