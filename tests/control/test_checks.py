"""The gates that count: which stage they keep, or end, when, and until when."""

from decimal import Decimal
from math import inf
from typing import Any

import pytest

from canary.control.acknowledge import acknowledge
from canary.control.checks import checks_of
from canary.core.accounts import Reading, Terms
from canary.core.check import Check
from canary.core.compare.acks import Which
from canary.core.compare.shape import Shape, TraitKey
from canary.core.model import Arm, LeaseState, RolloutState
from canary.core.pairs import PairKey, Pairs
from canary.core.policy.terms import terms_of
from canary.core.stage import Event, IllegalEvent
from canary.core.tally import Tally, TallyKey
from canary.toolkit.report import report
from tests.control.world import GATES, HOUR, NAME, STAGES, World, make_policy
from tests.core.compare.replies import learned
from tests.factories import tcall, tlease, tpurchase

PLAIN = ["ACCESS_BALANCE:1.50"] * 20
BROKEN = ["ACCESS_BALANCE:1.50\n"] * 20
CHECKED = {**GATES, "contract": {"max_differences": 0}, "coverage": {"unmapped_actions": "block"}}
SHADOWED = ({**STAGES[0], "shadow": "100%"}, *STAGES[1:])


def seen(world: World, *, new: list[str], attempt: int = 1, **counters: int) -> None:
    """Both arms answered getBalance; so did new to its copies."""
    call = tcall("getBalance")
    shapes = ((Arm.OLD, learned(call, PLAIN, PLAIN)), (Arm.NEW, learned(call, new, PLAIN)))
    wrote(world, {_key(attempt, arm, s, t): v for arm, s in shapes for t, v in s.sightings.items()}, counters)


def _key(attempt: int, arm: Arm, shape: Shape, trait: Any) -> TraitKey:
    return TraitKey(attempt, arm, shape.action, trait)


def wrote(world: World, sightings: dict[TraitKey, Any], counters: dict[str, int]) -> None:
    """A proxy's batch, in which clients asked for their balance."""
    tally = Tally()
    tally.add("ok", "ACCESS_BALANCE", 100)
    place = TallyKey(world.rollout.attempt, world.rollout.stage_index, 0, Arm.OLD, "getBalance")
    batch: dict[str, Any] = {"leases_changed": [], "purchases": [], "tallies": {place: tally}}
    world.store.flush(NAME, "a", **batch, counters=counters, sightings=sightings)


def worldly(world: World, **changes: Any) -> World:
    """The world under a policy with both gates."""
    world.edit(make_policy(**{"gates": CHECKED, **changes}))
    return world


def ack(world: World, action: str) -> None:
    """The operator knows."""
    assert acknowledge(world.store, NAME, Which(action), reason="known", actor="operator", clock=world.clock)


def check(world: World, name: str) -> Check:
    """One of the checks as it stands."""
    [found] = [c for c in checks_of(world.store, world.policy, world.rollout, -inf) if c.name == name]
    return found


def ready(world: World) -> None:
    """Everything is there to leave the first stage, but for the checks."""
    world.buy(80)
    world.mature()


def test_a_policy_without_the_gates_has_no_checks(world: World) -> None:
    """A gate that is left out of a written section is not judged."""
    assert checks_of(world.store, world.policy, world.rollout, -inf) == ()


def test_a_difference_keeps_the_shadow_stage_until_it_is_acknowledged(world: World) -> None:
    """The verdict names it, and the acknowledgement lets the rollout go on at the next look."""
    worldly(world, stages=SHADOWED)
    ready(world)
    seen(world, new=BROKEN)
    verdict = world.tick()
    assert verdict is not None
    assert world.rollout.stage == "shadow"
    assert any(
        reason.startswith("contract: 1 found, 0 allowed (getBalance whitespace; see canary differences")
        for reason in verdict.reasons
    )
    ack(world, "getBalance")
    world.tick()
    assert world.rollout.stage == "canary"
    assert world.events[-2:] == ["ack", "advance"]


def test_a_difference_keeps_a_later_stage_too(world: World) -> None:
    """What shows only once leases go to new is no less a difference."""
    worldly(world).warm_up()
    seen(world, new=BROKEN)
    world.buy(400)
    world.clock.advance(HOUR)
    world.tick()
    assert world.rollout.stage == "canary"
    ack(world, "getBalance")
    world.tick()
    assert world.rollout.stage == "wide"


def test_so_many_may_be_allowed(world: World) -> None:
    """A policy may live with some."""
    worldly(world, gates={**GATES, "contract": {"max_differences": 1}}).warm_up()
    seen(world, new=BROKEN)
    assert check(world, "contract") == Check("contract", 1, 1, 20, detail=check(world, "contract").detail)
    assert check(world, "contract").objection == ""


def test_a_shadow_stage_that_compared_nothing_is_not_left(world: World) -> None:
    """Reads came and no copy of them was answered: no data decides nothing."""
    worldly(world, stages=SHADOWED)
    ready(world)
    wrote(world, {}, {})
    verdict = world.tick()
    assert verdict is not None
    assert any("contract: 0 replies of new were compared" in reason for reason in verdict.reasons)
    assert verdict.as_json()["metrics"]["contract"]["verdict"] == "no_data"
    seen(world, new=PLAIN)
    world.tick()
    assert world.rollout.stage == "canary"


def test_clients_that_read_nothing_wait_for_nothing(world: World) -> None:
    """Where no call could be shadowed, the stage is left on its other gates."""
    worldly(world, stages=SHADOWED).warm_up()
    assert world.rollout.stage == "canary"


def test_an_earlier_attempt_proves_nothing_for_this_one(world: World) -> None:
    """After a restart the contract is learned anew."""
    worldly(world, stages=SHADOWED)
    seen(world, new=PLAIN)
    world.act(Event.ROLLBACK)
    world.act(Event.RESTART)
    wrote(world, {}, {})
    assert check(world, "contract").seen == 0
    assert check(world, "contract").needed == 3


def test_an_unmapped_action_keeps_the_last_stage_before_the_cutover(world: World) -> None:
    """Before that it is only shown: old still serves it."""
    worldly(world).warm_up()
    seen(world, new=PLAIN, unmapped_getRentNumber=2)
    assert (check(world, "coverage").found, check(world, "coverage").blocks) == (1, False)
    world.buy(400)
    world.clock.advance(HOUR)
    world.tick()
    assert world.rollout.stage == "wide"
    world.buy(400)
    world.clock.advance(HOUR)
    verdict = world.tick()
    assert verdict is not None
    assert world.rollout.state is RolloutState.RUNNING
    assert any(
        reason.startswith("coverage: 1 found, 0 allowed (getRentNumber;") for reason in verdict.reasons
    )
    ack(world, "getRentNumber")
    world.tick()
    assert world.rollout.state is RolloutState.AWAITING_APPROVAL


def test_a_policy_may_only_report_unmapped_actions(world: World) -> None:
    """``unmapped_actions: report`` blocks nowhere."""
    worldly(world, gates={**GATES, "coverage": {"unmapped_actions": "report"}}).warm_up()
    seen(world, new=PLAIN, unmapped_getRentNumber=2)
    world.act(Event.PROMOTE)
    assert (check(world, "coverage").found, check(world, "coverage").blocks) == (1, False)


def test_an_approval_is_held_up_by_what_came_up_meanwhile(world: World) -> None:
    """An action that nobody had called before is found while the cutover waits; promote overrides it on the record."""
    worldly(world).warm_up()
    for _ in range(2):
        world.buy(400)
        world.clock.advance(HOUR)
        world.tick()
    assert world.rollout.state is RolloutState.AWAITING_APPROVAL
    seen(world, new=PLAIN, unmapped_getRentNumber=2)
    with pytest.raises(
        IllegalEvent, match=r"approve is held up: coverage: 1 found, 0 allowed \(getRentNumber;"
    ):
        world.act(Event.APPROVE)
    assert world.rollout.state is RolloutState.AWAITING_APPROVAL
    assert world.act(Event.PROMOTE).stage == "cutover"


def test_a_full_cutover_is_not_completed_over_open_differences(world: World) -> None:
    """Nothing is left to compare there, but what was found before still waits for somebody's word."""
    worldly(world).warm_up()
    seen(world, new=BROKEN)
    world.act(Event.PROMOTE)
    world.act(Event.PROMOTE)
    verdict = world.tick()
    assert verdict is not None
    assert any(reason.startswith("contract: 1 found") for reason in verdict.reasons)
    assert world.rollout.state is RolloutState.RUNNING
    ack(world, "getBalance")
    world.tick()
    assert world.rollout.state is RolloutState.COMPLETE


def test_many_findings_are_counted_and_few_are_named(world: World) -> None:
    """A reason stays readable."""
    worldly(world).warm_up()
    seen(world, new=PLAIN, **{f"unmapped_{name}": 1 for name in ("a", "b", "c", "d", "e")})
    assert check(world, "coverage").detail.startswith("a, b, c and 2 more; see canary differences")


def test_a_decision_keeps_the_checks_that_it_stood_on(world: World) -> None:
    """What was found later does not change what the record says of the look."""
    worldly(world, stages=SHADOWED)
    ready(world)
    seen(world, new=PLAIN)
    world.tick()
    basis = world.decisions[-1].evidence["basis"]
    assert isinstance(basis, dict)
    assert [(one["name"], one["found"], one["seen"]) for one in basis["checks"]] == [
        ("contract", 0, 20),
        ("coverage", 0, 1),
    ]


# --- pairs of answers ---------------------------------------------------------------------------------------------


def paired(world: World, **counts: int) -> None:
    """So many calls that both arms answered in this stage."""
    key = PairKey(terms_of(world.policy), world.rollout.attempt, world.rollout.stage_index, "call_success")
    batch: dict[str, Any] = {"leases_changed": [], "purchases": [], "tallies": {}, "counters": {}}
    world.store.flush(NAME, "b", **batch, pairs={key: Pairs(**counts)})


def test_a_new_that_fails_its_copies_keeps_the_shadow_stage(world: World) -> None:
    """The paired test finds harm; nothing is rolled back, since no lease goes to new, and nothing is left."""
    worldly(world, gates={**GATES, "call_success": {"margin": "1pp"}})
    ready(world)
    paired(world, only_new=60, neither=500)
    verdict = world.tick()
    assert verdict is not None
    assert verdict.as_json()["metrics"]["call_success"]["verdict"] == "harm"
    assert world.rollout.stage == "shadow"
    assert world.rollout.state is RolloutState.RUNNING


def test_arms_that_answer_alike_leave_the_shadow_stage(world: World) -> None:
    """The decision keeps the pairs that it stood on."""
    worldly(world, gates={**GATES, "call_success": {"margin": "1pp"}})
    ready(world)
    paired(world, only_new=3, only_old=2, neither=500)
    world.tick()
    assert world.rollout.stage == "canary"
    basis = world.decisions[-1].evidence["basis"]
    assert isinstance(basis, dict)
    assert basis["pairs"] == {"call_success": [3, 2, 0, 500]}


def test_a_decision_on_checks_and_pairs_is_made_again_from_its_record(world: World) -> None:
    """Counts that have grown since do not change it."""
    worldly(world, stages=SHADOWED, gates={**CHECKED, "call_success": {"margin": "1pp"}})
    ready(world)
    seen(world, new=PLAIN)
    paired(world, only_new=3, only_old=2, neither=500)
    world.tick()
    paired(world, only_new=300, only_old=2, neither=500)
    seen(world, new=BROKEN)
    [review] = [one for one in report(world.store, NAME).reviews if one.decision.event == "advance"]
    assert (review.agrees, review.differences) == (True, ())


# --- refunds that never came ----------------------------------------------------------------------------------------

PROMISED = {**GATES, "refunds": {"max_overdue": "10%"}}
WITHIN = 60.0
PRICE = Decimal("0.20")


def cancel(world: World, n: int, first: int) -> None:
    """So many leases of new are bought and cancelled at once, each for 0.20."""
    now = world.clock()
    for number in range(first, first + n):
        back = {"state": LeaseState.REFUNDED, "claim": "ACCESS_CANCEL", "claimed_at": now, "ended_at": now}
        lease = tlease(
            id=f"c-{number}", visible_id=f"c-{number}", arm=Arm.NEW, opened_at=now, price=PRICE, **back
        )
        world.insert([(tpurchase(id=f"c-{number}", arm=Arm.NEW, at=now), [lease])])
    world.clock.advance(3 * WITHIN)


def balance(world: World, unpaid: int) -> None:
    """What new's account holds when so many refunds have not come."""
    world.store.set_terms(NAME, {Arm.NEW: Terms(refund_within=WITHIN)})
    now = world.clock()
    world.store.reconcile(NAME, Reading(Arm.NEW, "", now, now + 1, 100 - unpaid * PRICE), WITHIN, 5.0)


@pytest.mark.parametrize(("unpaid", "state"), [(9, RolloutState.RUNNING), (10, RolloutState.ROLLED_BACK)])
def test_refunds_that_never_come_roll_back(world: World, unpaid: int, state: RolloutState) -> None:
    """Ten overdue refunds beyond the allowed share end the canary, with their money named; fewer are shown."""
    worldly(world, gates=PROMISED).warm_up()
    balance(world, 0)
    cancel(world, 40, first=0)
    balance(world, unpaid)
    verdict = world.tick()
    assert verdict is not None
    assert world.rollout.state is state
    found = check(world, "refunds")
    assert (found.found, found.allowed, found.seen) == (unpaid, 9, 40)
    if state is RolloutState.ROLLED_BACK:
        reason = verdict.reasons[0]
        assert reason == "refunds: 10 found, 9 allowed (2.00 is in no balance of new; see canary ledger)"
        assert report(world.store, NAME).disagreeing == 0


def test_a_share_of_refunds_may_be_late(world: World) -> None:
    """What is allowed grows with what should have come."""
    worldly(world, gates=PROMISED).warm_up()
    balance(world, 0)
    cancel(world, 200, first=0)
    balance(world, 20)
    assert (check(world, "refunds").found, check(world, "refunds").allowed) == (20, 20)
    world.tick()
    assert world.rollout.state is RolloutState.RUNNING


def test_a_new_attempt_is_not_ended_by_an_old_debt(world: World) -> None:
    """Whoever restarts knows of the refunds that the last attempt lost."""
    worldly(world, gates=PROMISED).warm_up()
    balance(world, 0)
    cancel(world, 40, first=0)
    balance(world, 40)
    world.tick()
    assert world.rollout.state is RolloutState.ROLLED_BACK
    world.act(Event.RESTART, "they promised to pay")
    world.warm_up()
    assert world.rollout.stage == "canary"
    world.tick()
    assert world.rollout.state is RolloutState.RUNNING


def test_refunds_may_be_only_reported(world: World) -> None:
    """A gate that is not enforced is shown as harm, and neither rolls back nor holds."""
    worldly(world, gates={**GATES, "refunds": {"enforce": False}}).warm_up()
    balance(world, 0)
    cancel(world, 40, first=0)
    balance(world, 40)
    verdict = world.tick()
    assert verdict is not None
    assert world.rollout.state is RolloutState.RUNNING
    assert verdict.as_json()["metrics"]["refunds"] | {"old": None} == {
        "verdict": "harm",
        "old": None,
        "new": {"n": 40, "value": 40},
        "difference": None,
        "interval": None,
        "margin": 9,
        "evidence": None,
        "enforced": False,
    }
