"""Webhooks of a simulated provider: each message is posted to the account's URL until it answers 200."""

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp

from canary.sim.desk import Desk

BEAT = 0.05
"""Seconds between two looks for new messages."""

TRIES = 8
"""Times that a message is sent, as SMS-Activate does (protocol.md section 7)."""

PATIENCE = 3.0
"""Seconds that an answer may take, as at HeroSMS."""


class Postman:
    """Posts what its desk has to tell; ``behaviour.webhook`` says where, ``webhook_retry`` how often."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._walking: asyncio.Task[None] | None = None
        self._rounds: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession

    async def start(self) -> None:
        """Begin to look for messages."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self._walking = asyncio.create_task(self._walk(), name="webhooks of a provider")

    async def stop(self) -> None:
        """Give up what was not taken yet."""
        if self._walking is None:
            return
        tasks = [self._walking, *self._rounds]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    async def _walk(self) -> None:
        while True:
            for url, message in self._desk.webhooks():
                task = asyncio.create_task(self._deliver(url, message))
                self._rounds.add(task)
                task.add_done_callback(self._rounds.discard)
            await asyncio.sleep(BEAT)

    async def _deliver(self, url: str, message: dict[str, Any]) -> None:
        counts = self._desk.books.webhooks
        for n in range(TRIES):
            if n:
                await asyncio.sleep(self._desk.behaviour.webhook_retry)
            counts["sent"] += 1
            if await self._is_taken(url, message):
                counts["taken"] += 1
                return
        counts["given_up"] += 1

    async def _is_taken(self, url: str, message: dict[str, Any]) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with self._session.post(url, json=message, allow_redirects=False) as answer:
                return answer.status == 200
        return False
