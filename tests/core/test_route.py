"""Where every call goes: one table, and what holds over the whole catalogue whatever the rollout."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE, Action, Grammar
from canary.core.model import Arm, Effect, Lease, RolloutState
from canary.core.protocol.parse import parse
from canary.core.route import READS, Combine, Plan, Reason, Rules, plan
from tests.factories import tcall, tlease, treq, trollout

OLD, NEW = Arm.OLD, Arm.NEW
ALL_OLD = trollout(weight=0.0)
ALL_NEW = trollout(weight=1.0)
AFTER = trollout(weight=1.0, safe_arm=NEW, state=RolloutState.COMPLETE)
ROLLED_BACK = trollout(weight=0.0, shadow=0.0, state=RolloutState.ROLLED_BACK)

ON_OLD = {"7": tlease(id="7", arm=OLD)}
ON_NEW = {"7": tlease(id="7", arm=NEW)}
ALIASED = {"1500000000": tlease(id="7", visible_id="1500000000", arm=NEW)}


def route(call, leases=None, rollout=ALL_OLD, rules=Rules(), **more) -> Plan:  # noqa: B008  frozen
    return plan(call, leases or {}, rollout, rules, unit="u", **more)


@pytest.mark.parametrize(
    ("name", "got", "expected"),
    [
        ("purchase", route(tcall("getNumber")), (OLD, Reason.ASSIGNED)),
        ("purchase on new", route(tcall("getNumber"), rollout=ALL_NEW), (NEW, Reason.ASSIGNED)),
        ("purchase after rollback", route(tcall("getNumber"), rollout=ROLLED_BACK), (OLD, Reason.ASSIGNED)),
        ("purchase, stale", route(tcall("getNumber"), rollout=ALL_NEW, fresh=False), (OLD, Reason.FAIL_SAFE)),
        (
            "purchase, stale after cutover",
            route(tcall("getNumber"), rollout=AFTER, fresh=False),
            (NEW, Reason.FAIL_SAFE),
        ),
        ("lease on old", route(tcall("getStatus", id=7), ON_OLD, ALL_NEW), (OLD, Reason.STICKY)),
        (
            "lease on new",
            route(tcall("setStatus", id=7, status=8), ON_NEW, ROLLED_BACK),
            (NEW, Reason.STICKY),
        ),
        (
            "extra on new",
            route(tcall("getExtraActivation", activationId=7), ON_NEW, ROLLED_BACK),
            (NEW, Reason.STICKY),
        ),
        ("unknown lease, read", route(tcall("getStatus", id=7)), (OLD, Reason.UNKNOWN_LEASE)),
        ("unknown lease, write", route(tcall("setStatus", id=7, status=8)), (OLD, Reason.UNKNOWN_LEASE)),
        (
            "unknown lease after cutover",
            route(tcall("getStatus", id=7), rollout=AFTER),
            (NEW, Reason.UNKNOWN_LEASE),
        ),
        (
            "unknown parent",
            route(tcall("getExtraActivation", activationId=7), rollout=ALL_NEW),
            (OLD, Reason.UNKNOWN_LEASE),
        ),
        ("lease call without id", route(tcall("getStatus")), (OLD, Reason.SAFE)),
        ("global read", route(tcall("getPrices"), rollout=ALL_NEW), (OLD, Reason.SAFE)),
        ("global read after cutover", route(tcall("getPrices"), rollout=AFTER), (NEW, Reason.SAFE)),
        ("balance", route(tcall("getBalance")), (OLD, Reason.SAFE)),
        ("unknown action", route(tcall("getEverything"), rollout=ALL_NEW), (OLD, Reason.SAFE)),
        ("malformed", route(tcall(None), rollout=ALL_NEW), (OLD, Reason.SAFE)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_table(name: str, got: Plan, expected: tuple[Arm, Reason]) -> None:
    """Each kind of call goes to its arm, for its reason."""
    assert (got.arm, got.reason) == expected


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (route(tcall("getStatus", id=7)), Combine.DISCOVER),
        (route(tcall("getStatusV2", id="7,8")), Combine.DISCOVER),
        (route(tcall("setStatus", id=7, status=6)), None),
        (route(tcall("getActiveActivations")), Combine.MERGE),
        (route(tcall("getHistory")), Combine.MERGE),
        (route(tcall("getRentList")), Combine.MERGE),
        (route(tcall("getActiveActivations"), used={OLD}), None),
        (route(tcall("getActiveActivations"), rollout=AFTER, used={OLD}), Combine.MERGE),
        (route(tcall("getBalance")), None),
        (route(tcall("getBalance"), rules=Rules(sum_balance=True)), Combine.SUM),
        (route(tcall("getBalanceAndCashBack"), rules=Rules(sum_balance=True)), Combine.SUM),
        (route(tcall("getPrices"), rules=Rules(sum_balance=True)), None),
        (route(tcall("getNumber")), None),
    ],
)
def test_what_takes_two_arms(got: Plan, expected: Combine | None) -> None:
    """A second arm is asked to find a lease, to complete a list or to add a balance, and for nothing else."""
    assert got.combine is expected
    assert got.second is (None if expected is None else got.arm.other)


def test_ids_are_translated_for_the_arm() -> None:
    """A lease known by an alias is asked for under the arm's own id."""
    assert route(tcall("getStatus", id=1500000000), ALIASED).ids == {"1500000000": "7"}


def test_one_call_for_leases_of_both_arms_is_taken_apart() -> None:
    """Each arm is asked for its own."""
    leases = {"7": tlease(id="7", arm=OLD), "9": tlease(id="8", visible_id="9", arm=NEW)}
    got = route(tcall("getStatusV2", id="7,9"), leases)
    assert (got.arm, got.second, got.combine) == (OLD, NEW, Combine.PARTS)
    assert got.ids == {"7": "7", "9": "8"}


@pytest.mark.parametrize(
    ("leases", "rollout", "combine", "arm"),
    [
        (ON_NEW, ALL_OLD, Combine.PARTS, OLD),
        (ON_OLD, ALL_OLD, None, OLD),
        (ON_OLD, AFTER, Combine.PARTS, NEW),
        (ON_NEW, AFTER, None, NEW),
    ],
)
def test_a_stranger_among_known_leases_is_asked_for_on_the_safe_arm(leases, rollout, combine, arm) -> None:
    """A lease bought before the harness was put in is not asked for on new because its neighbour lives there."""
    got = route(tcall("getStatusV2", id="7,8"), leases, rollout)
    assert (got.arm, got.combine) == (arm, combine)


@pytest.mark.parametrize(
    ("got", "spill"),
    [
        (route(tcall("getNumber"), rollout=ALL_NEW), OLD),
        (route(tcall("getNumber"), rollout=ALL_OLD), None),
        (route(tcall("getNumber"), rollout=AFTER), None),
        (route(tcall("getNumber"), rollout=ALL_NEW, rules=Rules(spillover=False)), None),
        (route(tcall("getNumber"), rollout=ALL_NEW, fresh=False), None),
        (route(tcall("getExtraActivation", activationId=7), ON_NEW, ALL_NEW), None),
        (route(tcall("setStatus", id=7, status=8), ON_NEW, ALL_NEW), None),
        (route(tcall("getPrices"), rollout=ALL_NEW), None),
    ],
)
def test_spillover(got: Plan, spill: Arm | None) -> None:
    """Only a purchase drawn for new may be made on old, only before the cutover, and only if the policy allows it."""
    assert got.spill is spill


rollouts = st.builds(
    trollout,
    weight=st.floats(0, 1),
    safe_arm=st.sampled_from(Arm),
    state=st.sampled_from(RolloutState),
    salt=st.text(st.characters(codec="ascii"), max_size=8),
)
rules = st.builds(Rules, spillover=st.booleans(), sum_balance=st.booleans())
known = st.sampled_from([{}, ON_OLD, ON_NEW, ALIASED])
used = st.sets(st.sampled_from(Arm))
calls = st.sampled_from(
    [
        *(tcall(a.name, **dict.fromkeys(a.ids, i)) for a, i in product(CATALOGUE, (7, 1500000000))),
        tcall("getEverything", id=7),
        tcall(None),
        parse(treq(query="action=getStatus&id=7&id=8")),
    ]
)


def of_call(call, leases: dict[str, Lease]) -> dict[str, Lease]:
    return {one: leases[one] for one in call.ids if one in leases}


@given(calls, known, rollouts, rules, st.booleans(), used)
def test_side_effects_are_never_shadowed(call, leases, rollout, rule, fresh, arms) -> None:
    """Whatever the policy and rollout, only reads of market and account have a shadow, and never of a joined answer."""
    got = plan(call, of_call(call, leases), rollout, rule, unit="u", fresh=fresh, shadow=True, used=arms)
    if got.shadow is not None:
        assert call.effect in READS
        assert call.malformed is None
        assert got.shadow is got.arm.other
        assert got.combine is None


@given(calls, known, rollouts, rules, st.booleans(), used)
def test_without_a_share_there_is_no_shadow(call, leases, rollout, rule, fresh, arms) -> None:
    """A call outside the shadowed share goes to its arm alone."""
    assert plan(call, of_call(call, leases), rollout, rule, unit="u", fresh=fresh, used=arms).shadow is None


@given(calls, known, rollouts, rules, st.booleans(), used)
def test_a_known_lease_keeps_its_arm(call, leases, rollout, rule, fresh, arms) -> None:
    """A call of a known lease goes to the arm that issued it: at any weight, in any state, stale or not."""
    mine = of_call(call, leases)
    got = plan(call, mine, rollout, rule, unit="u", fresh=fresh, used=arms)
    if mine:
        assert [got.arm] == [lease.arm for lease in mine.values()]
        assert (got.reason, got.second, got.spill, got.assignment) == (Reason.STICKY, None, None, None)
        assert got.ids == {visible: lease.id for visible, lease in mine.items()}


@given(calls, rollouts, rules, st.booleans(), used)
def test_only_purchases_are_drawn(call, rollout, rule, fresh, arms) -> None:
    """A draw belongs to a purchase of a current rollout that builds on no other lease; all else is the safe arm's."""
    got = plan(call, {}, rollout, rule, unit="u", fresh=fresh, used=arms)
    drawn = call.effect is Effect.PURCHASE and fresh and not call.ids
    assert (got.assignment is not None) == drawn
    if not drawn:
        assert got.arm is rollout.safe_arm
        assert got.spill is None
    else:
        assert got.arm is got.assignment.arm
        assert got.assignment.probability == rollout.weight


@given(calls, known, rollouts, rules, st.booleans(), used)
def test_nothing_is_sent_to_two_arms_but_reads(call, leases, rollout, rule, fresh, arms) -> None:
    """A purchase, a write or an unknown action has no second arm, whatever happens."""
    got = plan(call, of_call(call, leases), rollout, rule, unit="u", fresh=fresh, used=arms)
    if call.effect in {Effect.PURCHASE, Effect.LEASE_WRITE, Effect.UNKNOWN}:
        assert (got.second, got.combine, got.shadow) == (None, None, None)


@given(rollouts, rules, st.booleans())
def test_spillover_goes_from_new_to_old_only(rollout, rule, fresh) -> None:
    """Spillover is possible exactly for a purchase drawn for new while old is the safe arm."""
    got = plan(tcall("getNumber"), {}, rollout, rule, unit="u", fresh=fresh)
    possible = rule.spillover and got.assignment is not None and got.arm is NEW and rollout.safe_arm is OLD
    assert got.spill is (OLD if possible else None)


@pytest.mark.parametrize(
    "action", [a for a in CATALOGUE if a.grammar is Grammar.ACTIVE], ids=lambda a: a.name
)
def test_a_list_is_joined_only_with_an_arm_that_has_leases(action: Action) -> None:
    """Before anything was bought on new, new is not asked for its leases."""
    assert route(tcall(action.name), used={OLD}).combine is None
    assert route(tcall(action.name), used={OLD, NEW}).combine is Combine.MERGE
