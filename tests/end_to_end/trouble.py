"""A store that is lost and comes back, as a client with known leases lives through it."""

import asyncio
from math import inf

import aiohttp

from tests.end_to_end.client import Answer, Client
from tests.end_to_end.rig import Harness


async def keep_their_arms(client: Client, known: dict[str, Answer], within: float = inf) -> None:
    """Each known lease is answered by the arm that sold it, in so many seconds."""
    for arm, lease in known.items():
        asked = await client.status_of(lease)
        assert (asked.text, asked.arm) == ("STATUS_WAIT_CODE", arm)
        assert asked.took < within


async def until_it_is_known(
    harness: Harness, client: Client, known: dict[str, Answer], within: float = inf
) -> None:
    """Until the harness knows that its store is lost; known leases are asked for all the while."""
    async with asyncio.timeout(60):
        while (await harness.samples())["canary_flush_failures_total"] == 0:
            await keep_their_arms(client, known, within)


async def until_it_is_over(
    harness: Harness, client: Client, known: dict[str, Answer], within: float = inf
) -> None:
    """Until it is ready again; known leases are asked for all the while."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            await keep_their_arms(client, known, within)
            async with session.get(harness.admin + "/readyz") as answer:
                if answer.status == 200:
                    return
