"""Several workers on one port, over real sockets: what one of them does the others act on, and none is missed."""

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from canary.sim.behaviour import Behaviour, Spread
from canary.sim.provider import Provider
from canary.store.store import Store
from tests.end_to_end.client import Client
from tests.end_to_end.customers import Customers
from tests.end_to_end.rig import Harness, policy
from tests.end_to_end.test_stopping import PATIENT, Slow
from tests.upstreams import ScriptedUpstream
from tests.waiting import until

pytestmark = pytest.mark.end_to_end

WORKERS = ("--workers", "2")
HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
QUICK = Behaviour(
    id_start=1000, minimum_hold=0, code_delay=Spread(median=0.02), deposit="100000", success=0.9
)
LEASES = 150
LOSS = 0.5
"""Seconds of counts that a killed worker may take along."""

SLOW = 1.0
"""Seconds by which a busy machine may be late."""


def workers(harness: Harness) -> list[int]:
    """The processes that the harness has started."""
    children = Path(f"/proc/{harness.pid}/task/{harness.pid}/children").read_text(encoding="ascii")
    return [int(pid) for pid in children.split()]


def alive(pid: int) -> bool:
    """Whether a process is there, and no mere entry for its parent to read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def counted(samples: dict[str, float], name: str) -> float:
    """A metric's sum over its labels."""
    return sum(value for key, value in samples.items() if key.partition("{")[0] == name)


async def all_serve(harness: Harness, replaced: int) -> dict[str, float]:
    """Wait until so many were replaced and all serve; the metrics then."""
    async with asyncio.timeout(60):
        while True:
            found = await harness.samples()
            if (found["canary_workers"], found["canary_workers_replaced_total"]) == (2, replaced):
                return found
            await asyncio.sleep(0.1)


class Strangers(Customers):
    """Customers who open a connection for every call, so that each may be another worker's."""

    def __init__(self, url: str, total: int) -> None:
        super().__init__(url, total, clients=20)
        self.answered_at: list[float] = []

    async def _call(self, session: aiohttp.ClientSession, **params: str) -> tuple[str, str]:
        async with aiohttp.ClientSession() as alone:
            found = await super()._call(alone, **params)
        self.answered_at.append(monotonic())
        return found


@pytest.mark.parametrize(("place", "ingress"), [("sqlite", "mitmproxy"), ("postgresql", "asgi")])
async def test_a_lease_reaches_its_arm_through_every_worker(
    tmp_path: Path, request: pytest.FixtureRequest, place: str, ingress: str
) -> None:
    """Both arms issue the same ids, every call is a connection of its own, and a worker is killed amid the traffic:
    no call goes astray, no two clients see one id, each number shown is in the store, the worker is replaced, and the
    one metrics endpoint counts each call once."""
    kept: str | Path = tmp_path / "state.db"
    if place == "postgresql":
        kept = request.getfixturevalue("server").database()
    async with (
        Provider(QUICK, seed="old", log_size=10) as old,
        Provider(QUICK, seed="new", log_size=10) as new,
        Harness(
            tmp_path,
            policy(old.url, new.url, stages=HALF),
            (*WORKERS, "--ingress", ingress, "--state", str(kept)),
        ) as harness,
    ):
        customers = Strangers(harness.url, LEASES)
        _, killed_at = await asyncio.gather(customers.run(), _kill_one(harness, customers))
        at_rest, before = await all_serve(harness, replaced=1), len(customers.answered_at)
        at_risk = sum(killed_at - LOSS - SLOW < at < killed_at + SLOW for at in customers.answered_at)
        assert before - at_risk <= counted(at_rest, "canary_calls_total") <= old.books.calls + new.books.calls
        await customers.run(more=LEASES // 3)
        later = await harness.samples()
        for name in ("canary_calls_total", "canary_call_latency_seconds_count"):
            grown = counted(later, name) - counted(at_rest, name)
            assert grown == len(customers.answered_at) - before, "each call is counted once"
        assert (later["canary_misrouted_total"], later["canary_internal_errors_total"]) == (0, 0)
        await harness.act("rollback", "in effect at every worker when it is answered")
        assert (await harness.samples())["canary_weight"] == 0.0
        status = await harness.status()
        assert await harness.stop() == 0
    assert [lease.strangers for lease in customers.leases if lease.strangers] == []
    shown = {lease.id: lease.arm for lease in customers.leases}
    assert len(shown) == len(customers.leases), "no two clients see one id"
    assert len(shown) > 0.9 * customers.tries
    store = Store(kept)
    stored = {lease.visible_id: lease.arm.value for lease in store.load_live("e2e", 0.0)}
    store.close()
    assert shown.items() <= stored.items(), "each number shown is in the store"
    assert sum(arm["total"] for arm in status["leases"].values()) == len(stored)
    for provider in (old, new):
        assert provider.books.repeated == Counter(), "nothing was sent twice"
        assert provider.books.foreign == 0, "no arm was asked for an id that it never issued"


async def _kill_one(harness: Harness, customers: Customers) -> float:
    await customers.reached(LEASES // 2).wait()
    os.kill(random.Random(1).choice(workers(harness)), signal.SIGKILL)
    return monotonic()


async def test_sigterm_drains_all_workers(tmp_path: Path) -> None:
    """Purchases that wait for a slow arm at several workers are answered, and counted; nobody else is let in."""
    slow = Slow()
    async with (
        ScriptedUpstream(otherwise=slow) as old,
        ScriptedUpstream(otherwise=slow) as new,
        Harness(
            tmp_path, policy(old.url, new.url, stages=HALF, old=PATIENT, new=PATIENT), WORKERS
        ) as harness,
        Client(harness.url) as client,
    ):
        started = workers(harness)
        buying = [asyncio.create_task(client.buy()) for _ in range(24)]
        await slow.reached(24)
        stopping = asyncio.create_task(harness.stop())
        await client.is_refused()
        assert not any(task.done() for task in [*buying, stopping])
        slow.go_on.set()
        answers = await asyncio.gather(*buying)
        assert await stopping == 0
    assert not any(map(alive, started))
    assert all(answer.bought for answer in answers)
    store = Store(harness.state)
    assert sum(counts.total() for counts in store.lease_counts("e2e").values()) == 24
    assert sum(tally.calls for tally in store.tallies("e2e").values()) == len(client.answers)
    store.close()


async def test_workers_do_not_outlive_their_parent(tmp_path: Path) -> None:
    """After kill -9 of the parent no worker is left: each ends by itself, and the port is free for the next start."""
    nobody = policy("http://127.0.0.1:9/old", "http://127.0.0.1:9/new", stages=HALF)
    async with Harness(tmp_path, nobody, WORKERS) as harness:
        started = workers(harness)
        assert len(started) == 2
        await harness.kill()
        await until(lambda: not any(map(alive, started)))
        await harness.start()  # at the same port
        assert await harness.stop() == 0


async def test_a_worker_that_cannot_begin_is_told_of(tmp_path: Path) -> None:
    """The start fails with the worker's own sentence, and nothing is left running."""
    nobody = policy("http://127.0.0.1:9/old", "http://127.0.0.1:9/new", stages=HALF)
    harness = Harness(tmp_path, nobody, (*WORKERS, "--record", str(tmp_path / "nowhere" / "calls")))
    with pytest.raises(AssertionError, match="calls cannot be written: No such file or directory"):
        await harness.start()
    assert "Traceback" not in "".join(harness.output)
