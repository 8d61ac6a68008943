"""Codes that come by webhook, through a running harness: measured, told to the client, and never lost on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Answer, Client
from tests.end_to_end.rig import KEYS, Harness, policy
from tests.end_to_end.state import rows
from tests.hooks import Hook, hook
from tests.ports import free_port

pytestmark = pytest.mark.end_to_end

TOKENS = {"OLD_HOOK": "o" * 24, "NEW_HOOK": "n" * 24}
HALF = [{"name": "canary", "weight": "50%", "hold": "24h"}]


@dataclass
class World:
    """Two providers, a harness between, and a client with a receiver of its own."""

    harness: Harness
    client: Hook
    providers: dict[str, Provider]

    def address(self, arm: str) -> str:
        """The secret URL that an arm's provider is told."""
        ready = [line for line in self.harness.output if line.startswith("ready")][-1]
        return f"{ready.rpartition('webhooks=')[2].strip()}/webhooks/{arm}/{TOKENS[f'{arm.upper()}_HOOK']}"

    async def register(self) -> None:
        """Give each provider its URL, as one does in the account's settings."""
        for arm, provider in self.providers.items():
            await provider.change(webhook=self.address(arm))

    async def counted(self, what: str, least: int) -> None:
        """Wait until a counter of webhooks has come so far."""
        async with asyncio.timeout(30):
            while (await self.harness.samples())[f"canary_webhooks_{what}_total"] < least:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def post(self, address: str, body: bytes, **headers: str) -> int:
        """Send a webhook by hand; the status of the answer."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(address, data=body, headers=headers) as answer,
        ):
            return answer.status


@asynccontextmanager
async def world(
    folder: Path, client: Hook, arguments: tuple[str, ...] = (), **knobs: Any
) -> AsyncIterator[World]:
    """Everything running; ids of both providers collide. Several workers need a port that is known before."""
    section = {
        "listen": f"127.0.0.1:{free_port() if arguments else 0}",
        "arms": {
            "old": {"token": {"env": "OLD_HOOK"}, "sources": ["127.0.0.0/8"]},
            "new": {"token": {"env": "NEW_HOOK"}, "sources": "any"},
        },
        "forward": {"url": {"env": "CLIENT_HOOK"}, "headers": {"X-Team": "sms"}},
    }
    behaviour = Behaviour(
        **{"success": 1, "code_delay": "200ms", "webhook_retry": "200ms", "id_start": 1000} | knobs
    )
    async with Provider(behaviour, seed="old") as old, Provider(behaviour, seed="new") as new:
        harness = Harness(
            folder,
            policy(old.url, new.url, stages=HALF, webhooks=section),
            arguments,
            {**KEYS, **TOKENS, "CLIENT_HOOK": client.url},
        )
        async with harness:
            running = World(harness, client, {"old": old, "new": new})
            await running.register()
            yield running


async def told(client: Hook, *leases: Answer) -> dict[str, dict[str, Any]]:
    """What the client's receiver was told of these leases."""
    found: dict[str, dict[str, Any]] = {}
    while found.keys() < {lease.id for lease in leases}:
        message = json.loads(await client.next())
        found[str(message["activationId"])] = message
    return found


async def test_a_client_that_never_polls_succeeds(tmp_path: Path) -> None:
    """Its codes come by webhook under the ids that it knows, count as successes of their arm, and are no hazard."""
    async with hook() as client, world(tmp_path, client) as here, Client(here.harness.url) as buyer:
        bought = await buyer.buy_from("old", "new")
        leases = [answer for answer in buyer.answers if answer.bought]
        messages = await told(client, *leases)
        for arm, lease in bought.items():
            books = here.providers[arm].books
            of_phone = {one.phone: one for one in books.leases}
            assert messages[lease.id]["code"] == of_phone[lease.phone].code
        for lease in leases:
            finished = await buyer.call("setStatus", id=lease.id, status="6")
            assert finished.text == "ACCESS_ACTIVATION"
        await here.counted("forwarded", len(leases))
        assert (await here.harness.samples())["canary_webhooks_total"] == len(leases)
        assert (await here.harness.status())["webhooks"]["waiting"] == 0
        assert await here.harness.stop() == 0
    found = rows(here.harness.state, "SELECT state, code_at IS NOT NULL, result, visible_id = id FROM leases")
    assert {row[:3] for row in found} == {("succeeded", 1, "success")}
    assert any(not own for *_, own in found), "no id of theirs was another's alias"
    assert rows(here.harness.state, "SELECT name FROM hazards") == []
    assert rows(here.harness.state, "SELECT body FROM outbox") == [(b"",)] * len(leases)
    said = "".join(here.harness.output)
    secrets = [
        *TOKENS.values(),
        client.url,
        *(one.code for p in here.providers.values() for one in p.books.leases),
    ]
    assert not [secret for secret in secrets if secret in said]


async def test_a_message_outlives_a_kill(tmp_path: Path) -> None:
    """The client is down, the harness is killed and started again, the client comes back: it gets each message once
    and in order, byte for byte, under headers that tell arm and delivery."""
    bodies = [b'{"activationId": 424242,  "code":"%d"}' % n for n in range(3)]
    async with hook() as gone:
        port = int(gone.url.split(":")[2].split("/")[0])
    async with world(tmp_path, gone, success=0) as here:
        for body in bodies:
            assert await here.post(here.address("new"), body, **{"Content-Type": "application/x-own"}) == 200
        await here.counted("put_off", 1)
        assert (await here.harness.status())["webhooks"]["waiting"] == 3
        await here.harness.kill()
        async with hook(port) as back:
            await here.harness.start()
            assert [await back.next(30) for _ in bodies] == bodies
            _, headers = back.posts[0]
            kept = {
                name: headers[name] for name in ("content-type", "x-canary-arm", "x-team", "x-forwarded-for")
            }
            assert kept == {
                "content-type": "application/x-own",
                "x-canary-arm": "new",
                "x-team": "sms",
                "x-forwarded-for": "127.0.0.1",
            }
            assert len({headers["x-canary-delivery"] for _, headers in back.posts}) == 3
            # what the provider repeats, because its 200 was lost, is not sent again
            assert await here.post(here.address("new"), bodies[1]) == 200
            await here.counted("repeated", 1)
            assert back.bodies == bodies


async def test_several_workers_are_one_receiver(tmp_path: Path) -> None:
    """Whoever of them takes a webhook, and whoever answers the client: each code counts, and is told once."""
    async with hook() as client, world(tmp_path, client, arguments=("--workers", "2")) as here:
        leases = []
        for _ in range(8):
            async with Client(here.harness.url) as buyer:
                leases.append(await buyer.buy())
        messages = await told(client, *leases)
        for lease in leases:
            async with Client(here.harness.url) as buyer:
                assert (await buyer.call("setStatus", id=lease.id, status="6")).text == "ACCESS_ACTIVATION"
        await here.counted("forwarded", len(leases))
        assert len(messages) == len(client.posts) == len(leases)
        assert await here.harness.stop() == 0
    found = rows(here.harness.state, "SELECT state, code_at IS NOT NULL FROM leases")
    assert found == [("succeeded", 1)] * len(leases)
    assert rows(here.harness.state, "SELECT name FROM hazards") == []


async def test_who_has_no_token_is_nobody(tmp_path: Path) -> None:
    """A wrong token, the other arm's, another path, a foreign address: 404, counted, and the client hears nothing."""
    async with hook() as client, world(tmp_path, client) as here:
        body = b'{"activationId": 1, "code": "12345"}'
        base = here.address("old").rpartition("/")[0]
        wrong = [
            f"{base}/{'x' * 24}",
            f"{base}/{TOKENS['NEW_HOOK']}",
            f"{base.replace('old', 'both')}/x",
            base,
        ]
        assert [await here.post(one, body) for one in wrong] == [404] * 4
        assert await here.post(here.address("old"), b"x" * 100_000) == 413
        refused = (await here.harness.samples())["canary_webhooks_refused_total"]
        assert refused == 3
        assert client.posts == []
