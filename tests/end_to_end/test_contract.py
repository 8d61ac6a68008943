"""Every drift of a new provider, found by a running harness in its clients' own traffic."""

import asyncio
import random
from pathlib import Path

import pytest

from canary.core.compare.judge import Difference
from canary.core.compare.traits import Aspect
from canary.core.model import Progress, Reply
from canary.core.protocol.read import read
from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.provider import Provider
from canary.store.store import Store
from tests.end_to_end.client import Answer, Client
from tests.end_to_end.rig import Harness, canary, policy
from tests.factories import tcall
from tests.gateway.traffic import FOUND

pytestmark = pytest.mark.end_to_end

PLAIN = {
    "success": 0.5,
    "stock_out": 0.2,
    "code_delay": {"median": "20ms", "p95": "100ms"},
    "minimum_hold": "80ms",
    "call_error": 0.02,
    "html_error": 0.02,
    "empty": 0.02,
    "drifts": "",
}
STAGES = [{"name": "half", "weight": "50%", "shadow": "100%", "hold": "24h"}]
READS: tuple[tuple[str, dict[str, str]], ...] = (
    ("getBalance", {}),
    ("getPrices", {"service": "tg"}),
    ("getNumbersStatus", {"country": "6"}),
    ("getCountries", {}),
    ("getServicesList", {}),
    ("getOperators", {"country": "6"}),
    ("getTopCountriesByService", {"service": "tg"}),
    ("getActiveActivations", {}),
    ("getHistory", {}),
)
LEASES = 24  # in one round


def meaning(answer: Answer) -> Reply:
    """What an answer says, in whatever dialect."""
    return read(tcall(answer.action), answer.status, "", answer.text.encode())


def is_told(found: Difference, place: tuple[str, Aspect, str]) -> bool:
    """Whether a difference is the one; a word may be told with or without the status that it answers."""
    action, kind, path = place
    return (found.action, found.kind) == (action, kind) and path.endswith(found.path)


class Clients:
    """Buy, poll and end numbers in every way, and read what there is, a round at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._random = random.Random(1)

    async def round(self) -> None:
        await asyncio.gather(
            *(self._lease() for _ in range(LEASES)),
            *(self._say(action, **params) for action, params in READS * 2),
        )

    async def _say(self, action: str, **params: str) -> Answer:
        return await self._client.call(action, **params)

    async def _lease(self) -> None:
        chance, version = self._random, self._random.choice(["", "V2"])
        bought = await self._say(f"getNumber{version}", service=chance.choice(["tg", "wa"]), country="6")
        issued = meaning(bought).issued
        if not issued:
            return
        own = issued[0].id
        if chance.random() < 0.3:
            await self._say("setStatus", id=own, status="1")
        poll = f"getStatus{chance.choice(['', version])}"
        for _ in range(chance.randrange(2, 6)):
            coded = meaning(await self._say(poll, id=own)).progress is Progress.CODE
            await asyncio.sleep(0.03)
        if coded and chance.random() < 0.3:
            await self._say("setStatus", id=own, status="3")
            await self._say("getStatus", id=own)
        if chance.random() < 0.8:
            await asyncio.sleep(0.1)
        cancel = not coded or chance.random() < 0.3
        for _ in range(chance.choice([1, 2, 2, 2])):
            await self._say("setStatus", id=own, status="8" if cancel else "6")
        await self._say("getStatus", id=own)


class Contract:
    """A running harness between two providers, whose contract is learned anew whenever one of them changes."""

    def __init__(self, harness: Harness, old: Provider, new: Provider, client: Client) -> None:
        self._harness = harness
        self._old, self._new = old, new
        self._clients = Clients(client)

    async def anew(self, old: dict[str, object], drift: str) -> None:
        """Another attempt, with these providers."""
        await self._old.change({**PLAIN, **old})
        await self._new.change({**PLAIN, "drifts": drift})
        await self._harness.act("rollback")
        await self._harness.act("restart")

    async def found(self, rounds: int) -> list[Difference]:
        """The differences after so many rounds of traffic."""
        for _ in range(rounds):
            await self._clients.round()
        await asyncio.sleep(0.7)  # the ledger writes every half second
        return await asyncio.to_thread(self._differences)

    def _differences(self) -> list[Difference]:
        store = Store(self._harness.state)
        try:
            return store.differences("e2e")
        finally:
            store.close()


@pytest.mark.timeout(600)
async def test_every_drift_is_found_and_nothing_else(tmp_path: Path) -> None:
    """One harness, one new provider that answers in one way after the other as old never does: each is found, by its
    action, kind and place, within a few hundred calls; and where it answers as old does, nothing is."""
    plain = changed(Behaviour(), PLAIN)
    missed: list[str] = []
    async with (
        Provider(plain, seed="old") as old,
        Provider(plain, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=STAGES, shadow={"noise": 0})) as harness,
        Client(harness.url, keep_alive=True) as client,
    ):
        contract = Contract(harness, old, new, client)
        assert await contract.found(10) == []
        for drift, (knobs, place) in FOUND.items():
            await contract.anew(knobs, drift)
            for _ in range(8):
                found = await contract.found(2)
                if any(is_told(one, place) for one in found):
                    break
            else:
                missed.append(drift)
        assert missed == []
        assert await harness.stop() == 0


async def test_a_difference_keeps_the_stage_until_it_is_acknowledged(tmp_path: Path) -> None:
    """The controller says what it waits for, and goes on once somebody has answered for it on the record."""
    stages = [
        {"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "1s"},
        {"name": "half", "weight": "50%", "hold": "24h"},
    ]
    asked = {
        "stages": stages,
        "gates": {"contract": {"max_differences": 0}},
        "judging": {"tick": "300ms", "warmup_leases": 0},
    }
    async with (
        Provider(Behaviour(), seed="old") as old,
        Provider(Behaviour(drifts=frozenset({"countries_list"})), seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, **asked)) as harness,
        Client(harness.url) as client,
    ):
        for _ in range(5):
            await client.call("getCountries")
        async with asyncio.timeout(30):
            while (status := await harness.status())["metrics"]["contract"]["verdict"] != "harm":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert status["stage"] == "shadow"
        reason = "our parser takes both"
        done = await canary(tmp_path, "ack", "getCountries", "--reason", reason, "--state", "state.db")
        assert done.out == "acknowledged: getCountries: type\n"
        await harness.until("stage", "half")
        events = [(one["event"], one["reason"]) for one in await harness.decisions()]
        assert ("ack", reason) in events
        report = await canary(tmp_path, "report", "--state", "state.db")
        assert report.code == 0, report
        assert await harness.stop() == 0
