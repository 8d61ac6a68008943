"""Shadow copies: reads repeated to the arm that does not serve, after the client has been served."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from canary.core.compare import Difference, Seen, compare
from canary.core.model import Arm, Call, Request, Rollout
from canary.core.route import READS
from canary.gateway.asking import Arms, Asked

log = logging.getLogger(__name__)

WORKERS = 8


@dataclass(frozen=True, slots=True)
class _Copy:
    arm: Arm
    request: Request
    call: Call
    served: Seen


class ShadowQueue:
    """A bounded queue with its own pools and timeout; what does not fit is dropped and counted.

    Args:
        arms: the shadow's own pools, apart from those that serve clients.
        size: copies that may wait.
        count: adds one to a named counter.
        found: is told each difference.
    """

    def __init__(
        self,
        arms: Arms,
        size: int,
        count: Callable[[str], None],
        found: Callable[[Difference], None],
    ) -> None:
        self._arms = arms
        self._queue: asyncio.Queue[_Copy] = asyncio.Queue(size)
        self._count = count
        self._found = found
        self._credit = 0.0

    def wants(self, call: Call, rollout: Rollout) -> bool:
        """Whether this call is in the shadowed share; exact over any stretch of calls, with no draw."""
        if call.effect not in READS or call.malformed or not rollout.shadow:
            return False
        self._credit += rollout.shadow
        if self._credit < 1:
            return False
        self._credit -= 1
        return True

    def offer(self, arm: Arm, request: Request, call: Call, asked: Asked) -> None:
        """Queue a copy of a served call, or drop it when the queue is full."""
        try:
            self._queue.put_nowait(_Copy(arm, request, call, seen(asked)))
        except asyncio.QueueFull:
            self._count("shadow_dropped")

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def run(self) -> None:
        """Send copies until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            copy = await self._queue.get()
            try:
                await self._send(copy)
            except Exception:
                self._count("shadow_failed")
                log.exception("a shadow copy could not be sent")

    async def _send(self, copy: _Copy) -> None:
        asked = await self._arms.ask(copy.arm, copy.request, copy.call)
        self._count("shadow_sent")
        if asked.response is None:
            self._count("shadow_failed")
        for difference in compare(copy.call, copy.served, seen(asked)):
            self._found(difference)


def seen(asked: Asked) -> Seen:
    """What the comparison needs of an answer."""
    response = asked.response
    return Seen(
        reply=asked.exchange.reply,
        status=asked.exchange.status,
        content_type=response.header("content-type") if response else "",
        content=asked.content,
    )
