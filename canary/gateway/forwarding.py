"""Sends webhooks on to the client: in order per lease, again and again until each is taken or too old."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from canary.core.model import Headers
from canary.gateway.answers import ARM_HEADER
from canary.store.errors import StoreError
from canary.store.outbox import Message, Outbox

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between two looks at what is due, unless something came."""

AT_ONCE = 16
"""Messages that are sent at the same time."""

LONGEST_PAUSE = 60.0
"""Seconds between two tries, at most; the first pause is one second, and each doubles."""

MARGIN = 5.0
"""Seconds beyond the timeout after which another process may send what this one began to send."""

HOUSEKEEPING = 600.0
"""Seconds between two times that old rows are dropped."""

PARTING = 5.0
"""Seconds that a stop leaves for what is being sent."""


@dataclass(frozen=True, slots=True)
class Target:
    """The client's receiver. Its URL and headers may hold secrets. ``give_up``: seconds that a message is tried."""

    url: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    timeout: float = 10.0
    give_up: float = 86400.0
    arm_header: bool = True


def pause(tries: int) -> float:
    """Seconds until a message is sent again that was not taken for the ``tries``-th time."""
    return min(2.0 ** min(tries - 1, 10), LONGEST_PAUSE)


class Forwarding:
    """The sending half of one process. Others may send from the same outbox.

    Args:
        count: adds one to a named counter.
        clock: wall-clock seconds.
    """

    def __init__(
        self, outbox: Outbox, target: Target, count: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._outbox = outbox
        self._target = target
        self._count = count
        self._clock = clock
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._dropped_at = float("-inf")
        self._down = False
        self._session: aiohttp.ClientSession
        self._running: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something is to be sent."""
        self._woken.set()

    async def start(self) -> None:
        """Send what waits, and go on."""
        # a connection for each message: one that went stale while nothing came would cost a try
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=self._target.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._running = asyncio.create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        """Finish what is being sent if that is quick; the rest waits on disk. Harmless when it was never started."""
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=PARTING)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._send_due()
            except StoreError as error:
                log.warning("webhooks that wait could not be read: %s", error)
            except Exception:  # whatever it was, the next look must come
                log.exception("webhooks could not be sent on")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), BEAT)

    async def _send_due(self) -> None:
        now = self._clock()
        if now - self._dropped_at >= HOUSEKEEPING:
            self._dropped_at = now
            await asyncio.to_thread(self._outbox.forget, now)
        room = AT_ONCE - len(self._sending)
        for message in await asyncio.to_thread(self._outbox.due, now, room) if room else ():
            if await asyncio.to_thread(self._outbox.claim, message, now + self._target.timeout + MARGIN):
                task = asyncio.create_task(self._deliver(message))
                self._sending.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._woken.set()  # the next of its lane may go

    async def _deliver(self, message: Message) -> None:
        why = await self._send(message)
        try:
            await self._settle(message, why)
        except StoreError as error:
            log.warning(
                "what became of webhook %d could not be written, it is sent again: %s", message.serial, error
            )

    async def _settle(self, message: Message, why: str) -> None:
        now = self._clock()
        self._tell(why)
        if not why:
            await asyncio.to_thread(self._outbox.delivered, message, now)
            self._count("webhooks_forwarded")
        elif now - message.at >= self._target.give_up:
            await asyncio.to_thread(self._outbox.delivered, message, now)
            self._count("webhooks_given_up")
            log.error(
                "webhook %d of %s was given up after %d tries: %s",
                message.serial,
                message.arm,
                message.tries,
                why,
            )
        else:
            await asyncio.to_thread(self._outbox.put_off, message, now + pause(message.tries + 1))
            self._count("webhooks_put_off")

    def _tell(self, why: str) -> None:
        """One line when the client stops taking webhooks, and one when it takes them again."""
        if why and not self._down:
            log.warning("the client did not take a webhook (%s); it is sent again until it does", why)
        elif self._down and not why:
            log.warning("the client takes webhooks again")
        self._down = bool(why)

    async def _send(self, message: Message) -> str:
        """Post it; an empty string when it was taken, else why not. The URL is a secret and in no message."""
        headers = [
            *self._target.headers,
            ("X-Forwarded-For", message.source),
            ("X-Canary-Delivery", str(message.serial)),
        ]
        if message.content_type:
            headers.append(("Content-Type", message.content_type))
        if self._target.arm_header:
            headers.append((ARM_HEADER, message.arm))
        try:
            async with self._session.post(
                self._target.url, data=message.body, headers=headers, allow_redirects=False
            ) as answer:
                return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__
