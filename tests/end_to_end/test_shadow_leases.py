"""Live shadow leases over kill -9: whatever was bought is given back, and no cap is passed."""

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.lease import State
from canary.sim.provider import Provider
from canary.store.store import Store
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, canary, policy
from tests.waiting import until

pytestmark = pytest.mark.end_to_end

PROFILE = {"name": "quick", "title": "Quick", "minimum_hold": "1s", "cost_headers": ["X-Cost"]}
SHADOW = {
    "leases": "live",
    "timeout": "2s",
    "budget": {"run": "$3.00", "day": "$3.00", "price": "$0.20"},
}
SOLD: dict[str, Any] = {"success": 0, "price": "0.20", "cost_header": "X-Cost", "minimum_hold": "1s"}


@pytest.mark.timeout(180)
async def test_kill_9_leaves_no_shadow_lease_uncancelled(tmp_path: Path) -> None:
    """Killed while purchases on new are under way, again and again: the last process gives back every number that any
    of them bought, those too whose answer nobody ever read; and new has sold no more than the money allows."""
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump(PROFILE))
    slow = changed(Behaviour(), {**SOLD, "latencies": {"getNumber": {"median": "150ms", "p95": "600ms"}}})
    async with (
        Provider(changed(Behaviour(), SOLD), seed="old") as old,
        Provider(slow, seed="new") as new,
    ):
        stages = [{"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "24h"}]
        asked = policy(old.url, new.url, stages=stages, shadow=SHADOW, new={"provider": "./quick.yaml"})
        async with Harness(tmp_path, asked) as harness:
            for _ in range(3):
                before = len(new.books.leases)
                async with Client(harness.url) as client:
                    bought = [asyncio.create_task(client.buy()) for _ in range(12)]
                    await until(lambda before=before: len(new.books.leases) > before)
                    await harness.kill()
                    await asyncio.gather(*bought, return_exceptions=True)
                await harness.start()
            sold = len(new.books.leases)
            store = Store(harness.state)
            book = store.shadow_book("e2e")
            await until(lambda: not book.due(float("inf")), within=90)
            store.close()
            assert len(new.books.leases) >= sold > 0
            assert Counter(lease.state for lease in new.books.leases) == {
                State.CANCELLED: len(new.books.leases)
            }
            status = await harness.status()
            assert await harness.stop() == 0
        spent = new.books.spent
        assert spent <= Decimal("3.00")
        assert Decimal(str(status["shadow"]["spent"])) >= spent


async def test_a_stop_from_the_command_line_is_in_force_at_once(tmp_path: Path) -> None:
    """While the harness runs: no further number is bought on new, and clients notice nothing."""
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump(PROFILE))
    async with (
        Provider(changed(Behaviour(), SOLD), seed="old") as old,
        Provider(changed(Behaviour(), SOLD), seed="new") as new,
    ):
        stages = [{"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "24h"}]
        asked = policy(old.url, new.url, stages=stages, shadow=SHADOW, new={"provider": "./quick.yaml"})
        async with Harness(tmp_path, asked) as harness, Client(harness.url) as client:
            assert (await client.buy()).bought
            await until(lambda: len(new.books.leases) == 1)
            stopped = await canary(tmp_path, "shadow", "stop", "--state", "state.db", "--reason", "enough")
            assert stopped.code == 0
            for _ in range(3):
                assert (await client.buy()).bought
            name = "canary_shadow_leases_refused_total"
            async with asyncio.timeout(20):
                while (await harness.samples()).get(name, 0) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert len(new.books.leases) == 1
