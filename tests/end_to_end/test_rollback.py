"""A rollback from the command line on the state file alone: in effect within a second, whatever else is dead."""

import asyncio
from pathlib import Path
from time import time

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, canary, policy

pytestmark = pytest.mark.end_to_end

MOST = [{"name": "most", "weight": "90%", "hold": "24h"}]
QUICK = Behaviour(minimum_hold=0, deposit="100000")
WITHIN = 1.0
"""Seconds until no new lease goes to new."""

SLOW = 1.0
"""Seconds by which a busy machine may be late."""


async def test_a_rollback_is_in_effect_within_a_second(tmp_path: Path) -> None:
    """While the proxy runs under load, the command acts on its state file: soon no new lease is on new, those that
    are open finish there, and the record says who did it and why."""
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=MOST)) as harness,
        Client(harness.url) as client,
    ):
        lease = (await client.buy_from("new"))["new"]
        shopping = asyncio.create_task(_shop(client))
        ended = await canary(tmp_path, "rollback", "--state", "state.db", "--reason", "enough")
        assert (ended.code, ended.err) == (0, "")
        assert "rolled back" in ended.out
        [decision] = await harness.decisions()
        in_effect = decision["at"] + WITHIN + SLOW
        await asyncio.sleep(in_effect - time())
        await asyncio.gather(*(client.buy() for _ in range(40)))
        shopping.cancel()
        assert (decision["event"], decision["reason"], decision["after"]) == (
            "rollback",
            "enough",
            "rolled_back",
        )
        assert "(cli)" in decision["actor"]
        late = [answer for answer in client.answers if answer.began > in_effect]
        assert {answer.arm for answer in late} == {"old"}
        assert (await client.status_of(lease)).arm == "new"
        assert (await client.call("setStatus", id=lease.id, status="8")).text == "ACCESS_CANCEL"
        status = await harness.status()
    assert (status["state"], status["weight"], status["safe_arm"]) == ("rolled_back", 0.0, "old")


async def _shop(client: Client) -> None:
    while True:
        await client.buy()


async def test_a_rollback_with_everything_dead_holds_after_the_start(tmp_path: Path) -> None:
    """Proxy, controller and admin server were killed; the command works all the same, and they come back to it."""
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=MOST)) as harness,
        Client(harness.url) as client,
    ):
        lease = (await client.buy_from("new"))["new"]
        await harness.kill()
        ended = await canary(tmp_path, "rollback", "--state", "state.db")
        assert ended.code == 0, ended.err
        sold = len(new.books.leases)
        await harness.start()
        assert "weight=0%" in harness.output[-1]
        assert {(await client.buy()).arm for _ in range(20)} == {"old"}
        assert (await client.status_of(lease)).arm == "new"
        assert len(new.books.leases) == sold
