"""Everything as its users start it: two simulated providers, a harness, an operator and traffic, each a process."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from canary.gateway.config import SHIPPED
from tests.end_to_end.rig import KEYS, TOKEN, Harness, canary, environment

pytestmark = pytest.mark.end_to_end

QUICK = ("--set", "minimum_hold=0", "--set", "code_delay=200ms", "--set", "success=80%")
BUSY = (
    *("--rate", "25", "--duration", "3s", "--clients", "12"),
    *("--poll-interval", "250ms", "--patience", "1500ms", "--seed", "1"),
)
OLD = "https://api.sms-activate.org/stubs/handler_api.php"
NEW = "https://api.verifysms.app/compat/handler_api.php"
READY = re.compile(r"ready provider=(?P<provider>\S+) control=(?P<control>\S+)")


@asynccontextmanager
async def provider(folder: Path, profile: str, key: str) -> AsyncIterator[dict[str, str]]:
    """``canary sim provider``: its two addresses."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "canary", "sim", "provider", "--profile", profile),
        *("--seed", profile, "--key-env", key, *QUICK),
        cwd=folder,
        env=environment(KEYS),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        ready = READY.match(line.decode())
        assert ready, line
        yield ready.groupdict()
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def books(control: str) -> dict[str, Any]:
    """A provider's own record."""
    async with aiohttp.ClientSession() as session, session.get(f"{control}books?leases=0") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_the_parts_work_together_as_processes(tmp_path: Path) -> None:
    """The ready policy with two other addresses, promoted from the command line, under traffic: nothing goes astray,
    and traffic, providers and harness count the same leases and the same money."""
    policy = (SHIPPED / "canary-5pct.yaml").read_text(encoding="utf-8")
    async with (
        provider(tmp_path, "sms-activate", "OLD_SMS_KEY") as old,
        provider(tmp_path, "verifysms", "NEW_SMS_KEY") as new,
    ):
        policy = policy.replace(OLD, old["provider"]).replace(NEW, new["provider"])
        async with Harness(tmp_path, policy) as harness:
            operator = {**KEYS, "CANARY_ADMIN_TOKEN": TOKEN}
            for stage in ("canary", "quarter"):
                promoted = await canary(tmp_path, "promote", "--admin", harness.admin, environ=operator)
                assert f"in stage {stage}" in promoted.out, promoted
            traffic = await canary(tmp_path, "sim", "traffic", harness.url, *BUSY, "--json")
            assert traffic.code == 0, traffic
            report = json.loads(traffic.out)
            shown = await canary(tmp_path, "status", "--state", "state.db", "--json")
            status = json.loads(shown.out)
            kept = {"old": await books(old["control"]), "new": await books(new["control"])}
            assert await harness.stop() == 0
    assert report["consistent"]
    assert report["failures"] == {}
    assert report["arms"].keys() == {"old", "new"}
    for arm, record in kept.items():
        assert report["arms"][arm] == record["sold"] == status["leases"][arm]["total"]
        assert (record["foreign"], record["repeated"], record["lost"]) == (0, {}, 0)
    assert status["money"]["new"]["spent"] == pytest.approx(float(kept["new"]["spent"]))
    assert (status["state"], status["stage"], status["weight"]) == ("running", "quarter", 0.25)
