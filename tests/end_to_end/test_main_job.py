"""The main job: thousands of leases split between two live endpoints, and not one call astray."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from canary.sim.behaviour import Behaviour, Spread
from canary.sim.lease import State
from canary.sim.provider import Provider
from tests.end_to_end.customers import Bought, Customers
from tests.end_to_end.rig import Harness, policy

pytestmark = pytest.mark.end_to_end

LEASES = 10_000
STAGES = [
    {"name": f"s{weight}", "weight": f"{weight}%", "hold": "24h"} for weight in (10, 15, 20, 25, 30, 35)
]


@pytest.mark.timeout(400)
async def test_ten_thousand_leases_survive_weights_rollback_and_kill(tmp_path: Path) -> None:
    """Both arms issue the same ids, the weight moves five times, a rollback comes, kill -9 in the middle: every
    call of every lease reaches the arm that sold it, ids are unique, and each number shown is in the store."""
    behaviour = Behaviour(
        id_start=1000, minimum_hold=0, code_delay=Spread(median=0.02), deposit="100000", success=0.9
    )
    async with (
        Provider(behaviour, seed="old", log_size=10) as old,
        Provider(behaviour, seed="new", log_size=10) as new,
        Harness(tmp_path, policy(old.url, new.url, stages=STAGES)) as harness,
    ):
        customers = Customers(harness.url, LEASES, clients=50)
        await asyncio.gather(customers.run(), _disturb(harness, customers))
        status = await harness.status()
        assert await harness.stop() == 0
        arms = {"old": old, "new": new}
        _no_call_astray(customers.leases, arms)
        _unique_and_stored(customers.leases, harness.state)
        assert status["state"] == "rolled_back"
        assert status["hazards"].get("misrouted", 0) == 0
        for provider in arms.values():
            assert provider.books.repeated == Counter(), "nothing was sent twice"
            assert provider.books.foreign == 0, "no arm was asked for an id that it never issued"
    shares = Counter(lease.arm for lease in customers.leases)
    assert customers.unanswered <= 50, "only what was in flight at kill -9 got no answer"
    assert len(customers.leases) + customers.refused + customers.unanswered == LEASES
    assert 0.08 < shares["new"] / len(customers.leases) < 0.30


async def _disturb(harness: Harness, customers: Customers) -> None:
    """Five changes of the weight, kill -9 with a restart between them, and a rollback."""
    for number in range(1, 6):
        await customers.reached(LEASES * number // 7).wait()
        await harness.act("promote", f"step {number}")
        if number == 3:
            await harness.kill()
            await harness.start()
    await customers.reached(LEASES * 6 // 7).wait()
    await harness.act("rollback", "that was enough")


def _no_call_astray(leases: list[Bought], arms: dict[str, Provider]) -> None:
    """By the clients' word and by each provider's own books."""
    by_phone = {
        arm: {x.phone.lstrip("+"): x for x in provider.books.leases} for arm, provider in arms.items()
    }
    for lease in leases:
        assert lease.strangers == []
        sold = by_phone[lease.arm][lease.phone]
        assert lease.calls <= sold.calls <= lease.calls + lease.unsure
        if lease.cancelled and not sold.codes:
            assert sold.state is State.CANCELLED


def _unique_and_stored(leases: list[Bought], state: Path) -> None:
    assert len({lease.id for lease in leases}) == len(leases)
    with sqlite3.connect(state) as connection:
        rows = dict(connection.execute("SELECT visible_id, arm FROM leases"))
    assert {lease.id: lease.arm for lease in leases}.items() <= rows.items()
