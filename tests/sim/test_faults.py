from random import Random

import pytest

from canary.sim.behaviour import Behaviour, Limit
from canary.sim.faults import Fault, Limiter, drawn
from tests.sim.counter import Counter

SHARES = {
    "hang": Fault.HANG,
    "reset": Fault.RESET,
    "html_error": Fault.HTML,
    "empty": Fault.EMPTY,
    "call_error": Fault.CALL_ERROR,
}


@pytest.mark.parametrize(("knob", "fault"), SHARES.items())
def test_a_share_of_one_always_meets_its_fault(knob, fault):
    """Each fault can be had for certain, and not at all."""
    assert {drawn(Behaviour(**{knob: 1}), "getStatus", Random(n)) for n in range(20)} == {fault}
    assert {drawn(Behaviour(), "getStatus", Random(n)) for n in range(20)} == {None}


def test_faults_come_in_their_shares():
    """Shares of several faults add up."""
    behaviour, random = Behaviour(hang=0.1, empty=0.2, call_error=0.3), Random(1)
    met = [drawn(behaviour, "getStatus", random) for _ in range(10_000)]
    assert met.count(Fault.HANG) == pytest.approx(1000, abs=120)
    assert met.count(Fault.EMPTY) == pytest.approx(2000, abs=160)
    assert met.count(Fault.CALL_ERROR) == pytest.approx(3000, abs=180)


def test_faults_can_be_limited_to_some_actions():
    """Only the named actions meet faults."""
    behaviour = Behaviour(reset=1, faults_on="getNumber,getNumberV2")
    assert drawn(behaviour, "getNumber", Random(1)) is Fault.RESET
    assert drawn(behaviour, "getStatus", Random(1)) is None


@pytest.mark.parametrize(("carried_out", "sold"), [(1, 1), (0, 0)])
@pytest.mark.parametrize("knob", SHARES)
def test_a_faulty_purchase_may_have_been_carried_out(knob, carried_out, sold):
    """Whether a number was bought behind a failed answer is a knob, and the books count it as lost."""
    counter = Counter(**{knob: 1, "carried_out": carried_out})
    served = counter.serve("getNumber", service="tg")
    assert served.fault is SHARES[knob]
    assert (len(counter.books.leases), counter.books.lost) == (sold, sold)


def test_faults_have_their_answers():
    """Empty is a 200 without a body, html_error a 502 page, call_error the provider's word; two give none."""
    texts = {knob: Counter(**{knob: 1}).serve("getBalance").answer for knob in SHARES}
    assert (texts["empty"].status, texts["empty"].text) == (200, "")
    assert (texts["html_error"].status, texts["html_error"].text[:6]) == (502, "<html>")
    assert (texts["call_error"].status, texts["call_error"].text) == (200, "ERROR_SQL")
    assert texts["hang"] is texts["reset"] is None


def test_a_limit_lets_a_burst_through_and_then_its_rate():
    """Calls beyond the burst wait for tokens, which come at the rate."""
    limiter, limit = Limiter(), Limit(per_second=2, burst=3)
    assert [limiter.refused_for(limit, "k", "a", 100.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.refused_for(limit, "k", "a", 100.5) == 0
    assert limiter.refused_for(limit, "k", "a", 100.5) > 0


def test_a_limit_per_key_and_source_counts_each_address_alone():
    """Addresses share a key's limit or have one each, as the scope says."""
    per_key, per_source = Limit(per_second=1, burst=1), Limit(per_second=1, burst=1, scope="key_and_source")
    limiter = Limiter()
    assert limiter.refused_for(per_source, "k", "a", 0.0) == 0
    assert limiter.refused_for(per_source, "k", "b", 0.0) == 0
    assert limiter.refused_for(per_source, "k", "a", 0.0) > 0
    assert limiter.refused_for(per_key, "k", "a", 0.0) == 0
    assert limiter.refused_for(per_key, "k", "b", 0.0) > 0


def test_a_limit_with_a_block_refuses_everything_for_a_while():
    """HeroSMS shuts a key out for ten seconds once its limit is hit."""
    limiter, limit = Limiter(), Limit(per_second=10, burst=1, block=10)
    assert limiter.refused_for(limit, "k", "a", 0.0) == 0
    assert limiter.refused_for(limit, "k", "a", 0.0) == 10
    assert limiter.refused_for(limit, "k", "a", 9.0) == pytest.approx(1.0)
    assert limiter.refused_for(limit, "k", "a", 10.0) == 0
