"""The plan: how long each gate takes, and what it cannot decide in time."""

import json
from math import inf
from typing import Any

import pytest

from canary.core.policy.model import Policy
from canary.toolkit.plan import GatePlan, Plan, StagePlan, plan
from canary.toolkit.worlds import Supposed
from tests.control.world import make_policy

LIFETIME = 1200.0
CANARY = {"name": "canary", "weight": "5%", "hold": "24h", "min_leases": 100}
ALONE = {"lease_success": {"rollback_margin": "2pp", "promote_margin": "2pp"}}


def planned(policy: Policy | None = None, rate: float = 4000.0, **supposed: float) -> Plan:
    return plan(policy or one_stage(), LIFETIME, rate, Supposed(**supposed))


def one_stage(**changes: Any) -> Policy:
    """A policy of one canary stage with one gate."""
    return make_policy(**{"stages": [CANARY], "gates": ALONE} | changes)


def only(found: Plan) -> StagePlan:
    [stage] = found.stages
    return stage


def gate(stage: StagePlan, name: str = "lease_success") -> GatePlan:
    return next(one for one in stage.gates if one.gate.name == name)


@pytest.mark.parametrize(("margin", "bound"), [("2pp", 2140), ("5pp", 371)])
def test_the_bound_of_a_promotion_is_the_published_one(margin: str, bound: float) -> None:
    """At 85 % success and 5 % of the leases, 2pp need about 2140 leases on new, 5pp about 371."""
    gates = {"lease_success": {"rollback_margin": "2pp", "promote_margin": margin}}
    found = gate(only(planned(one_stage(gates=gates)))).equal
    assert found is not None
    assert found.bound == pytest.approx(bound, rel=0.01)
    assert found.bound < found.leases < 1.5 * found.bound


def test_the_harms_are_found_in_the_published_leases() -> None:
    """A gate that has all of alpha needs what the simulations measured, and never less than the bound."""
    harms = {harm.what: harm for harm in gate(only(planned())).harms}
    assert harms["outage"].bound == pytest.approx(2.77, abs=0.01)
    assert harms["25pp fewer codes"].bound == pytest.approx(33.1, abs=0.1)
    assert harms["10pp fewer codes"].bound == pytest.approx(238, abs=1)
    for what, mean in (("outage", 4.5), ("25pp fewer codes", 46), ("10pp fewer codes", 344)):
        assert harms[what].bound < harms[what].leases
        assert harms[what].leases == pytest.approx(mean, rel=0.25)


def test_hours_follow_from_rate_weight_and_age() -> None:
    """Leases on new arrive at the stage's share of the rate, and are read when they are old enough."""
    stage = only(planned(rate=2000.0))
    assert stage.per_hour == pytest.approx(100.0)
    for estimate in gate(stage).harms:
        assert estimate.hours == pytest.approx(estimate.leases / 100 + 1200 / 3600)


def test_a_share_of_alpha_costs_leases() -> None:
    """With all gates each has a part of the error probability, and takes a little longer to find harm."""
    alone, all_ = (gate(only(planned(one_stage(gates=gates)))) for gates in (ALONE, ALONE | {"acquire": {}}))
    assert all(a.leases < b.leases for a, b in zip(alone.harms, all_.harms, strict=True))
    assert alone.equal is not None
    assert all_.equal is not None
    assert alone.equal.leases == all_.equal.leases


def test_a_harm_within_the_margin_is_never_found() -> None:
    """A policy that allows it does not call it harm."""
    found = gate(only(planned(one_stage(gates={"lease_success": {"margin": "15pp"}}))))
    harms = {harm.what: harm.leases for harm in found.harms}
    assert harms["10pp fewer codes"] == inf
    assert harms["25pp fewer codes"] < inf


def test_a_guard_proves_nothing() -> None:
    """It can only roll back."""
    found = gate(only(planned(one_stage(gates={"early_success": {}}))), "early_success")
    assert found.equal is None
    assert found.harms


def test_a_stage_is_left_when_the_slowest_is_done() -> None:
    """The hold, the fewest leases, or the gate that takes longest."""
    assert only(planned(rate=100_000.0)).hours == 24.0
    slow = only(planned(rate=400.0))
    equal = gate(slow).equal
    assert equal is not None
    assert slow.hours == equal.hours > 24.0
    few = only(planned(one_stage(stages=[{**CANARY, "min_leases": 9000}])))
    assert few.hours == pytest.approx(9000 / 200 + 1 / 3)


def test_a_margin_that_takes_too_long_is_told_plainly() -> None:
    """The note names the gate, the time, what it takes, and a margin that could be decided."""
    [note] = only(planned(rate=1000.0)).notes
    assert note.startswith(
        "lease_success cannot be decided within the hold of 24 h: to prove equality within 2pp"
    )
    assert "leases on new" in note
    assert note.endswith("give the stage more time or weight, or the gate a promote_margin of 5pp")
    assert only(planned(rate=100_000.0)).notes == ()


def test_where_no_margin_helps_none_is_proposed() -> None:
    """At one lease a day there is nothing to propose but time and weight."""
    [note] = only(planned(rate=0.05)).notes
    assert note.endswith("give the stage more time or weight")


def test_the_longest_time_counts_where_there_is_one() -> None:
    """A stage without a hold but with max_hold would end undecided."""
    stage = {"name": "canary", "weight": "5%", "max_hold": "48h"}
    [note] = only(planned(one_stage(stages=[stage]), rate=100.0)).notes
    assert "cannot be decided within the max_hold of 48 h" in note
    assert only(planned(one_stage(stages=[{"name": "canary", "weight": "5%"}]), rate=0.1)).notes == ()


def test_only_reported_gates_keep_nothing() -> None:
    """A gate that is not enforced is planned, and neither warned of nor waited for."""
    gates = ALONE | {"lease_success": {**ALONE["lease_success"], "enforce": False}}
    stage = only(planned(one_stage(gates=gates), rate=100.0))
    assert gate(stage).equal is not None
    assert stage.notes == ()
    assert stage.hours == 24.0


def test_only_stages_that_compare_are_planned() -> None:
    """Neither a stage without leases on new nor one without leases on old decides anything."""
    found = planned(make_policy())
    assert [stage.stage.name for stage in found.stages] == ["canary", "wide"]
    assert found.notes == (
        "stage cutover sends every new lease to new: without a control arm nothing is decided there",
    )


def test_what_is_not_planned_is_said() -> None:
    """Prices are not known here, and with another unit the rate is one of units."""
    found = planned(one_stage(gates=ALONE | {"cost_per_success": {}}, unit="client"))
    assert [one.gate.name for one in only(found).gates] == ["lease_success"]
    assert [note.partition(" ")[0] for note in found.notes] == ["cost_per_success", "with"]


def test_a_gate_that_will_see_nothing_is_said() -> None:
    """Refunds that never come show in balances alone; somebody has to ask for them."""
    blind, seeing = {"gates": ALONE | {"refunds": {}}}, {"reconcile": {"poll": "60s"}}
    assert [note.partition(" ")[0] for note in planned(one_stage(**blind)).notes] == ["refunds"]
    assert planned(one_stage(**blind, **seeing)).notes == ()


def test_a_plan_is_plain_json() -> None:
    """What never comes is null."""
    gates = {"lease_success": {"margin": "15pp"}}
    data = json.loads(json.dumps(planned(one_stage(gates=gates)).as_json(), allow_nan=False))
    assert data["supposed"] == {"success": 0.85, "refund": 0.1}
    [stage] = data["stages"]
    assert (stage["stage"], stage["weight"], stage["new_per_hour"]) == ("canary", 0.05, 200.0)
    [first] = stage["gates"]
    assert first["name"] == "lease_success"
    assert {"what": "10pp fewer codes", "bound": None, "leases": None, "hours": None} in first["harms"]
    assert first["equal"]["what"] == "equal"
