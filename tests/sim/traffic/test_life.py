from collections import Counter
from random import Random

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.lease import State
from canary.sim.provider import Provider
from canary.sim.traffic.caller import Caller
from canary.sim.traffic.life import LeaseClient
from canary.sim.traffic.plan import Style, TrafficPlan
from canary.sim.traffic.report import Life, Recorder
from tests.factories import CLIENT_KEY, NOW

QUICK = {"poll_interval": 0.005, "patience": 0.05, "another_code": 0, "global_reads": 0}


@pytest.fixture
async def provider():
    async with Provider(Behaviour(success=1, code_delay=0, minimum_hold=0), seed=1) as provider:
        yield provider


async def live(provider: Provider, *, style: Style | None = None, **plan) -> tuple[Life, Recorder]:
    """One lease from beginning to end."""
    recorder = Recorder()
    life = Life(0, "polite", "tg", plan.pop("country", "6"), plan.pop("action", "getNumber"))
    caller = Caller(provider.url, CLIENT_KEY, recorder, name="c", post=False, keep_alive=True, timeout=1.0)
    wanted = changed(TrafficPlan(), {**QUICK, **plan})
    try:
        await LeaseClient(wanted, style or Style(), caller, recorder, life, Random(1)).live()
    finally:
        await caller.close()
    return life, recorder


@pytest.mark.parametrize("action", ["getNumber", "getNumberV2"])
async def test_a_lease_with_a_code_is_finished(provider, action):
    """Buy, poll, finish."""
    life, _ = await live(provider, action=action)
    (lease,) = provider.books.leases
    assert (life.outcome, life.id, life.codes) == ("succeeded", lease.id, [lease.code])
    assert lease.state is State.FINISHED
    assert dict(provider.books.by_action) == {action: 1, "getStatus": 1, "setStatus": 1}


async def test_a_lease_without_a_code_is_cancelled_when_patience_ends(provider):
    """The number is given back."""
    await provider.change(success=0)
    life, _ = await live(provider)
    assert (life.outcome, provider.books.leases[0].state) == ("cancelled", State.CANCELLED)
    assert provider.books.balance == provider.behaviour.deposit


async def test_an_early_cancel_is_tried_again_until_it_is_allowed():
    """The client comes back until the minimum hold has passed, here after two refusals."""

    words: Counter[str] = Counter()

    def clock() -> float:
        return NOW + 3600 * (words["EARLY_CANCEL_DENIED"] >= 2)

    behaviour = Behaviour(success=0, minimum_hold=1800, lifetime="1d")
    async with Provider(behaviour, seed=1, clock=clock) as provider:
        words = provider.books.by_word
        life, _ = await live(provider, patience=0.3)
    assert (life.outcome, words["EARLY_CANCEL_DENIED"]) == ("cancelled", 2)


async def test_a_code_that_comes_while_cancelling_is_accepted(provider):
    """The cancel is refused because a code came after all: the lease is finished."""
    await provider.change(code_delay="60ms", minimum_hold="1h")
    life, _ = await live(provider, patience=0.04)
    assert (life.outcome, len(life.codes)) == ("succeeded", 1)


async def test_another_code_is_asked_for(provider):
    """Both codes are seen, and the lease is paid once."""
    life, _ = await live(provider, another_code=1)
    assert (life.outcome, life.codes) == ("succeeded", provider.books.leases[0].codes)
    assert len(life.codes) == 2


async def test_an_expired_lease_is_noticed(provider):
    """The provider ended it before the client did."""
    await provider.change(success=0, lifetime="20ms")
    life, _ = await live(provider)
    assert (life.outcome, provider.books.leases[0].state) == ("expired", State.EXPIRED)


async def test_a_forgotten_lease_is_left_open(provider):
    """No last write is sent."""
    life, _ = await live(provider, style=Style(forget=1))
    assert life.outcome == "forgotten"
    assert provider.books.leases[0].open
    assert "setStatus" not in provider.books.by_action


async def test_a_hasty_client_pays_for_nothing(provider):
    """It finishes before a code came."""
    await provider.change(success=0)
    life, _ = await live(provider, style=Style(hasty=1, ready=1))
    assert (life.outcome, provider.books.leases[0].state) == ("hasty", State.FINISHED)


@pytest.mark.parametrize(
    ("knobs", "outcome", "why"),
    [
        ({"stock_out": 1}, "no_stock", "NO_NUMBERS"),
        ({"deposit": 0}, "refused", "NO_BALANCE"),
        ({"call_error": 1}, "failed", "ERROR_SQL"),
        ({"reset": 1}, "failed", "reset"),
        ({"empty": 1}, "failed", "EMPTY"),
    ],
)
async def test_without_a_number_there_is_no_lease(provider, knobs, outcome, why):
    """The reason is kept, and nothing else is called."""
    await provider.change(**knobs)
    life, _ = await live(provider)
    assert (life.outcome, life.why, life.id) == (outcome, why, "")
    assert provider.books.calls == 1


async def test_a_client_of_the_legacy_provider_repeats_an_empty_purchase(provider):
    """Each repeat buys another number: the trap that the harness must see."""
    await provider.change(empty=1, carried_out=1)
    life, recorder = await live(provider, style=Style(repeats=2))
    assert (life.outcome, recorder.purchases, len(provider.books.leases)) == ("failed", 3, 3)
    assert provider.books.lost == 3
    assert not provider.books.repeated


async def test_a_last_write_is_said_until_it_is_heard(provider):
    """Faults are not the end; a finish that took effect unheard is recognised."""
    await provider.change(empty=1, carried_out=1, faults_on="setStatus")
    life, _ = await live(provider)
    assert (life.outcome, provider.books.leases[0].state) == ("succeeded", State.FINISHED)


async def test_a_lease_that_the_provider_does_not_know_is_lost(provider):
    """The answer counts as unknown."""
    await provider.change(forget_after=0, lifetime="10ms", success=0)
    life, _ = await live(provider)
    assert (life.outcome, life.unknown) == ("lost", 1)


@pytest.mark.parametrize("drift", ["colon_code", "word_code"])
async def test_codes_are_known_through_drifts(provider, drift):
    """A code that is written otherwise still belongs to its number."""
    await provider.change(drifts=drift)
    life, _ = await live(provider)
    assert (life.outcome, life.foreign_codes) == ("succeeded", 0)


async def test_country_zero_is_dropped_by_a_client_that_drops_falsy_values(provider):
    """Russia goes unsaid."""
    await live(provider, style=Style(drops_zero=True), country="0")
    await live(provider, country="0")
    assert [
        "country=0" in entry.query for entry in provider.books.requests if entry.action == "getNumber"
    ] == [False, True]


async def test_countries_may_be_named_by_iso_code(provider):
    """One call site mixes both styles."""
    await provider.change(dialect="verifysms")
    life, _ = await live(provider, iso_countries=1)
    assert life.outcome == "succeeded"
    assert "country=ID" in provider.books.requests[0].query
