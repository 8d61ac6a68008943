"""Shadow copies: reads repeated to the arm that does not serve, after the client has been served."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from canary.core.model import Arm, Call, Failure, Request, Rollout
from canary.core.route import READS
from canary.gateway.asking import Arms, Asked

log = logging.getLogger(__name__)

WORKERS = 8

AFTER = 0.005
"""Seconds that a copy waits at least: the answer is with its client by then, also where both share a processor."""

MAX_WAITING = 64 * 1024 * 1024
"""Bytes of served answers that may wait to be compared."""


REST = 10.0
"""Seconds without copies after an answer that was too large: reading many of these takes time from clients."""


@dataclass(frozen=True, slots=True)
class _Copy:
    arm: Arm
    request: Request
    call: Call
    served: Asked


class ShadowQueue:
    """A bounded queue with its own pools and timeout; what does not fit is dropped and counted.

    Args:
        arms: the shadow's own pools, apart from those that serve clients.
        size: copies that may wait.
        count: adds one to a named counter.
        compared: is told each pair of answers to the same call: the served one and its copy.
        noise: the share of shadowed calls that are repeated to the serving arm too, to learn what it does not
            answer alike twice.
    """

    def __init__(
        self,
        arms: Arms,
        size: int,
        count: Callable[[str], None],
        compared: Callable[[Call, Asked, Asked], Awaitable[None]],
        noise: float = 0.0,
    ) -> None:
        self._arms = arms
        self._queue: asyncio.Queue[_Copy] = asyncio.Queue(size)
        self._bytes = 0
        self._count = count
        self._compared = compared
        self._noise = noise
        self._rests_until = float("-inf")
        self._shadowed: defaultdict[str, Share] = defaultdict(Share)
        self._repeated: defaultdict[str, Share] = defaultdict(Share)

    def wants(self, call: Call, rollout: Rollout) -> bool:
        """Whether this call is in the shadowed share; exact over any stretch of an action's calls, with no draw.

        Each action has a share of its own: clients ask in rounds, and every tenth call of a round of two actions
        would always be the same one.
        """
        if call.effect not in READS or call.malformed:
            return False
        return self._shadowed[call.action].takes(rollout.shadow)

    def offer(self, arm: Arm, request: Request, call: Call, served: Asked) -> None:
        """Queue a copy of a served call, or drop it when the queue is full."""
        self._put(_Copy(arm, request, call, served))
        if served.response is not None and self._repeated[call.action].takes(self._noise):
            self._put(_Copy(served.arm, request, call, served))

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def run(self) -> None:
        """Send copies until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work())

    def _put(self, copy: _Copy) -> None:
        size = len(copy.served.content)
        if self._queue.full() or self._bytes + size > MAX_WAITING:
            self._count("shadow_dropped")
            return
        self._queue.put_nowait(copy)
        self._bytes += size

    async def _work(self) -> None:
        while True:
            copy = await self._queue.get()
            await asyncio.sleep(AFTER)
            self._bytes -= len(copy.served.content)
            try:
                await self._send(copy)
            except Exception:
                self._count("shadow_failed")
                log.exception("a shadow copy could not be sent")

    async def _send(self, copy: _Copy) -> None:
        if monotonic() < self._rests_until:
            self._count("shadow_dropped")
            return
        asked = await self._arms.ask(copy.arm, copy.request, copy.call)
        self._count("shadow_sent")
        if asked.response is None:
            self._count("shadow_failed")
        if asked.exchange.failure is Failure.TOO_LARGE:
            self._rests_until = monotonic() + REST
        await self._compared(copy.call, copy.served, asked)


_ROUNDING = 1e-9  # ten times 0.1 is less than 1


class Share:
    """Takes a share of what is offered: the first, and from then on exactly so many over any stretch, with no draw."""

    def __init__(self) -> None:
        self._credit: float | None = None

    def takes(self, share: float) -> bool:
        """Whether the next one is taken."""
        if not share:
            return False
        credit = 1.0 if self._credit is None else self._credit + share
        taken = credit >= 1 - _ROUNDING
        self._credit = credit - taken
        return taken
