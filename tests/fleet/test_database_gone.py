"""The database goes away under a running replica, by its end or in silence, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from canary.gateway.bindings import PATIENCE
from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from canary.store.store import Store
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy
from tests.end_to_end.trouble import keep_their_arms, until_it_is_known, until_it_is_over
from tests.forwarder import Forwarder
from tests.postgres import Server

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
QUICK = Behaviour(success=0, deposit="100000")

LONGEST = 25.0
"""Seconds that a purchase may wait when the database falls silent under it: less than clients wait for an answer."""

SLOW = 2.0
"""Seconds by which a busy machine may be late."""


@asynccontextmanager
async def stopped(server: Server, _way: Forwarder) -> AsyncIterator[None]:
    """The server has ended: connections are refused."""
    await asyncio.to_thread(server.stop)
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def silent(_server: Server, way: Forwarder) -> AsyncIterator[None]:
    """The way to it is half open: connections stand, and nothing is answered."""
    way.cut()
    yield
    way.mend()


@pytest.mark.parametrize("trouble", [stopped, silent])
async def test_clients_do_not_wait_for_a_lost_database(
    tmp_path: Path, server: Server, trouble: "type[stopped]"
) -> None:
    """Known leases keep their arm and are answered at once; a lease that only the database knows, and a purchase that
    it could not keep, are refused in time and reach no arm twice; when it is back both arms sell again, and all that
    clients were shown is in it, with every call counted."""
    with Forwarder(server.port) as way:
        await _story(tmp_path, server, way, trouble)


async def _story(tmp_path: Path, server: Server, way: Forwarder, trouble: "type[stopped]") -> None:
    there = server.database()
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(
            tmp_path,
            policy(old.url, new.url, stages=HALF),
            ("--state", there.replace(str(server.port), str(way.port))),
        ) as harness,
        Client(harness.url) as client,
    ):
        known = await client.buy_from("old", "new")
        async with trouble(server, way):
            lost = asyncio.gather(
                until_it_is_known(harness, client, known, SLOW), client.call("getStatus", id="424242")
            )
            surprised = await asyncio.gather(*(client.buy() for _ in range(6)))
            _, stranger = await lost
            assert (stranger.text, stranger.error) == ("ERROR_SQL", "store")
            assert stranger.took < PATIENCE + SLOW
            assert {(answer.text, answer.error) for answer in surprised} == {("ERROR_SQL", "store")}
            assert max(answer.took for answer in surprised) < LONGEST
            sent = [arm.books.by_action["getNumber"] for arm in (old, new)]
            refused = await client.buy()
            assert (refused.error, refused.took < SLOW) == ("store", True)
            assert [arm.books.by_action["getNumber"] for arm in (old, new)] == sent, (
                "nothing was bought for nobody"
            )
            await keep_their_arms(client, known, SLOW)
        await until_it_is_over(harness, client, known, SLOW)
        await client.buy_from("old", "new")
        assert await harness.stop() == 0
        assert old.books.repeated + new.books.repeated == {}
        assert old.books.foreign + new.books.foreign == 0
    store = Store(there)
    stored = {lease.visible_id: lease.arm.value for lease in store.load_live("e2e", 0.0)}
    tallied = sum(tally.calls for tally in store.tallies("e2e").values())
    store.close()
    shown = {answer.id: answer.arm for answer in client.answers if answer.bought}
    assert shown.items() <= stored.items()
    assert tallied >= sum(bool(answer.arm) for answer in client.answers)
