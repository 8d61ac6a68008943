"""How many leases a decision takes."""

from math import inf

import numpy as np
import pytest

from canary.core.stats.bound import Law, expected_leases, expected_of_laws, fewest_leases, fewest_of_laws
from canary.core.stats.eprocess import Side
from tests.core.stats.games import Truth, matured_canary_leases


@pytest.mark.parametrize(
    ("p_new", "p_old", "delta", "level", "leases"),
    [
        (0.60, 0.85, 0.02, 0.01, 33.1),
        (0.60, 0.85, 0.00, 0.01, 26.9),
        (0.75, 0.85, 0.02, 0.01, 238),
        (0.75, 0.85, 0.00, 0.01, 144),
        (0.75, 0.90, 0.02, 0.01, 77),
        (0.00, 0.85, 0.02, 0.01, 2.8),
        (0.85, 0.85, 0.02, 0.05, 2140),
        (0.85, 0.85, 0.05, 0.05, 371),
    ],
)
def test_the_bound_is_the_information_bound(p_new, p_old, delta, level, leases):
    """The method's published bounds at 5 % are reproduced."""
    assert fewest_leases(p_new, p_old, delta, 0.05, level) == pytest.approx(leases, rel=0.02)


def test_at_the_margin_no_test_decides():
    """There is no information at the null's edge."""
    assert fewest_leases(0.83, 0.85, 0.02, 0.05, 0.01) > 1e9
    assert expected_leases(Side.ROLLBACK, 0.84, 0.85, 0.02, 0.05, 0.01) == inf


@pytest.mark.parametrize(("p_new", "delta"), [(0.6, 0.02), (0.75, 0.0)])
def test_the_expectation_is_what_the_method_then_needs(p_new, delta):
    """What a plan prints is near to what a simulation takes, and never below the bound."""
    expected = expected_leases(Side.ROLLBACK, p_new, 0.85, delta, 0.05, 0.01)
    hits = matured_canary_leases(
        Truth(p_new, 0.85), Side.ROLLBACK, delta, 0.01, replicates=150, leases=20000, seed=51
    )
    assert expected == pytest.approx(np.mean(hits), rel=0.25)
    assert expected > fewest_leases(p_new, 0.85, delta, 0.05, 0.01)


@pytest.mark.parametrize(
    ("p_new", "p_old", "delta", "pi"),
    [(0.6, 0.85, 0.02, 0.05), (0.0, 0.85, 0.02, 0.05), (0.85, 0.85, 0.05, 0.5), (0.75, 0.9, 0.0, 0.25)],
)
def test_a_rate_is_a_law_of_two_scores(p_new, p_old, delta, pi):
    """The bound for any scores is the one for rates where scores are all or nothing."""
    found = fewest_of_laws(Law.rate(p_new), Law.rate(p_old), delta, pi, 0.01)
    assert found == pytest.approx(fewest_leases(p_new, p_old, delta, pi, 0.01), rel=1e-6)


def test_scores_in_parts_tell_more():
    """Of the same means, scores that vary less need fewer leases, and never fewer than their bound."""
    parts = [Law(np.array([0.0, 0.5, 1.0]), np.array([bad, mid, 1 - bad - mid])) for bad, mid in
             ((0.1, 0.6), (0.05, 0.2))]  # fmt: skip
    rates = [Law.rate(law.mean) for law in parts]
    test = (0.02, 0.25, 0.01)
    assert fewest_of_laws(*parts, *test) < fewest_of_laws(*rates, *test)
    assert expected_of_laws(Side.ROLLBACK, *parts, *test) < expected_of_laws(Side.ROLLBACK, *rates, *test)
    assert fewest_of_laws(*parts, *test) < expected_of_laws(Side.ROLLBACK, *parts, *test)
    assert fewest_of_laws(parts[1], parts[1], 0.0, 0.25, 0.01) == inf
