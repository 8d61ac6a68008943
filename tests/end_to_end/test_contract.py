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
    "success": 0.7,
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

TOGETHER: tuple[tuple[str, ...], ...] = (
    ("http_statuses", "phone_plus", "json_as_html", "whole_balance", "colon_code"),
    ("title_200", "trailing_newline", "big_id", "no_operator", "comma_balance", "word_code"),
    ("title_errors", "text_id", "wait_retry", "active_hero", "countries_list"),
    ("msg_errors", "hero_v2", "wait_resend", "active_list", "text_prices"),
    ("message_errors", "fourth_field", "status_cancel", "v2_strings", "no_country_zero"),
    ("error_errors", "quoted", "status_suffix"),
    ("no_numbers_404", "spaced", "cancel_already"),
    ("early_cancel", "set_status_204", "wait_with_code"),
    ("cancel_ready", "phone_bare", "v2_numbers", "status_plain", "status_v2_data"),
    ("wrong_max_price",),
    ("banned",),
    ("empty_body",),
    ("bad_key",),
)
"""Drifts that one provider may have at a time: none hides another."""


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
            *(self._say(action, **params) for action, params in (*READS * 2, *READS[:1] * 8)),
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
        cancel = not coded or chance.random() < 0.5
        for _ in range(chance.choice([1, 2, 2, 2])):
            await self._say("setStatus", id=own, status="8" if cancel else "6")
        await self._say("getStatus", id=own)


class Contract:
    """A running harness between two providers, whose contract is learned anew whenever one of them changes."""

    def __init__(self, harness: Harness, old: Provider, new: Provider, client: Client) -> None:
        self._harness = harness
        self._old, self._new = old, new
        self._clients = Clients(client)

    async def anew(self, drifts: tuple[str, ...]) -> None:
        """Another attempt, in which new differs from old by these."""
        before = (str(FOUND[drift][0].get("drifts", "")) for drift in drifts)
        await self._old.change({**PLAIN, "drifts": ",".join(filter(None, before))})
        await self._new.change({**PLAIN, "drifts": ",".join(drifts)})
        await self._harness.act("rollback")
        await self._harness.act("restart")

    async def traffic(self, rounds: int) -> None:
        """So many rounds, all of them written."""
        for _ in range(rounds):
            await self._clients.round()
        await asyncio.sleep(0.7)  # the ledger writes every half second

    async def shows(self, drifts: tuple[str, ...], rounds: int) -> set[str]:
        """Those of the drifts that were found within so many rounds of traffic."""
        shown: set[str] = set()
        for _ in range(rounds):
            await self._clients.round()
            found = await self.found()  # of what was written so far
            shown |= {drift for drift in drifts if any(is_told(one, FOUND[drift][1]) for one in found)}
            if shown == {*drifts}:
                break
        return shown

    async def found(self) -> list[Difference]:
        """The differences so far."""
        return await asyncio.to_thread(self._differences)

    def _differences(self) -> list[Difference]:
        store = Store(self._harness.state)
        try:
            return store.differences("e2e")
        finally:
            store.close()


def test_every_drift_has_its_turn() -> None:
    """Each that can be found is looked for, once."""
    assert sorted(drift for drifts in TOGETHER for drift in drifts) == sorted(FOUND)


@pytest.mark.timeout(300)
async def test_every_drift_is_found_and_nothing_else(tmp_path: Path) -> None:
    """One harness, one new provider that answers in some ways after others as old never does: each is found, by its
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
        await contract.traffic(rounds=10)
        assert await contract.found() == []
        for drifts in TOGETHER:
            await contract.anew(drifts)
            missed += {*drifts} - await contract.shows(drifts, rounds=20)
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
