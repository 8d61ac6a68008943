"""Traffic recorded by a running harness, and replayed to another new."""

import json
from pathlib import Path

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, canary, policy
from tests.factories import CLIENT_KEY, NEW_KEY, OLD_KEY

pytestmark = pytest.mark.end_to_end


async def test_what_a_harness_records_is_replayed_to_new(tmp_path: Path) -> None:
    """Its reads are sent to new, and only these; no key is in the file; a drift of new is found by them."""
    file = tmp_path / "traffic.flows"
    async with (
        Provider(Behaviour(), seed="old") as old,
        Provider(Behaviour(drifts=frozenset({"countries_list"})), seed="new") as new,
    ):
        stages = [{"name": "shadow", "weight": "0%", "shadow": "0%"}]
        asked = policy(old.url, new.url, stages=stages)
        async with (
            Harness(tmp_path, asked, ("--record", str(file))) as harness,
            Client(harness.url) as client,
        ):
            bought = await client.buy()
            await client.status_of(bought)
            for _ in range(3):
                await client.call("getCountries")
                await client.call("getBalance")
            assert await harness.stop() == 0
        before = new.books.calls
        replayed = await canary(
            tmp_path, "replay", str(file), "--policy", "policy.yaml", "--rate", "100", "--json"
        )
        assert new.books.by_action == {"getCountries": 3, "getBalance": 3}
        assert (before, new.books.leases) == (0, [])
    found = json.loads(replayed.out)
    assert (replayed.code, found["sent"]) == (1, 6)
    assert [(one["action"], one["kind"]) for one in found["differences"]] == [("getCountries", "type")]
    content = file.read_bytes()
    for secret in (CLIENT_KEY, OLD_KEY, NEW_KEY, bought.phone):
        assert secret.encode() not in content
