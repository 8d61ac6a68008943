"""Strata: counts that add up, and their JSON."""

import json
from collections import Counter
from copy import deepcopy
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Arm
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Bet, Frozen, Money, Stratum, from_json, to_json

arms = st.sampled_from(Arm)
counts = st.integers(1, 10**6)
bets = st.integers(1, 16).flatmap(lambda of: st.builds(Bet, arms, bad=st.integers(0, of), of=st.just(of)))
amounts = st.decimals(0, 1000, places=4)
moneys = st.builds(Money, amounts, st.integers(0, 100), amounts)
FROZEN = Frozen(0.125, slow=320, per_success=Decimal("0.2"), cap=Decimal(1))


@st.composite
def strata(draw: st.DrawFn) -> Stratum:
    return Stratum(
        FROZEN,
        {side: Counter(draw(st.dictionaries(bets, counts))) for side in Side},
        Counter(draw(st.dictionaries(arms, counts))),
        Counter(draw(st.dictionaries(arms, counts))),
        {arm: Counter(draw(st.dictionaries(st.integers(0, 640), counts))) for arm in Arm},
        {arm: draw(moneys) for arm in Arm},
    )


@given(strata())
def test_a_stratum_survives_json(stratum):
    """What is stored is what is read again."""
    assert from_json(json.loads(json.dumps(to_json(stratum)))) == stratum


@given(strata(), strata(), strata())
def test_strata_add_up_in_any_order_and_grouping(a, b, c):
    """The counts are a commutative monoid."""
    left, right = deepcopy(a), deepcopy(c)
    left.absorb(b)
    left.absorb(c)
    right.absorb(b)
    right.absorb(a)
    assert left == right


def test_bets_of_different_parameters_do_not_add_up():
    """Two ways of betting on one stratum are two games."""
    with pytest.raises(ValueError, match="do not add up"):
        Stratum(Frozen(0.1)).absorb(Stratum(Frozen(0.2)))


def test_an_empty_stratum_is_hardly_anything():
    """Nothing is stored of nothing."""
    assert to_json(Stratum()) == {}
    assert from_json({}) == Stratum()
