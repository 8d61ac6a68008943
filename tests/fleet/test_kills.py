"""The main job by a fleet: proxies, the controller and the database die, and not one call goes astray."""

import asyncio
import contextlib
import os
import random
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from canary.sim.behaviour import Behaviour, Spread
from canary.sim.provider import Provider
from tests.end_to_end.rig import Harness, policy
from tests.fleet.rig import Control, Fleet, Hopping, fleet
from tests.postgres import Server

pytestmark = pytest.mark.end_to_end

LEASES = int(os.environ.get("CANARY_FLEET_LEASES", "1500"))
"""``CANARY_FLEET_LEASES=5000`` takes a few minutes."""

CLIENTS = 30

EVERY = 200
"""Purchases between two kills: about two seconds, in which the last victim may not be back yet."""

FEWEST = 4
"""Kills, however fast the purchases are made."""

STAGES = [{"name": "third", "weight": "33%", "hold": "24h"}]


@pytest.mark.timeout(600)
async def test_no_call_goes_astray_while_everything_dies(tmp_path: Path, server: Server) -> None:
    """Three proxies behind clients that change between them at every call, both arms issue the same ids, proxies and
    the controller are killed amid the traffic, and the database is restarted: every call of every lease reaches the
    arm that sold it, no two clients see one id, and each number shown is in the store."""
    behaviour = Behaviour(
        id_start=1000, minimum_hold=0, code_delay=Spread(median=0.02), deposit="100000", success=0.9
    )
    state = server.database()
    async with (
        Provider(behaviour, seed="old", log_size=10) as old,
        Provider(behaviour, seed="new", log_size=10) as new,
        fleet(tmp_path, policy(old.url, new.url, stages=STAGES), state) as running,
    ):
        customers = Hopping(running.urls, LEASES, CLIENTS)
        harm = asyncio.gather(_kill(running, customers), _restart(server, customers.reached(LEASES // 2)))
        await customers.run()
        while not harm.done():
            await customers.run(more=LEASES // 10)
        kills, _ = await harm
    with psycopg.connect(state) as connection:
        stored = dict(connection.execute("SELECT visible_id, arm FROM leases").fetchall())
    shown = {lease.id: lease.arm for lease in customers.leases}
    assert [lease.strangers for lease in customers.leases if lease.strangers] == []
    assert len(shown) == len(customers.leases), "no two clients see one id"
    assert shown.items() <= stored.items(), "each number shown is in the store"
    for provider in (old, new):
        assert provider.books.repeated == Counter(), "nothing was sent twice"
        assert provider.books.foreign == 0, "no arm was asked for an id that it never issued"
    print(  # noqa: T201  figures to look at
        f"{len(shown)} leases from {customers.tries} purchases, {kills} kills, one restart of the database; "
        f"{customers.unanswered} purchases without an answer, {customers.refused} refused, "
        f"{customers.without_store} calls answered that the store could not be asked; 0 astray, 0 ids twice"
    )
    assert len(customers.leases) > 0.7 * customers.tries
    assert Counter(shown.values())["new"] > 0.1 * len(shown)


async def _kill(running: Fleet, customers: Hopping) -> int:
    """A proxy or the controller, again and again until the end, and often enough; how often."""
    dice, kills = random.Random(7), 0
    alive: list[Harness | Control] = [*running.proxies, *running.controllers]
    async with asyncio.TaskGroup() as returning:
        while kills < FEWEST or customers.tries + EVERY < LEASES:
            await customers.reached(customers.tries + EVERY).wait()
            if not alive:
                continue
            kills += 1
            victim = alive.pop(dice.randrange(len(alive)))
            await victim.kill()
            returning.create_task(_started_again(victim)).add_done_callback(
                lambda _, victim=victim: alive.append(victim)
            )
    return kills


async def _started_again(victim: Harness | Control) -> None:
    """As a service manager does: again, when the database was away at that moment."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(AssertionError):
                await victim.start()
                return
            await asyncio.sleep(0.5)


async def _restart(server: Server, middle: asyncio.Event) -> None:
    """The database, when half of the purchases have been made."""
    await middle.wait()
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
