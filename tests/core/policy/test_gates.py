"""Gates resolve as the statistics want them: default margins and windows, shares that sum to one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.policy.gates import LIFETIME_GATES, STATISTICAL, Gate, Gates
from canary.core.policy.load import PolicyError, parse_policy

MATURITY = 1200.0
ARMS = "arms: {old: {url: https://a/handler_api.php}, new: {url: https://b/handler_api.php}}\n"

# metric: rollback margin, promote margin, window, share of the false-rollback probability, gating
TABLE = {
    "lease_success": (0.02, 0.05, 1200, 0.35, True),
    "early_success": (0.10, None, 180, 0.10, True),
    "acquire": (0.02, 0.03, 30, 0.15, True),
    "call_success": (0.01, 0.02, 120, 0.15, True),
    "latency_p95": (1.25, 1.25, 120, 0.15, True),
    "refund_ratio": (0.03, 0.05, 1200, 0.10, True),
    "cost_per_success": (1.10, 1.10, 1200, 0.10, False),
}


def resolved(text: str, lifetime: float = MATURITY) -> dict[str, Gate]:
    policy = parse_policy(ARMS + text, "p.yaml", "p")
    return {gate.name: gate for gate in policy.resolved_gates(lifetime)}


def test_the_defaults_are_the_documented_ones() -> None:
    """Without a gates section every gate and guard is judged with the margins, windows and shares of the method."""
    got = {
        g.name: (g.rollback_margin, g.promote_margin, g.window, pytest.approx(g.share), g.enforce)
        for g in Gates.all().resolved(MATURITY)
    }
    assert got == TABLE
    assert tuple(got) == STATISTICAL
    assert resolved("") == {gate.name: gate for gate in Gates.all().resolved(MATURITY)}


def test_default_shares_of_the_gating_metrics_sum_to_one() -> None:
    """The whole allowed probability is spent, and no more."""
    assert sum(share for *_, share, gating in TABLE.values() if gating) == pytest.approx(1)


def test_a_written_section_replaces_the_default_set() -> None:
    """Gates that are left out are not judged, and the others' shares are rescaled to what is there."""
    got = resolved(
        "gates: {lease_success: {margin: 2pp}, refund_ratio: {margin: 3pp}, cost_per_success: {margin: 1.5x}}"
    )
    assert list(got) == ["lease_success", "refund_ratio", "cost_per_success"]
    assert got["lease_success"].share == pytest.approx(0.35 / 0.45)
    assert got["refund_ratio"].share == pytest.approx(0.10 / 0.45)
    assert not got["cost_per_success"].enforce


def test_one_margin_sets_both() -> None:
    """``margin`` means rolling back and promoting alike, unless one is named apart."""
    both = resolved("gates: {lease_success: {margin: 4pp}}")["lease_success"]
    assert (both.rollback_margin, both.promote_margin) == (0.04, 0.04)
    apart = resolved("gates: {lease_success: {margin: 4pp, promote_margin: 6pp}}")["lease_success"]
    assert (apart.rollback_margin, apart.promote_margin) == (0.04, 0.06)
    only = resolved("gates: {acquire: {rollback_margin: 4pp}}")["acquire"]
    assert (only.rollback_margin, only.promote_margin) == (0.04, 0.03)
    zero = resolved("gates: {lease_success: {rollback_margin: 0pp}}")["lease_success"]
    assert (zero.rollback_margin, zero.promote_margin) == (0.0, 0.05)
    factor = resolved("gates: {latency_p95: {rollback_margin: 2x}}")["latency_p95"]
    assert (factor.rollback_margin, factor.promote_margin) == (2.0, 1.25)


def test_a_guard_never_promotes() -> None:
    """Its margin is for rolling back; a promote margin is refused instead of ignored."""
    guard = resolved("gates: {early_success: {margin: 5pp}, acquire: }")["early_success"]
    assert (guard.rollback_margin, guard.promote_margin) == (0.05, None)
    with pytest.raises(
        PolicyError, match=re.escape("p.yaml:2: gates.early_success.promote_margin: unknown key")
    ):
        resolved("gates: {early_success: {promote_margin: 5pp}}")


def test_a_gate_without_values_has_its_defaults() -> None:
    """``acquire:`` with nothing after it asks for the gate as it is by default."""
    assert resolved("gates:\n  acquire:\n")["acquire"] == Gate("acquire", 0.02, 0.03, 30, 1.0)


@pytest.mark.parametrize("name", STATISTICAL)
def test_windows_follow_the_lifetime_of_leases(name: str) -> None:
    """What is known only at a lease's end is read at its maturity; a window of the gate's own wins."""
    window = resolved("", 2400)[name].window
    assert window == (2400 if name in LIFETIME_GATES else TABLE[name][2])
    assert resolved("maturity: 30m")[name].window == (1800 if name in LIFETIME_GATES else TABLE[name][2])
    assert resolved(f"maturity: 30m\ngates: {{{name}: {{window: 45s}}}}")[name].window == 45


def test_shares_of_ones_own() -> None:
    """A share is written like any other, and rescaled with the rest."""
    got = resolved("gates: {lease_success: {share: 30%}, acquire: {share: 0.1}}")
    assert got["lease_success"].share == pytest.approx(0.75)
    assert got["acquire"].share == pytest.approx(0.25)


@given(st.sets(st.sampled_from(STATISTICAL), min_size=1), st.sets(st.sampled_from(STATISTICAL)))
def test_shares_always_sum_to_one(present: set[str], enforced: set[str]) -> None:
    """Whatever gates are chosen, the enforced ones spend the whole allowed probability together."""
    gates = Gates.model_validate({name: {"enforce": name in enforced} for name in present})
    shares = [gate.share for gate in gates.resolved(MATURITY) if gate.enforce]
    assert sum(shares) == pytest.approx(1) if present & enforced else not shares


def test_a_section_with_no_gate_is_refused() -> None:
    """Nothing to judge would promote anything."""
    with pytest.raises(
        PolicyError, match=r"p\.yaml:2: gates: expected at least one gate; leave the section out"
    ):
        resolved("gates: {}")
