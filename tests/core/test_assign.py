"""The draw behind every new lease is exact to the weight, fixed for a unit, and independent of other draws."""

from functools import cache
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

from canary.core.assign import assign, draw, in_share
from canary.core.model import Arm
from tests.factories import trollout

UNITS = 200_000
SIGMAS = 4.5
"""A fair draw strays further than this once in 150 000 times; units and salt are fixed, so it never does here."""

salts = st.text(max_size=80).filter(lambda s: s.isprintable())
units = st.text(max_size=40)
weights = st.floats(0, 1)


@cache
def draws(purpose: str = "") -> np.ndarray:
    return np.array([draw("salt", f"{purpose}unit-{i}") for i in range(UNITS)])


@pytest.mark.parametrize("weight", [0.05, 0.001, 1 / 3, 0.5, 0.999])
def test_the_share_of_new_is_the_weight(weight: float) -> None:
    """Over many units the share of new differs from the weight by chance alone, at any weight."""
    got = int((draws() < weight).sum())
    assert abs(got - UNITS * weight) <= SIGMAS * sqrt(UNITS * weight * (1 - weight))


def test_draws_are_uniform() -> None:
    """A thousand equal cells are hit equally often, and the whole distribution is flat."""
    counts = np.histogram(draws(), bins=1000, range=(0, 1))[0]
    statistic = ((counts - UNITS / 1000) ** 2 / (UNITS / 1000)).sum()
    assert chi2.ppf(1e-4, 999) < statistic < chi2.ppf(1 - 1e-4, 999)
    assert kstest(draws(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("weight", [0, 0.001, 0.05, 1 / 3, 1])
def test_assignments_follow_the_draw(weight: float) -> None:
    """A unit goes to new exactly when its draw lies below the weight; nobody does at 0, everybody at 1."""
    rollout = trollout(weight=weight, attempt=3, stage_index=2)
    for i in range(2000):
        got = assign(rollout, f"unit-{i}")
        assert (got.arm is Arm.NEW) == (draws()[i] < weight)
        assert (got.probability, got.attempt, got.stage, got.unit) == (weight, 3, 2, f"unit-{i}")


@given(salts, units)
def test_a_draw_is_fixed_and_in_range(salt: str, unit: str) -> None:
    """The same salt and unit give the same number in [0, 1), whatever text they are."""
    assert draw(salt, unit) == draw(salt, unit)
    assert 0 <= draw(salt, unit) < 1


@given(salts, units, weights, weights)
def test_raising_the_weight_moves_no_unit_back(salt: str, unit: str, one: float, another: float) -> None:
    """Who was on new stays on new when the weight grows."""
    low, high = sorted((one, another))
    if assign(trollout(salt=salt, weight=low), unit).arm is Arm.NEW:
        assert assign(trollout(salt=salt, weight=high), unit).arm is Arm.NEW


def test_another_salt_draws_anew() -> None:
    """Two rollouts do not send the same units to new."""
    other = np.array([draw("other salt", f"unit-{i}") for i in range(20_000)])
    assert abs(np.corrcoef(draws()[:20_000], other)[0, 1]) < SIGMAS / sqrt(20_000)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_shares_are_independent_of_the_arm(share: float) -> None:
    """Being set aside for a purpose says nothing of the arm: both arms have the same share of it."""
    new = draws() < 0.25
    aside = draws("shadow\0") < share
    for arm in (new, ~new):
        n = int(arm.sum())
        assert abs(int((arm & aside).sum()) - n * share) <= SIGMAS * sqrt(n * share * (1 - share))


@given(salts, units, weights)
def test_a_share_is_drawn_per_purpose(salt: str, unit: str, share: float) -> None:
    """A share of 0 holds nobody and of 1 everybody; in between the purpose has its own draw."""
    assert not in_share(salt, "shadow", unit, 0)
    assert in_share(salt, "shadow", unit, 1)
    assert in_share(salt, "shadow", unit, share) == (draw(salt, f"shadow\0{unit}") < share)


def test_odd_units_are_drawn_too() -> None:
    """Half a surrogate pair, nothing at all and long texts are units like any other; so is an empty salt."""
    for unit in ("\ud800", "\udcff", "", "x" * 100_000):
        assert 0 <= draw("", unit) < 1
