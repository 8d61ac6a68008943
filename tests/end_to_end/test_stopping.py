"""Stopping gently loses nothing; stopping hard loses no lease and at most the last second of counts."""

import asyncio
from collections import Counter
from pathlib import Path
from time import time

import aiohttp
import pytest

from canary.sim.behaviour import Behaviour, Spread
from canary.sim.provider import Provider
from tests.end_to_end import state
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy
from tests.upstreams import Heard, ScriptedUpstream, Wire, response

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
QUICK = Behaviour(minimum_hold=0, deposit="100000", latency=Spread(median=0.005, p95=0.02))
PURCHASES = 24
LOSS = 1.0
"""Seconds of counts that kill -9 may cost."""

SLOW = 1.0
"""Seconds by which a busy machine may be late."""


async def test_sigterm_finishes_what_is_in_flight(tmp_path: Path, ingress: tuple[str, str]) -> None:
    """Purchases that wait for a slow arm are answered, written and counted; new connections are refused at once."""
    slow = Slow()
    async with (
        ScriptedUpstream(otherwise=slow) as old,
        ScriptedUpstream(otherwise=slow) as new,
        Harness(
            tmp_path, policy(old.url, new.url, stages=HALF, old=PATIENT, new=PATIENT), ingress
        ) as harness,
        Client(harness.url) as client,
    ):
        buying = [asyncio.create_task(client.buy()) for _ in range(PURCHASES)]
        await slow.reached(PURCHASES)
        stopping = asyncio.create_task(harness.stop())
        await client.is_refused()
        assert not any(task.done() for task in buying)
        assert not stopping.done()
        slow.go_on.set()
        answers = await asyncio.gather(*buying)
        assert await stopping == 0
    assert all(answer.bought for answer in answers)
    assert state.leases(harness.state) == {answer.id: answer.arm for answer in answers}
    assert state.calls(harness.state) == Counter((answer.arm, answer.action) for answer in client.answers)


PATIENT = {"timeout": "30s"}


class Slow:
    """Answers purchases when ``go_on`` is set, and everything else at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self._waiting = 0
        self._changed = asyncio.Condition()

    async def __call__(self, wire: Wire, heard: Heard) -> None:
        if heard.action != "getNumber":
            await wire.send(response("ACCESS_BALANCE:1"))
            return
        async with self._changed:
            self._waiting += 1
            number = self._waiting
            self._changed.notify_all()
        await self.go_on.wait()
        await wire.send(response(f"ACCESS_NUMBER:{number}:7900000{number}"))

    async def reached(self, count: int) -> None:
        """Wait until ``count`` purchases wait."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting >= count)


class Crowd:
    """Customers who buy, ask and cancel without a pause until nobody listens any more."""

    def __init__(self, client: Client, size: int = 12) -> None:
        self.answers = client.answers
        self._client = client
        self._size = size
        self._busy = asyncio.Event()

    async def run(self) -> None:
        """Until the last of them is refused."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._size):
                group.create_task(self._one())

    async def has_bought(self) -> None:
        """Wait until the crowd has been at it for a while."""
        await self._busy.wait()

    async def _one(self) -> None:
        while True:
            try:
                lease = await self._client.buy()
                if lease.bought:
                    await self._client.status_of(lease)
                    await self._client.call("setStatus", id=lease.id, status="8")
            except aiohttp.ClientConnectorError:
                return
            except aiohttp.ClientError:
                continue  # cut before it was read: what an arm saw is counted at its books
            if len(self.answers) > 300:
                self._busy.set()


@pytest.mark.parametrize("keep_alive", [False, True], ids=["close", "keep-alive"])
async def test_sigterm_under_load_loses_nothing(
    tmp_path: Path, ingress: tuple[str, str], keep_alive: bool
) -> None:
    """Every call that a provider saw was answered to its client, and the store counts the same as the clients."""
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF), ingress) as harness,
        Client(harness.url, keep_alive=keep_alive) as client,
    ):
        crowd = Crowd(client)
        running = asyncio.create_task(crowd.run())
        await crowd.has_bought()
        assert await harness.stop() == 0
        await running
        assert old.books.calls + new.books.calls == len(crowd.answers)
    bought = [answer for answer in crowd.answers if answer.bought]
    assert state.leases(harness.state) == {answer.id: answer.arm for answer in bought}
    assert state.calls(harness.state) == Counter((answer.arm, answer.action) for answer in crowd.answers)
    assert len(state.rows(harness.state, "SELECT id FROM leases WHERE state = 'refunded'")) == sum(
        answer.text == "ACCESS_CANCEL" for answer in crowd.answers
    )


async def test_kill_9_loses_no_lease_and_one_second_of_counts(
    tmp_path: Path, ingress: tuple[str, str]
) -> None:
    """Each number that a client was shown is in the store and keeps its arm; counts lack the last second at most."""
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF), ingress) as harness,
        Client(harness.url) as client,
    ):
        crowd = Crowd(client)
        running = asyncio.create_task(crowd.run())
        await crowd.has_bought()
        await asyncio.sleep(2 * LOSS)  # so that there is something to have been written
        await harness.kill()
        killed = time()
        await running
        bought = [answer for answer in crowd.answers if answer.bought]
        stored = state.leases(harness.state)
        assert {answer.id: answer.arm for answer in bought}.items() <= stored.items()
        early = sum(answer.began + answer.took < killed - LOSS - SLOW for answer in crowd.answers)
        assert early <= state.calls(harness.state).total() <= old.books.calls + new.books.calls
        await harness.start()
        for answer in bought[:5] + bought[-5:]:
            assert (await client.status_of(answer)).arm == answer.arm
        assert old.books.foreign + new.books.foreign == 0
        assert old.books.repeated + new.books.repeated == {}
