"""Arms that speak an API of their own, on the running harness: client libraries see the handler_api that they know."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from canary.core.aliases import MAX_INT32
from canary.sim.behaviour import Behaviour, Spread
from canary.sim.ids import code_for
from canary.sim.lease import State
from canary.sim.provider import Provider
from tests.end_to_end.client import Answer, Client
from tests.end_to_end.libraries import OPEN, Library, Reach, Trouble
from tests.end_to_end.rig import Harness, policy
from tests.factories import NEW_KEY, OLD_KEY

pytestmark = [pytest.mark.end_to_end, pytest.mark.asyncio(loop_scope="module")]

SELLING = {
    "success": 1.0,
    "success_of": {"wa": 0.0},  # a number for wa never gets its code
    "code_delay": Spread(median=0.0),
    "minimum_hold": 0,
    "deposit": "100000.50",
    "prices": {"tg": "0.20", "wa": "0.35"},
}
HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
TIMEOUT = 0.6


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the suite needs to know of a dialect.

    ``finishes``: something ends an order whose code came. ``asks_again``: for another code. ``lists``: its numbers.
    """

    country: int = 6
    balance: bool = True
    finishes: bool = True
    asks_again: bool = False
    lists: bool = True


DIALECTS = {
    "5sim-native": Spoken(),
    "smspva": Spoken(finishes=False, asks_again=True),
    "textverified": Spoken(country=187, finishes=False),
    "herosms-v1": Spoken(balance=False),
    "verifysms-native": Spoken(asks_again=True, lists=False),
}


@dataclass(slots=True)
class World:
    """A harness between a handler_api provider and one that speaks another dialect."""

    dialect: str
    spoken: Spoken
    old: Provider
    new: Provider
    harness: Harness
    client: Client

    async def buy(self, service: str = "tg", action: str = "getNumber", arm: str = "new") -> Answer:
        """Ask for a number until the draw is that arm's; its answer, whatever it is."""
        while True:
            answer = await self.client.call(action, service=service, country=str(self.spoken.country))
            if answer.arm == arm:
                return answer

    async def bought(self, service: str = "tg") -> str:
        """The id of a number of the new arm, as the client knows it."""
        return (await self.buy(service)).id

    async def status(self, lease: str) -> str:
        return (await self.client.call("getStatus", id=lease)).text

    async def set(self, lease: str, status: int) -> str:
        return (await self.client.call("setStatus", id=lease, status=str(status))).text


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DIALECTS)
async def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One for each dialect; whoever changes the provider changes it back."""
    dialect, spoken = request.param, DIALECTS[request.param]
    async with (
        Provider(Behaviour(**SELLING, id_start=1000), seed="old", keys=[OLD_KEY]) as old,
        Provider(Behaviour(**SELLING, id_start=1000, dialect=dialect), seed="new", keys=[NEW_KEY]) as new,
        Harness(tmp_path_factory.mktemp(dialect), policies(dialect, old.url, new.url)) as harness,
        Client(harness.url) as client,
    ):
        yield World(dialect, spoken, old, new, harness, client)


def policies(dialect: str, old: str, new: str) -> dict[str, Any]:
    headers = {"X-API-USERNAME": "somebody"} if dialect == "textverified" else {}
    side = {"provider": dialect, "timeout": f"{TIMEOUT}s", "headers": headers}
    return policy(old, new, stages=HALF, new=side)


# --- real libraries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["smsactivate", "pysmshub", "pysmshub-aiohttp"])
async def test_leases_of_a_library_live_on_their_arms(world: World, name: str) -> None:
    """A published client buys, gets the codes of its own numbers, finishes and cancels on both arms, none astray."""
    old, new = world.old, world.new
    before = old.books.foreign + new.books.foreign
    wanted = {(arm.port, service) for arm in (old, new) for service in ("tg", "wa")}
    async with OPEN[name](Reach(url=world.harness.url)) as library:
        assert int(await library.balance()) > 90_000
        for n in range(100):
            if not wanted:
                break
            wanted.discard(await _one_lease(world, library, ("tg", "wa")[n % 2]))
    assert not wanted
    assert old.books.foreign + new.books.foreign == before


async def _one_lease(world: World, library: Library, service: str) -> tuple[int, str]:
    """One lease from its purchase to its end; where it was, and for what."""
    arms = (world.old, world.new)
    lease, phone = await library.buy(service, world.spoken.country)
    assert int(lease) <= MAX_INT32
    arm, sold = next((arm, x) for arm in arms for x in reversed(arm.books.leases) if x.phone == phone)
    code = await library.code(lease)
    if service == "tg":
        assert code == code_for(phone)
        assert await library.end(lease, 6) == "ACCESS_ACTIVATION"
        assert sold.state is (State.FINISHED if arm is world.old or world.spoken.finishes else State.CODE)
    else:
        assert code is None
        assert await library.end(lease, 8) == "ACCESS_CANCEL"
        assert sold.state is State.CANCELLED
    return arm.port, service


async def test_a_library_hears_words_it_knows(world: World) -> None:
    """No stock, no money, a wrong key and a stranger's lease raise the errors that its authors wrote for them."""
    async with OPEN["smsactivate"](Reach(url=world.harness.url)) as library:
        for knobs, error in (
            ({"stock_out": 1.0}, "NO_NUMBERS"),
            ({"deposit": "0"}, "NO_BALANCE"),
            ({"keys_refused": True}, "BAD_KEY"),
        ):
            await world.new.change(knobs)
            try:
                said = await _first_trouble(world, library)
                if (
                    world.dialect == "textverified" and said == "ERROR_SQL"
                ):  # of the token; the key comes next
                    said = await _first_trouble(world, library)
                assert said == error
            finally:
                await world.new.change({name: SELLING.get(name) for name in knobs})


async def _first_trouble(world: World, library: Library) -> str:
    while True:
        try:
            await library.buy("tg", world.spoken.country)
        except Trouble as trouble:
            return str(trouble)


# --- what clients see, byte for byte ----------------------------------------------------------------------------------


async def test_a_number_is_written_as_sms_activate_writes_it(world: World) -> None:
    """Id below 2^31, digits of an international number without a plus, as text/html."""
    answer = await world.buy()
    found = re.fullmatch(r"ACCESS_NUMBER:([1-9][0-9]*):([1-9][0-9]{8,14})", answer.text)
    assert found
    assert int(found.group(1)) <= MAX_INT32
    assert found.group(2) == world.new.books.leases[-1].phone


V2 = {
    "activationId": int,
    "phoneNumber": str,
    "activationCost": float,
    "currency": int,
    "countryCode": str,
    "canGetAnotherSms": str,
    "activationTime": str,
    "activationOperator": str,
}


async def test_a_number_of_version_two_has_the_legacy_members(world: World) -> None:
    """Names, types and times as strict clients insist on them; the price is the provider's."""
    answer = await world.buy("wa", "getNumberV2")
    row = json.loads(answer.text)
    assert {name: type(value) for name, value in row.items()} == V2
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["activationTime"])
    assert row["activationId"] <= MAX_INT32
    assert (row["activationCost"], row["countryCode"]) == (0.35, str(world.spoken.country))
    lease = str(row["activationId"])
    waiting = json.loads((await world.client.call("getStatusV2", id=lease)).text)
    assert waiting == {"verificationType": 0, "sms": None, "call": None}
    assert await world.set(lease, 8) == "ACCESS_CANCEL"
    assert (await world.client.call("getStatusV2", id=lease)).text == "STATUS_CANCEL"


async def test_a_life_in_words(world: World) -> None:
    """Waiting, ready, code, finished: each in the words of handler_api, and refusals too."""
    waiting = await world.bought("wa")
    assert await world.status(waiting) == "STATUS_WAIT_CODE"
    assert await world.set(waiting, 1) == "ACCESS_READY"
    assert await world.set(waiting, 8) == "ACCESS_CANCEL"
    assert await world.status(waiting) == "STATUS_CANCEL"
    assert await world.set(waiting, 8) == "BAD_STATUS"
    lease = await world.bought("tg")
    assert re.fullmatch(r"STATUS_OK:\d{6}", await world.status(lease))
    sms = json.loads((await world.client.call("getStatusV2", id=lease)).text)["sms"]
    assert sms["text"] == f"Your code is {sms['code']}"
    assert await world.set(lease, 8) == "BAD_STATUS", "a code is paid for"
    again = await world.set(lease, 3)
    assert again == ("ACCESS_RETRY_GET" if world.spoken.asks_again else "BAD_STATUS")
    assert await world.set(lease, 7) == "BAD_STATUS"
    await world.status(lease)
    assert await world.set(lease, 6) == "ACCESS_ACTIVATION"


async def test_a_cancel_that_comes_too_early_is_denied(world: World) -> None:
    """In the word that clients wait upon, and carried out once its time has come."""
    await world.new.change(minimum_hold=3600)
    try:
        lease = await world.bought("wa")
        assert await world.set(lease, 8) == "EARLY_CANCEL_DENIED"
    finally:
        await world.new.change(minimum_hold=0)
    assert await world.set(lease, 8) == "ACCESS_CANCEL"


async def test_a_lease_nobody_knows_is_unknown(world: World) -> None:
    """Neither arm has it: the client hears so."""
    assert await world.status("999999999") == "NO_ACTIVATION"
    assert await world.set("999999999", 8) == "NO_ACTIVATION"


async def test_what_has_no_counterpart_is_no_action(world: World) -> None:
    """It is answered as a provider answers what it does not know, and nothing is asked of the provider."""
    calls = world.new.books.calls
    lease = await world.bought("wa")
    answer = await world.client.call("getExtraActivation", activationId=lease)
    assert (answer.text, answer.arm) == ("BAD_ACTION", "new")
    assert world.new.books.by_action["getExtraActivation"] == 0
    assert world.new.books.calls > calls
    assert await world.set(lease, 8) == "ACCESS_CANCEL"


async def test_lists_show_the_ids_that_the_client_knows(world: World) -> None:
    """Both arms' numbers in one list, each under the id that it was bought with."""
    if not world.spoken.lists:
        return
    ours, theirs = await world.bought("wa"), (await world.buy("wa", arm="old")).id
    listed = json.loads((await world.client.call("getActiveActivations")).text)["activeActivations"]
    assert {ours, theirs} <= {str(row["activationId"]) for row in listed}
    for lease in (ours, theirs):
        assert await world.set(lease, 8) == "ACCESS_CANCEL"


# --- when the provider fails ------------------------------------------------------------------------------------------


async def test_a_purchase_without_an_answer_is_sent_once(world: World) -> None:
    """Hanging, reset and broken answers become the configured word, count as lost, and buy nothing more."""
    for fault in ("hang", "reset", "html_error", "empty"):
        sold, lost = len(world.new.books.leases), await _counter(world, "lost_purchases")
        calls = world.new.books.by_action["getNumber"]
        await world.new.change({fault: 1.0, "carried_out": 1.0, "faults_on": "getNumber"})
        answer = await world.buy()
        await world.new.change({fault: None, "carried_out": None, "faults_on": None})
        assert (answer.status, answer.text) == (200, "ERROR_SQL"), fault
        assert answer.error in {"timeout", "reset", "http_502", "unreadable"}
        assert answer.took < TIMEOUT + 1
        assert len(world.new.books.leases) == sold + 1
        assert world.new.books.by_action["getNumber"] == calls + 1
        assert await _counter(world, "lost_purchases") == lost + 1


async def test_a_purchase_that_never_left_is_served_by_the_other_arm(world: World) -> None:
    """With nobody listening nothing was sent: old sells instead, and it is no lost purchase."""
    lost, spilled = await _counter(world, "lost_purchases"), await _counter(world, "spillovers")
    await world.new.change(refuse=True)
    try:
        async with asyncio.timeout(20):
            while await _counter(world, "spillovers") == spilled:
                answer = await world.buy(arm="old")
                assert answer.bought
    finally:
        await world.new.change(refuse=False)
    assert await _counter(world, "lost_purchases") == lost


async def test_reads_and_writes_of_a_lease_fail_alone(world: World) -> None:
    """A hanging provider is answered for; afterwards the lease is where it was."""
    lease = await world.bought("wa")
    await world.new.change(hang=1.0, carried_out=0.0)
    answers = await asyncio.gather(
        world.client.call("getStatus", id=lease), world.client.call("setStatus", id=lease, status="8")
    )
    await world.new.change(hang=None, carried_out=None)
    assert {(one.text, one.arm, one.error) for one in answers} == {("ERROR_SQL", "new", "timeout")}
    assert await world.status(lease) == "STATUS_WAIT_CODE"
    assert await world.set(lease, 8) == "ACCESS_CANCEL"


async def _counter(world: World, name: str) -> float:
    samples = await world.harness.samples()
    return sum(value for key, value in samples.items() if key.partition("{")[0] == f"canary_{name}_total")


# --- money, rents -----------------------------------------------------------------------------------------------------


async def test_a_refund_arrives_and_is_counted(world: World) -> None:
    """Spent and refunded grow by what the provider's own books grow by."""
    books = world.new.books
    spent, refunded = books.spent, books.refunded
    before = await _money(world)
    lease = await world.bought("wa")
    assert await world.set(lease, 8) == "ACCESS_CANCEL"
    after = await _money(world)
    books = world.new.books
    assert (books.spent - spent, books.refunded - refunded) == (Decimal("0.35"), Decimal("0.35"))
    assert after["spent"] - before["spent"] == pytest.approx(0.35)


async def _money(world: World) -> dict[str, float]:
    await asyncio.sleep(0)
    found: dict[str, float] = (await world.harness.status())["money"]["new"]
    return found


async def test_a_long_lease_is_one_there(world: World) -> None:
    """A rent is bought, read and given back where the provider has long leases; elsewhere it is no action."""
    country = str(world.spoken.country)
    while True:
        answer = await world.client.call("getRentNumber", service="full", rent_time="24", country=country)
        if answer.arm == "new":
            break
    if world.dialect == "smspva":
        assert answer.text == "BAD_ACTION"
        return
    phone = json.loads(answer.text)["phone"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", phone["endDate"])
    lease = str(phone["id"])
    status = json.loads((await world.client.call("getRentStatus", id=lease)).text)
    assert status["values"]["0"]["text"].startswith("Your code is ")
    refused = json.loads((await world.client.call("setRentStatus", id=lease, status="2")).text)
    assert refused == {"status": "error", "message": "CANT_CANCEL"}, "a message has come"
    unknown = await world.client.call("getRentStatus", id="77")
    assert json.loads(unknown.text)["message"] == "NO_ID_RENT"


async def test_a_lease_outlives_the_process(world: World) -> None:
    """After a restart its id, an alias where the provider's own is none, leads to the same number and arm."""
    lease = await world.bought("wa")
    sold = world.new.books.leases[-1]
    assert await world.harness.stop() == 0
    await world.harness.start()
    answer = await world.client.call("getStatus", id=lease)
    assert (answer.text, answer.arm) == ("STATUS_WAIT_CODE", "new")
    assert await world.set(lease, 8) == "ACCESS_CANCEL"
    assert sold.state is State.CANCELLED
