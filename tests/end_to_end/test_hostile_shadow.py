"""A shadow arm that hangs, resets, floods or answers without end: clients notice nothing, and memory stays bounded."""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy
from tests.upstreams import Heard, Play, ScriptedUpstream, Wire, hangs, huge, resets, says

pytestmark = pytest.mark.end_to_end

BALANCE = "ACCESS_BALANCE:1.50"
CALLS = 300
MOST = 200 * 2**20
"""Bytes by which the process may grow: what waits to be compared, and an answer at its limit for each worker."""


async def floods(wire: Wire, heard: Heard) -> None:
    """Chunks without end, as fast as they are taken."""
    await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        while True:
            await wire.send(chunk)


HOSTILE: dict[str, Play] = {
    "hangs": hangs,
    "resets": resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "floods": floods,
    "100 MB": huge(100 * 2**20),
    "100 MB of unknown length": huge(100 * 2**20, declared=False),
}


@asynccontextmanager
async def shadowing(folder: Path, play: Play) -> AsyncIterator[tuple[Harness, Client, ScriptedUpstream]]:
    """A harness that shadows every read to a new that plays this."""
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        old.otherwise = says(BALANCE)
        new.otherwise = play
        stages = [{"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "24h"}]
        asked = policy(old.url, new.url, stages=stages, shadow={"timeout": "2s", "queue": 50})
        async with Harness(folder, asked) as harness, Client(harness.url, keep_alive=True) as client:
            yield harness, client, new


def resident(pid: int, what: str = "VmRSS") -> int:
    """Bytes of memory that a process has, or (VmHWM) had at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise AssertionError(what)


@pytest.mark.parametrize("how", HOSTILE)
async def test_clients_notice_nothing_of_it(tmp_path: Path, how: str) -> None:
    """Every call is answered by old, none waits for new, and what new sends is let go of."""
    async with shadowing(tmp_path, HOSTILE[how]) as (harness, client, new):
        for _ in range(20):
            await client.call("getOperators")
        await new.has_heard(1)
        before = resident(harness.pid)
        for _ in range(CALLS):
            answer = await client.call("getBalance")
            assert (answer.text, answer.arm, answer.error) == (BALANCE, "old", "")
        # while new has not answered a single copy well, all of these were answered: nobody waited for it
        samples = await harness.samples()
        assert samples["canary_shadow_dropped_total"] + samples["canary_shadow_sent_total"] <= CALLS + 40
        took = [one.took for one in client.answers]
        assert statistics.median(took) < 1.0  # new's timeout is two seconds
        assert resident(harness.pid, "VmHWM") - before < MOST
        assert await harness.stop() == 0


async def test_clients_are_as_fast_as_without_it(tmp_path: Path) -> None:
    """The same harness, its new by turns well and hanging: the median call takes about as long. A client that waited
    for new would take a thousand times as long."""
    async with shadowing(tmp_path, says(BALANCE)) as (_, client, new):
        medians: dict[str, list[float]] = {"well": [], "hanging": []}
        for turn in range(8):
            how = ("well", "hanging")[turn % 2]
            new.otherwise = hangs if how == "hanging" else says(BALANCE)
            taken = [(await client.call("getBalance")).took for _ in range(100)]
            medians[how].append(statistics.median(taken))
        assert statistics.median(medians["hanging"]) < 10 * statistics.median(medians["well"])


async def test_a_shadow_arm_that_recovers_is_compared_again(tmp_path: Path) -> None:
    """What hung is given up after its timeout; the copies after it are sent."""
    async with shadowing(tmp_path, hangs) as (harness, client, new):
        for _ in range(80):
            await client.call("getBalance")
        new.otherwise = says(BALANCE)
        async with asyncio.timeout(30):
            while (await harness.samples())["canary_shadow_sent_total"] < 20:
                await client.call("getBalance")
                await asyncio.sleep(0.05)
