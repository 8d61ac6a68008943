"""A running harness tells people of its decisions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.rig import KEYS, Harness, canary, policy

pytestmark = pytest.mark.end_to_end

NOTIFY = [{"env": "NIGHT_HOOK"}]
SECRET = "hook-0f1e2d3c4b5a"


@pytest.fixture
async def hook() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """A web hook: its apprise URL, and what is posted to it."""
    posted: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        posted.put_nowait(await request.json())
        return web.Response()

    application = web.Application()
    application.router.add_post(f"/{SECRET}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"json://127.0.0.1:{runner.addresses[0][1]}/{SECRET}", posted
    await runner.cleanup()


async def test_a_rollback_is_told(tmp_path: Path, hook: tuple[str, asyncio.Queue[dict[str, Any]]]) -> None:
    """Within seconds, also when it was made on the store by another process; the address is in no output."""
    url, posted = hook
    environ = {**KEYS, "NIGHT_HOOK": url}
    async with (
        Provider(Behaviour(), seed="old") as old,
        Provider(Behaviour(), seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, notify=NOTIFY), environ=environ) as harness,
    ):
        done = await canary(tmp_path, "rollback", "--state", str(harness.state), "--reason", "late codes")
        assert done.code == 0, done.err
        told = await asyncio.wait_for(posted.get(), 30)
        assert told["title"] == "canary e2e: rolled back"
        assert told["message"].startswith("late codes\n")
        assert told["type"] == "failure"
        assert await harness.stop() == 0
        assert SECRET not in "".join(harness.output)


async def test_an_address_that_is_not_set_stops_the_start(tmp_path: Path) -> None:
    """In one sentence with the place in the policy, exit code 2."""
    harness = Harness(tmp_path, policy("http://127.0.0.1:9/", "http://127.0.0.1:9/", notify=NOTIFY))
    with pytest.raises(AssertionError, match="ended before it was ready"):
        await harness.start()
    assert "notify.0: the environment variable NIGHT_HOOK is not set" in "".join(harness.output)
    assert "Traceback" not in "".join(harness.output)
