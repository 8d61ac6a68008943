"""Each theorem of the e-process has its enumeration or simulation here."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from canary.core.stats.eprocess import (
    LATE_EPOCHS,
    TAIL_EPOCHS,
    Side,
    Table,
    Wealth,
    null_point,
    promote_table,
    rollback_table,
    start_share,
    table,
)
from tests.core.stats.games import Truth, matured_canary_leases

PIS = (0.01, 0.05, 0.25, 0.5, 0.95)
FAILURES = (0.0, 0.002, 0.05, 0.15, 0.5, 0.9, 0.99, 1.0)
DELTAS = (0.0, 0.01, 0.03, 0.1)
GRID = np.linspace(0, 1, 51)


def expectation(frozen: Table, pi: float, p_new: np.ndarray, p_old: np.ndarray) -> np.ndarray:
    """E[e] under each alternative, shape (len(p), G), when the arms' scores have these means."""
    (old_bad, old_good), (new_bad, new_good) = np.moveaxis(frozen.factors, 0, -1)
    on_new = p_new[:, None] * new_good + (1 - p_new)[:, None] * new_bad
    on_old = p_old[:, None] * old_good + (1 - p_old)[:, None] * old_bad
    return pi * on_new + (1 - pi) * on_old


@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("side", Side)
def test_the_expected_e_value_is_at_most_one_on_the_whole_null(side, delta):
    """Under no pair of means inside the null does any alternative win on average."""
    p_new, p_old = (means.ravel() for means in np.meshgrid(GRID, GRID))
    sign = 1 if side is Side.ROLLBACK else -1
    inside = sign * (p_new - p_old + delta) >= -1e-12
    for pi, f0 in product(PIS, FAILURES):
        frozen = table(side, pi, f0, delta)
        assert expectation(frozen, pi, p_new[inside], p_old[inside]).max() <= 1 + 1e-9


@pytest.mark.parametrize("side", Side)
def test_the_expected_e_value_is_one_at_the_exact_margin(side):
    """Nothing is given away: on the line p_new = p_old - delta the game is fair."""
    frozen = table(side, 0.05, 0.15, 0.02)
    p_old = np.linspace(0.02, 1, 50)
    assert expectation(frozen, 0.05, p_old - 0.02, p_old) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("pi", "q1", "q0", "delta"), [(0.05, 0.6, 0.85, 0.02), (0.5, 0.999, 0.9, 0.05)])
def test_the_null_point_minimises_the_divergence(pi, q1, q0, delta):
    """The closed search finds what a general minimiser finds."""

    def divergence(b: float) -> float:
        def kl(p: float, q: float) -> float:
            return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))

        return pi * kl(q1, b - delta) + (1 - pi) * kl(q0, b)

    found = minimize_scalar(divergence, bounds=(delta + 1e-9, 1 - 1e-9), method="bounded").x
    assert null_point(pi, q1, q0, delta) == pytest.approx(found, abs=1e-5)


def test_tables_of_many_replicates_are_the_tables_of_each():
    """Vectorised parameters give what single ones give."""
    f0 = np.array([0.01, 0.15, 0.4])
    together = rollback_table(0.05, f0, 0.02)
    for row, alone in zip(together.factors, f0, strict=True):
        np.testing.assert_allclose(row, rollback_table(0.05, alone, 0.02).factors, rtol=1e-12)


def test_nothing_is_bet_where_harm_has_no_room():
    """When old fails always, new cannot fail more often, and no lease moves the evidence."""
    assert (rollback_table(0.05, 0.99, 0.02).factors == 1).all()


def test_a_fractional_score_bets_between_bad_and_good():
    """A lease of which a part failed moves the evidence by the average of the e-values, not of their logs."""
    frozen = promote_table(0.25, 0.1, 0.02)
    bad, half, good = np.exp(frozen.log_e([True, True, True], [0, 0.5, 1]))
    assert half == pytest.approx((bad + good) / 2)


def test_start_shares_spend_the_whole_stake_once():
    """Starts at every epoch add up to the stake, in whatever steps the epochs are passed."""
    end = LATE_EPOCHS + TAIL_EPOCHS
    assert sum(start_share(epoch - 1, epoch) for epoch in range(end + 1)) == pytest.approx(1)
    assert start_share(-1, 17) + start_share(17, end + 500) == pytest.approx(1)
    assert start_share(end, end + 1) == 0


def test_the_mixture_over_starts_is_a_supermartingale():
    """Enumerated over all outcomes of two leases on the null's line, E has the mean 1 at the end."""
    pi, p_old, delta = 0.3, 0.8, 0.05
    total = 0.0
    for arms, goods in product(product((0, 1), repeat=2), product((0, 1), repeat=2)):
        probability, wealth = 1.0, Wealth.waiting(np.log(np.full(6, 1 / 6)))
        for epoch, (new, good) in enumerate(zip(arms, goods, strict=True)):
            frozen = rollback_table(pi, 0.1 + 0.1 * epoch, delta)
            wealth = wealth.opened(start_share(epoch - 1, epoch), frozen.log_weights)
            wealth = wealth.moved(frozen.log_e(new, good))
            p = p_old - delta * new
            probability *= (pi if new else 1 - pi) * (p if good else 1 - p)
        total += probability * np.exp(wealth.log_value)
    assert total == pytest.approx(1, abs=1e-9)


def test_the_mixture_over_starts_is_the_sum_over_starts():
    """The running form equals the plain sum of stakes times the e-values that came after each start."""
    rng = np.random.default_rng(7)
    steps = rng.normal(0, 1, (4, 6))
    log_weights = np.log(np.full(6, 1 / 6))
    wealth = Wealth.waiting(log_weights)
    plain = 1 - start_share(-1, 3)
    for epoch, step in enumerate(steps):
        share = start_share(epoch - 1, epoch)
        wealth = wealth.opened(share, log_weights).moved(step)
        plain += share * np.mean(np.exp(steps[epoch:].sum(axis=0)))
    assert np.exp(wealth.log_value) == pytest.approx(plain, rel=1e-12)


# the method's measured medians and means of matured canary leases until rollback (5 % canary, level .01)
POWER = [
    (Truth(0.60, 0.85), 0.02, 42, 46),
    (Truth(0.60, 0.85), 0.0, 33, 37),
    (Truth(0.75, 0.85), 0.02, 314, 344),
    (Truth(0.75, 0.85), 0.0, 188, 207),
    (Truth(0.75, 0.90), 0.02, 99, 110),  # refunds from .10 to .25
    (Truth(1e-9, 0.85), 0.02, 5, 4.5),  # an outage
]


@pytest.mark.parametrize(("truth", "delta", "median", "mean"), POWER)
def test_harm_is_found_as_fast_as_the_method_promises(truth, delta, median, mean):
    """The measured detection delays are reproduced."""
    hits = matured_canary_leases(truth, Side.ROLLBACK, delta, 0.01, replicates=150, leases=40000, seed=11)
    assert (hits >= 0).all()
    assert np.median(hits) == pytest.approx(median, rel=0.2, abs=1)
    assert hits.mean() == pytest.approx(mean, rel=0.2, abs=1)


def test_equality_is_found_as_fast_as_the_method_promises():
    """Within 5pp an equal arm is promoted after about the information bound of 371 leases."""
    truth = Truth(0.85, 0.85)
    hits = matured_canary_leases(truth, Side.PROMOTE, 0.05, 0.05, replicates=150, leases=60000, seed=12)
    assert (hits >= 0).all()
    assert np.median(hits) <= 1.2 * 371


@pytest.mark.parametrize("truth", [Truth(0.85, 0.85), Truth(0.83, 0.85), Truth(0.78, 0.80, pi=0.5)])
def test_an_arm_within_the_margin_is_hardly_ever_rolled_back(truth):
    """With a look after every lease, at equality and at the exact margin, alpha holds."""
    hits = matured_canary_leases(truth, Side.ROLLBACK, 0.02, 0.01, replicates=500, leases=4000, seed=13)
    assert (hits >= 0).mean() <= 0.02


def test_an_arm_at_the_margin_is_seldom_promoted():
    """With a look after every lease at the exact promote margin, beta holds."""
    hits = matured_canary_leases(
        Truth(0.80, 0.85), Side.PROMOTE, 0.05, 0.05, replicates=500, leases=8000, seed=14
    )
    assert (hits >= 0).mean() <= 0.07
