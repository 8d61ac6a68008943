"""Delivers messages to one address, in order, again and again until each is taken or too old."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from canary.notify.message import Message

log = logging.getLogger(__name__)

PAUSES = (2.0, 10.0, 60.0, 300.0, 900.0)
"""Seconds before each further try; after the last the message is given up."""

WAITING = 100
"""Messages that may wait for an address; at more the oldest is given up."""

PARTING = 5.0
"""Seconds that a stop leaves for what waits."""

type Send = Callable[[Message], bool]
"""Sends, and says whether the message was taken; called in a thread."""


class Courier:
    """One address. Neither what it raises nor how long it takes concerns anybody else.

    Args:
        label: names the address in the log; never the address itself, which holds its secret.
    """

    def __init__(self, label: str, send: Send, pauses: Sequence[float] = PAUSES) -> None:
        self._label = label
        self._send = send
        self._pauses = pauses
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()
        self._walking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._walking = asyncio.create_task(self._walk(), name=f"notify {self._label}")

    def take(self, message: Message) -> None:
        """Deliver this when its turn comes."""
        while self._waiting.qsize() >= WAITING:
            self._give_up(self._waiting.get_nowait())
            self._waiting.task_done()
        self._waiting.put_nowait(message)

    async def stop(self) -> None:
        """Deliver what waits if that is quick, and end; harmless when it was never started."""
        if self._walking is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), PARTING)
        self._walking.cancel()
        await asyncio.gather(self._walking, return_exceptions=True)
        while not self._waiting.empty():
            self._give_up(self._waiting.get_nowait())

    async def _walk(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._deliver(message)
            finally:
                self._waiting.task_done()

    async def _deliver(self, message: Message) -> None:
        for pause in (*self._pauses, None):
            if await asyncio.to_thread(self._taken, message):
                return
            if pause is not None:
                await asyncio.sleep(pause)
        self._give_up(message)

    def _taken(self, message: Message) -> bool:
        try:
            return self._send(message)
        except Exception as error:
            log.warning("notify: %s raised %s", self._label, type(error).__name__)
            return False

    def _give_up(self, message: Message) -> None:
        log.error("notify: %s did not take %r; it was given up", self._label, message.title)
