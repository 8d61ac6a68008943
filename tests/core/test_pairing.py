"""Pairs of answers to one call: who failed alone, who was slow alone."""

from math import log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Exchange, Failure, Outcome
from canary.core.pairing import CALLS, WARM, Pairing
from canary.core.pairs import Pairs
from canary.core.stats.paired import log_e
from tests.factories import tcall, texchange, treply

LATENCY = "latency_p95"


def answered(latency: float = 0.1, action: str = "getPrices", outcome: Outcome = Outcome.OK) -> Exchange:
    """An answer after so many seconds."""
    return texchange(tcall(action), treply(outcome, "X"), latency=latency)


def unanswered(why: Failure, latency: float = 0.1) -> Exchange:
    """No answer."""
    return texchange(
        tcall("getPrices"), treply(Outcome.PROVIDER, "X"), latency=latency, failure=why, status=0
    )


FAULT = answered(outcome=Outcome.PROVIDER)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (answered(), answered(), Pairs(neither=1)),
        (answered(), FAULT, Pairs(only_new=1)),
        (FAULT, answered(), Pairs(only_old=1)),
        (FAULT, FAULT, Pairs(both=1)),
        (answered(), unanswered(Failure.TIMEOUT), Pairs(only_new=1)),
        (unanswered(Failure.CONNECT), answered(), Pairs(only_old=1)),
        (answered(outcome=Outcome.BUSINESS), answered(), Pairs(neither=1)),
    ],
)
def test_a_fault_counts_against_the_arm_that_had_it(old: Exchange, new: Exchange, expected: Pairs) -> None:
    """By the same definition as in the gates: no stock is none, an answer that never came is one."""
    assert Pairing().judge(old, new) == {CALLS: expected}


@pytest.mark.parametrize("why", [Failure.SATURATED, Failure.TOO_LARGE])
def test_what_our_own_limit_held_back_says_nothing(why: Failure) -> None:
    """Nothing was sent, or not all of it was read, so nobody failed."""
    held = unanswered(why)
    assert Pairing().judge(held, answered()) == Pairing().judge(answered(), held) == {}


def test_both_arms_have_the_same_patience() -> None:
    """The copies' timeout is shorter than old's: what took longer than it is a failure of old as well."""
    pairing = Pairing(patience=10.0)
    late = pairing.judge(answered(12.0), unanswered(Failure.TIMEOUT, 10.0))
    assert late == {CALLS: Pairs(both=1)}


def warmed(factor: float = 1.25, latency: float = 0.1, action: str = "getPrices") -> Pairing:
    """A pairing that knows old's latency."""
    pairing = Pairing(factor=factor)
    for _ in range(WARM):
        assert LATENCY not in pairing.judge(answered(latency, action), answered(9.0, action))
    return pairing


def test_slow_is_measured_against_old_so_far() -> None:
    """Above old's p95 for old, above it times the margin for new."""
    assert warmed().judge(answered(0.1), answered(0.124))[LATENCY] == Pairs(neither=1)
    assert warmed().judge(answered(0.1), answered(0.14))[LATENCY] == Pairs(only_new=1)
    assert warmed().judge(answered(0.11), answered(0.1))[LATENCY] == Pairs(only_old=1)
    assert warmed().judge(answered(1.0), answered(1.0))[LATENCY] == Pairs(both=1)


def test_the_threshold_is_fixed_before_the_pair() -> None:
    """A single slow answer of old is slow, however few were seen: it does not move its own threshold."""
    pairing = warmed()
    assert pairing.judge(answered(5.0), answered(0.1))[LATENCY] == Pairs(only_old=1)


def test_each_action_has_a_threshold_of_its_own() -> None:
    """A list of prices takes longer than a balance on both arms."""
    pairing = warmed(latency=2.0)
    assert LATENCY not in pairing.judge(answered(0.1, "getBalance"), answered(0.1, "getBalance"))
    assert pairing.judge(answered(1.9), answered(1.9))[LATENCY] == Pairs(neither=1)


def test_an_arm_that_did_not_answer_is_not_slow() -> None:
    """It failed, and that is counted once."""
    assert warmed().judge(answered(), unanswered(Failure.TIMEOUT, 10.0)) == {CALLS: Pairs(only_new=1)}


def test_latency_is_not_counted_without_its_gate() -> None:
    """A policy that leaves it out does not judge it."""
    pairing = Pairing()
    assert all(LATENCY not in pairing.judge(answered(), answered()) for _ in range(2 * WARM))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.randoms())
def test_pairs_add_up_in_any_order(pairs: list[tuple[bool, bool]], random: Random) -> None:
    """Counts of several processes are those of one."""
    single = [Pairs.of(old=old, new=new) for old, new in pairs]
    whole = sum_of(single)
    assert whole.total == len(pairs)
    random.shuffle(single)
    half = len(single) // 2
    assert sum_of([sum_of(single[:half]), sum_of(single[half:])]) == whole


def sum_of(pairs: list[Pairs]) -> Pairs:
    """All of them together."""
    total = Pairs()
    for one in pairs:
        total = total.merge(one)
    return total


@pytest.mark.parametrize(("slower", "found"), [(1.0, False), (1.24, False), (1.6, True)])
def test_slowness_within_the_margin_is_no_harm(slower: float, found: bool) -> None:
    """Latencies vary tenfold from call to call and drift on both arms; with a look after every pair the evidence
    against new passes its threshold only when new is slower than the margin allows."""
    harmed, runs = 0, 40
    for seed in range(runs):
        random, pairing, counts, peak = Random(seed), Pairing(factor=1.25), Pairs(), 0.0
        for n in range(1500):
            base = 0.05 * (1 + n / 500)
            old = base * random.lognormvariate(0, 0.7)
            new = base * random.lognormvariate(0, 0.7) * slower
            counts = counts.merge(pairing.judge(answered(old), answered(new)).get(LATENCY, Pairs()))
            peak = max(peak, log_e(counts)) if n % 10 == 0 else peak
        harmed += peak >= -log(0.15 * 0.01)
    assert harmed >= 0.9 * runs if found else harmed == 0
