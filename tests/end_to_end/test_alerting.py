"""A real Prometheus watches a real harness with the exported rules, and an outage fires."""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, canary, policy
from tests.ports import free_port

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
WITHIN = 60.0
"""Seconds that an alert may take, with everything a hundred times as fast as in production."""


def quickened(rules: str) -> str:
    """The exported rules with short windows and waits, and otherwise as they are."""
    return re.sub(r"for: \S+", "for: 1s", re.sub(r"\[\d+[mh]\]", "[8s]", rules))


@asynccontextmanager
async def prometheus(folder: Path, admin: str, rules: str) -> AsyncIterator[str]:
    """A Prometheus that scrapes the admin address every second; its own address."""
    found = shutil.which("prometheus")
    if found is None:
        pytest.fail("this test needs Prometheus; install it with: apt-get install prometheus", pytrace=False)
    (folder / "rules.yaml").write_text(rules)
    target = {"job_name": "canary", "static_configs": [{"targets": [admin.removeprefix("http://")]}]}
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [target]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *(
            found,
            "--config.file=prometheus.yaml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={address}",
        ),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.kill()
        await process.wait()


async def firing(session: aiohttp.ClientSession, prometheus_url: str) -> set[str]:
    """The alerts that fire now; none while Prometheus is still starting."""
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(f"{prometheus_url}/api/v1/alerts") as answer:
            body: dict[str, Any] = await answer.json()
            return {one["labels"]["alertname"] for one in body["data"]["alerts"] if one["state"] == "firing"}
    return set()


async def customers(client: Client) -> None:
    """Purchases, one after the other, until cancelled."""
    while True:
        await client.buy()
        await asyncio.sleep(0.05)


async def test_an_outage_of_new_fires_its_alert(tmp_path: Path) -> None:
    """Nothing fires while all is well; when new answers with faults, the alert for new does, and not that for old."""
    healthy = Behaviour(minimum_hold=0, deposit="100000")
    async with (
        Provider(healthy, seed="old") as old,
        Provider(healthy, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF)) as harness,
        Client(harness.url) as client,
        aiohttp.ClientSession() as session,
    ):
        exported = await canary(tmp_path, "export", "alerts", "policy.yaml")
        assert exported.code == 0, exported.err
        buying = asyncio.create_task(customers(client))
        async with prometheus(tmp_path, harness.admin, quickened(exported.out)) as watching:
            async with asyncio.timeout(WITHIN):
                while not await scraped(session, watching):  # noqa: ASYNC110  Prometheus has no event
                    await asyncio.sleep(0.2)
            assert await firing(session, watching) == set()
            await new.change(html_error=1.0)
            seen: set[str] = set()
            async with asyncio.timeout(WITHIN):
                while "CanaryNewFailing" not in seen:
                    seen = await firing(session, watching)
                    await asyncio.sleep(0.2)
            assert "CanaryOldFailing" not in seen
        buying.cancel()
        await asyncio.gather(buying, return_exceptions=True)


async def scraped(session: aiohttp.ClientSession, prometheus_url: str) -> bool:
    """Whether Prometheus has seen calls to new for long enough to know their rate."""
    query = 'count_over_time(canary_calls_total{arm="new",action="getNumber",outcome="ok"}[1m]) > 4'
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(f"{prometheus_url}/api/v1/query", params={"query": query}) as answer:
            return bool((await answer.json())["data"]["result"])
    return False
