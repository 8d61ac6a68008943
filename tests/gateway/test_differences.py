"""What a gateway learns of both arms' replies, from its pools to the store."""

import json
import os
from pathlib import Path

import pytest

from canary.core.compare.coverage import Unmapped
from canary.core.compare.judge import Difference
from canary.core.compare.market import Market
from canary.core.compare.traits import Aspect
from canary.core.model import Arm, Call, Exchange, Response
from canary.core.protocol.read import read
from canary.gateway.asking import Asked
from canary.gateway.differences import EXACT, Contract
from canary.sim.drifts import DRIFTS
from canary.sim.profiles import PROFILES
from tests.factories import CLIENT_KEY, FakeClock, tcall
from tests.gateway.traffic import FOUND, UNSEEN, Traffic
from tests.rig import Rig, rig
from tests.waiting import until

CODE = "918273"
ALIKE = int(os.environ.get("ALIKE_LEASES", "100"))
"""Leases at each provider that is compared with itself."""


def tasked(call: Call, body: str, arm: Arm = Arm.OLD, status: int = 200, media: str = "text/html") -> Asked:
    """One arm's answer."""
    content = body.encode()
    reply = read(call, status, media, content)
    exchange = Exchange(call, arm, reply, 0.0, 0.1, status=status)
    return Asked(exchange, Response(status, (("content-type", media),), content), content)


def counts(contract: Contract, aspect: Aspect) -> dict[tuple[Arm, str], int]:
    """The changed sightings of an aspect by arm and value."""
    return {
        (key.arm, key.trait.value): s.n
        for key, s in contract.take_changed().items()
        if key.trait.aspect is aspect
    }


@pytest.fixture
def contract() -> Contract:
    return Contract(lambda: 1, lambda: 0.5, FakeClock())


# --- cases --------------------------------------------------------------------------------------------------------


def test_a_lease_that_is_polled_counts_once(contract: Contract) -> None:
    """Twenty polls that say the same are one case; another lease is another."""
    for lease in ("1", "2"):
        for _ in range(20):
            contract.served(tasked(tcall("getStatus", id=lease), "STATUS_WAIT_CODE"))
    assert counts(contract, Aspect.ENVELOPE) == {(Arm.OLD, "text"): 2}


def test_the_first_answer_about_a_lease_is_told_apart(contract: Contract) -> None:
    """What a lease answers before anything was asked of it; status 1 asks nothing."""
    contract.served(tasked(tcall("setStatus", id="1", status="1"), "ACCESS_READY"))
    contract.served(tasked(tcall("getStatus", id="1"), "STATUS_WAIT_CODE"))
    contract.served(tasked(tcall("getStatus", id="1"), "STATUS_OK:1"))
    first = [k.trait.value for k in contract.take_changed() if k.trait.branch == "first"]
    assert first == ["ok STATUS_WAIT_CODE"]


def test_each_purchase_is_a_case(contract: Contract) -> None:
    """Purchases name no lease."""
    for n in range(5):
        contract.served(tasked(tcall("getNumber"), f"ACCESS_NUMBER:{n}:79584123456"))
    assert counts(contract, Aspect.PHONE) == {(Arm.OLD, "without +"): 5}


def test_served_reads_are_left_to_the_pairs(contract: Contract) -> None:
    """A read that is not shadowed teaches nothing; one that both arms answer anyway does."""
    contract.served(tasked(tcall("getPrices"), "{}"))
    contract.served(tasked(tcall("getBalance"), "ACCESS_BALANCE:1"))
    assert contract.take_changed() == {}
    contract.served(tasked(tcall("getActiveActivations"), "NO_ACTIVATIONS"))
    assert contract.take_changed()


async def test_no_answer_teaches_nothing(contract: Contract) -> None:
    """Neither alone nor as a copy."""
    call = tcall("getNumber")
    lost = Asked(Exchange(call, Arm.NEW, read(call, 502, "", b""), 0.0, 0.1), None)
    contract.served(lost)
    await contract.pair(call, tasked(call, "NO_NUMBERS"), lost)
    assert contract.take_changed() == {}


async def test_a_large_pair_is_compared_all_the_same(contract: Contract) -> None:
    """In a thread, with the same result."""
    call = tcall("getPrices")
    body = json.dumps({str(c): {f"s{n}": {"cost": 1, "count": n} for n in range(50)} for c in range(50)})
    await contract.pair(call, tasked(call, body), tasked(call, body, Arm.NEW))
    found = {key.trait.value for key in contract.take_changed() if key.trait.path == "*.*.cost"}
    assert found == {"number"}
    assert contract.counters["market_pairs"] == 1


async def test_a_repeat_to_the_same_arm_tells_no_prices(contract: Contract) -> None:
    """Old beside old teaches what old varies in, and is no comparison of offers."""
    call = tcall("getPrices")
    body = '{"6":{"tg":{"cost":1,"count":7}}}'
    await contract.pair(call, tasked(call, body), tasked(call, body))
    assert "market_pairs" not in contract.counters
    assert counts(contract, Aspect.STATUS) == {(Arm.OLD, "200"): 2}


# --- what is handed to the ledger ---------------------------------------------------------------------------------


def test_totals_are_handed_over_once(contract: Contract) -> None:
    """Sightings come as totals; what did not change since is not handed over again."""
    purchase = tcall("getNumber")
    contract.served(tasked(purchase, "NO_NUMBERS"))
    assert {s.n for s in contract.take_changed().values()} == {1}
    assert contract.take_changed() == {}
    contract.served(tasked(purchase, "NO_NUMBERS"))
    assert {s.n for s in contract.take_changed().values()} == {2}


def test_what_was_not_written_is_handed_over_again(contract: Contract) -> None:
    """A refused batch is given back and comes again as it stands then."""
    purchase = tcall("getNumber")
    contract.served(tasked(purchase, "NO_NUMBERS"))
    contract.give_back(contract.take_changed())
    contract.served(tasked(purchase, "NO_NUMBERS"))
    assert {s.n for s in contract.take_changed().values()} == {2}


def test_frequent_traits_are_not_written_each_time(contract: Contract) -> None:
    """Beyond some sightings only every so manieth is worth a row."""
    purchase = tcall("getNumber")
    for _ in range(EXACT):
        contract.served(tasked(purchase, "NO_NUMBERS"))
    contract.take_changed()
    for _ in range(EXACT - 1):
        contract.served(tasked(purchase, "NO_NUMBERS"))
    assert contract.take_changed() == {}
    contract.served(tasked(purchase, "NO_NUMBERS"))
    assert {s.n for s in contract.take_changed().values()} == {2 * EXACT}


def test_a_new_attempt_begins_with_empty_shapes() -> None:
    """What was learned before a rollback is not held against the next attempt, whenever its batch comes."""
    attempt = 1
    contract = Contract(lambda: attempt, lambda: 0.5, FakeClock())
    contract.served(tasked(tcall("getNumber"), "NO_NUMBERS"))
    late = contract.take_changed()
    attempt = 2
    contract.served(tasked(tcall("getNumber"), "NO_NUMBERS"))
    contract.give_back(late)
    changed = contract.take_changed()
    assert {key.attempt for key in changed} == {2}
    assert {s.n for s in changed.values()} == {1}


@pytest.mark.parametrize(("weight", "learned"), [(0.3, 400), (0.5, 400), (0.6, 266), (0.9, 44), (1.0, 0)])
def test_new_gives_no_more_cases_than_old_had_chances(weight: float, learned: int) -> None:
    """Above half of the traffic new's replies are thinned out; old's are all learned."""
    contract = Contract(lambda: 1, lambda: weight, FakeClock())
    for n in range(400):
        for arm in Arm:
            contract.served(tasked(tcall("getNumber"), f"ACCESS_NUMBER:{n}:79584123456", arm))
    cases = counts(contract, Aspect.PHONE)
    assert [cases.get((arm, "without +"), 0) for arm in (Arm.OLD, Arm.NEW)] == [400, learned]


# --- through the gateway to the store -----------------------------------------------------------------------------


async def pairs(gateway: Rig, action: str, times: int, **params: str) -> None:
    """So many reads whose copies have been compared."""
    sent = gateway.count("shadow_sent")
    for _ in range(times):
        await gateway.ask(action, **params)
    await until(lambda: gateway.count("shadow_sent") == sent + times)
    await gateway.flush()


async def test_a_shadowed_read_that_differs_is_in_the_store(tmp_path: Path) -> None:
    """Three pairs are enough for a form that differs each time; equal ones are not reported."""
    async with rig(tmp_path, rollout={"shadow": 1.0}, shadow={"noise": 0}) as gateway:
        gateway.old.answers(getCountries='{"0":{"id":0}}', getBalance="ACCESS_BALANCE:1.50")
        gateway.new.answers(getCountries='[{"id":0}]', getBalance="ACCESS_BALANCE:2.50")
        await pairs(gateway, "getBalance", 3)
        await pairs(gateway, "getCountries", 3)
        (found,) = gateway.store.differences(gateway.name)
        assert (found.action, found.kind, found.old, found.new, found.count) == (
            "getCountries",
            Aspect.TYPE,
            "object",
            "list",
            3,
        )


async def test_purchases_differ_without_a_single_shadow_purchase(tmp_path: Path) -> None:
    """Old's purchases beside new's: each arm is asked for its own leases alone."""
    async with rig(tmp_path, rollout={"weight": 0.5}) as gateway:
        ids = iter(range(100, 200))
        gateway.old.answers(getNumber="NO_NUMBERS")
        gateway.new.answers(getNumber="NO_NUMBERS")
        for n in range(40):
            lease = next(ids)
            gateway.old.answers(getNumber=f"ACCESS_NUMBER:{lease}:7958412{n:04d}")
            gateway.new.answers(getNumber=f"ACCESS_NUMBER:{lease}:+7958412{n:04d}")
            await gateway.ask("getNumber", service="tg", country="6")
        await gateway.flush()
        assert len(gateway.old.heard) + len(gateway.new.heard) == 40
        (found,) = gateway.store.differences(gateway.name)
        assert (found.action, found.kind, found.count) == ("getNumber", Aspect.PHONE, len(gateway.new.heard))


async def test_no_secret_is_in_a_sighting(tmp_path: Path) -> None:
    """Codes, phones, ids and keys that replies hold are in no row and no example."""
    async with rig(tmp_path) as gateway:
        gateway.old.answers(
            getNumber="ACCESS_NUMBER:635468024:79584123456",
            getStatus=f"STATUS_OK:{CODE}",
            setStatus=f"BAD_KEY: {CLIENT_KEY} is no key",
            getStatusV2=json.dumps({"error": f"{CLIENT_KEY} is unknown", "sms": {"code": CODE}}),
        )
        await gateway.ask("getNumber", service="tg", country="6")
        for action in ("getStatus", "setStatus", "getStatusV2"):
            await gateway.ask(action, id="635468024", status="6")
        held = repr(gateway.service.ledger.contract.take_changed())
        assert "STATUS_OK" in held
        for secret in ("635468024", "79584123456", CODE, CLIENT_KEY, CLIENT_KEY.upper()):
            assert secret not in held


async def test_an_unsupported_action_in_use_is_unmapped(tmp_path: Path) -> None:
    """A call of an action that new's profile declares as unsupported is found before the cutover."""
    async with rig(tmp_path, new={"provider": "verifysms"}) as gateway:
        await gateway.ask("getRentList")
        await gateway.ask("getBalance")
        await gateway.flush()
        (found,) = [*gateway.store.findings(gateway.name).unmapped]
        assert found == Unmapped("getRentList", 1, "the profile of new declares it")


async def test_prices_are_reported_with_the_policys_factors(tmp_path: Path) -> None:
    """Figures of all pairs are in the store's counters."""
    async with rig(
        tmp_path, rollout={"shadow": 1.0}, shadow={"noise": 0}, old={"price_factor": 0.5}
    ) as gateway:
        gateway.old.answers(getPrices='{"6":{"tg":{"cost":1.00,"count":7}}}')
        gateway.new.answers(getPrices='{"6":{"tg":{"cost":"1.00","count":7}}}')
        await pairs(gateway, "getPrices", 2)
        market = Market.of(gateway.store.counters(gateway.name))
        assert (market.pairs, market.both, market.dearer) == (2, 2, 2)
        assert market.price_ratio == pytest.approx(2)


# --- whole traffic against simulated providers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "weight"),
    [("sms-activate", 0.0), ("sms-activate", 0.05), ("sms-activate", 0.5), ("herosms", 0.5)],
)
async def test_like_arms_have_no_differences(dialect: str, weight: float) -> None:
    """10 000 calls at two providers of one kind, with their own leases, stock, codes and faults: nothing is found."""
    traffic = Traffic(f"{dialect}/{weight}", weight, {"dialect": dialect}, {"dialect": dialect})
    await traffic.run(leases=1200, reads=250)
    assert traffic.calls >= 10_000
    assert traffic.found() == []


@pytest.mark.parametrize("name", sorted(PROFILES))
async def test_no_dialect_differs_from_itself(name: str) -> None:
    """Every known provider's answers beside its own; 10 000 calls of each with ALIKE_LEASES=1200."""
    traffic = Traffic(name, 0.3, {"dialect": name}, {"dialect": name})
    await traffic.run(leases=ALIKE, reads=ALIKE // 4)
    assert traffic.found() == []


def test_every_drift_of_the_simulator_is_looked_at() -> None:
    """A drift that is added must be found here, or say why it is none."""
    assert {*FOUND, *UNSEEN} == set(DRIFTS)


@pytest.mark.parametrize("drift", sorted(FOUND))
async def test_a_drift_is_found_in_traffic(drift: str) -> None:
    """Half of the leases on a drifted new, and reads on both: the drift is told apart within 300 leases, with what it
    breaks."""
    old, place = FOUND[drift]
    traffic = Traffic(drift, 0.5, old, {"drifts": drift})
    found: dict[tuple[str, Aspect, str], Difference] = {}
    for _ in range(5):
        await traffic.run(leases=60, reads=20)
        found = {(one.action, one.kind, one.path): one for one in traffic.found()}
        if place in found:
            break
    assert place in found
    assert found[place].breaks
