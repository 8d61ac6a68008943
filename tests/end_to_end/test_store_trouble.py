"""The store fails under the running harness: known leases keep their arm, nothing shown is lost, it recovers alone."""

import asyncio
import resource
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end import state
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy
from tests.end_to_end.trouble import keep_their_arms, until_it_is_known, until_it_is_over

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
QUICK = Behaviour(success=0, deposit="100000")


@asynccontextmanager
async def locked(harness: Harness) -> AsyncIterator[None]:
    """Another process holds the write lock."""
    connection = sqlite3.connect(harness.state, autocommit=True)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@asynccontextmanager
async def full(harness: Harness) -> AsyncIterator[None]:
    """The disk is full: no file of the process may grow."""
    before = resource.prlimit(harness.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(harness.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(harness.pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def moved_away(harness: Harness) -> AsyncIterator[None]:
    """Somebody moves the folder, and moves it back."""
    folder, elsewhere = harness.state.parent, harness.state.parent.with_name("elsewhere")
    folder.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(folder)


@pytest.mark.parametrize("trouble", [locked, full])
async def test_a_store_that_takes_nothing_costs_no_lease(
    tmp_path: Path, trouble: Callable[[Harness], AbstractAsyncContextManager[None]]
) -> None:
    """Leases bought before keep their arm; a number that cannot be made durable is not shown, and once the trouble
    is known none is bought; when it is over both arms sell again, and the store has all that clients saw."""
    async with scene(tmp_path) as (harness, client, arms):
        known = await client.buy_from("old", "new")
        async with trouble(harness):
            surprised = await asyncio.gather(*(client.buy() for _ in range(8)))
            assert {(answer.text, answer.error) for answer in surprised} == {("ERROR_SQL", "store")}
            await until_it_is_known(harness, client, known)
            sent = [arm.books.by_action["getNumber"] for arm in arms]
            refused = [await client.buy() for _ in range(8)]
            assert {(answer.text, answer.error) for answer in refused} == {("ERROR_SQL", "store")}
            assert [arm.books.by_action["getNumber"] for arm in arms] == sent
        await until_it_is_over(harness, client, known)
        await client.buy_from("old", "new")
        assert await harness.stop() == 0
        assert sum(arm.books.foreign for arm in arms) == 0
    shown = {answer.id: answer.arm for answer in client.answers if answer.bought}
    assert state.leases(harness.state) == shown
    answered = Counter((answer.arm, answer.action) for answer in client.answers if answer.arm)
    assert state.calls(harness.state) == answered


async def test_a_state_folder_that_is_moved_costs_no_lease(tmp_path: Path) -> None:
    """Whatever is shown while the folder is elsewhere is in it when it comes back."""
    async with scene(tmp_path) as (harness, client, _):
        known = await client.buy_from("old", "new")
        async with moved_away(harness):
            for _ in range(20):
                await keep_their_arms(client, known)
                assert (answer := await client.buy()).bought or answer.error == "store"
        await until_it_is_over(harness, client, known)
        await client.buy_from("old", "new")
        assert await harness.stop() == 0
    shown = {answer.id: answer.arm for answer in client.answers if answer.bought}
    assert state.leases(harness.state) == shown


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[tuple[Harness, Client, tuple[Provider, Provider]]]:
    """A harness with a folder of its own between two providers, and a client."""
    (folder / "state").mkdir()
    async with (
        Provider(QUICK, seed="old") as old,
        Provider(QUICK, seed="new") as new,
        Harness(folder / "state", policy(old.url, new.url, stages=HALF)) as harness,
        Client(harness.url) as client,
    ):
        yield harness, client, (old, new)
