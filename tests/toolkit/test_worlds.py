"""What the arms are supposed to be like when a rollout is planned."""

import pytest

from canary.core.policy.gates import Gate, Gates
from canary.core.stats.baseline import PRIOR
from canary.core.stats.bound import expected_of_laws
from canary.core.stats.eprocess import Side
from canary.toolkit.worlds import Supposed, world

GATES = {gate.name: gate for gate in Gates.all().resolved(1200.0)}
PLANNED = [gate for gate in GATES.values() if gate.name != "cost_per_success"]


@pytest.mark.parametrize("gate", PLANNED, ids=lambda gate: gate.name)
def test_laws_are_distributions(gate: Gate) -> None:
    """Scores are parts of a whole, chances sum to 1, and every harm is worse than old."""
    found = world(gate, Supposed())
    for law in (found.old, found.equal, *found.harms.values()):
        assert law.chances.sum() == pytest.approx(1.0, abs=1e-9)
        assert (law.chances >= 0).all()
        assert ((law.scores >= 0) & (law.scores <= 1)).all()
    assert found.harms
    assert all(harm.mean < found.old.mean for harm in found.harms.values())


def test_what_is_supposed_is_taken_over() -> None:
    """Success and refunds are as told; other rates are what the gates suppose of an unknown old."""
    supposed = Supposed(success=0.6, refund=0.2)
    assert world(GATES["lease_success"], supposed).old.mean == pytest.approx(0.6)
    assert world(GATES["refund_ratio"], supposed).old.mean == pytest.approx(0.8)
    assert world(GATES["acquire"], supposed).old.mean == pytest.approx(1 - PRIOR["acquire"])
    assert world(GATES["call_success"], supposed).old.mean == pytest.approx(1 - PRIOR["call_success"])


def test_a_harm_leaves_no_less_than_nothing() -> None:
    """25 points fewer of 20 % are none."""
    assert world(GATES["lease_success"], Supposed(success=0.2)).harms["25pp fewer codes"].mean == 0.0


def test_old_is_slow_in_a_twentieth_of_its_calls() -> None:
    """The threshold is its p95; an equal new is slower than the margin allows less often."""
    found = world(GATES["latency_p95"], Supposed())
    assert found.old.mean == pytest.approx(0.95, abs=1e-6)
    assert found.equal.mean > 0.97


@pytest.mark.parametrize(("harm", "leases"), [("p95 x1.5", 141), ("p95 x2", 19), ("p95 x3", 6)])
def test_slower_answers_take_as_many_leases_as_published(harm: str, leases: float) -> None:
    """At 5 % and the whole alpha the expectation is near the medians measured in simulation."""
    found = world(GATES["latency_p95"], Supposed())
    expected = expected_of_laws(Side.ROLLBACK, found.harms[harm], found.old, 0.0, 0.05, 0.01)
    assert leases * 0.9 < expected < leases * 1.3
