"""Keeps a number of workers at work: replaces those that die, ends those that hang, drains all of them."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

from canary.workers.job import Job
from canary.workers.siblings import Lines
from canary.workers.worker import Worker, WorkerError

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two questions to each worker: of one that is killed, no more of its counts is lost."""

SILENCE = 30.0
"""Seconds after which a worker that says nothing is taken for hung, and killed."""

PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before each further replacement of a worker that does not live long."""

LONG = 60.0
"""Seconds that a worker must have lived to be replaced without a pause."""

FLUSH = 5.0
"""Seconds beside the drain that a worker may take for its end."""


class Supervisor:
    """Runs ``count`` workers.

    Args:
        inherit: file descriptors that every worker has under the same numbers, such as a listening socket.
        drain: seconds that a stop waits for what is in flight.
        buried: is given the last facts of each worker that has ended.
    """

    def __init__(
        self,
        count: int,
        job: Job,
        *,
        inherit: Sequence[int],
        drain: float,
        buried: Callable[[Any], None],
    ) -> None:
        self._count = count
        self._job = job
        self._inherit = inherit
        self._lines = Lines(count)
        self._drain = drain
        self._buried = buried
        self._alive: dict[int, Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.replaced = 0

    @property
    def alive(self) -> list[Worker]:
        """Those that serve."""
        return list(self._alive.values())

    async def start(self) -> None:
        """Start all workers; they serve when this returns.

        Raises:
            WorkerError: one could not begin; none is left running.
        """
        beginnings = (self._begin(number) for number in range(self._count))
        results = await asyncio.gather(*beginnings, return_exceptions=True)
        failed = next((one for one in results if one is not None), None)
        if failed is not None:
            await self.stop()
            raise failed
        self._tasks = [asyncio.create_task(self._keep(n), name=f"keeper {n}") for n in range(self._count)]
        self._tasks.append(asyncio.create_task(self._watch(), name="watch over workers"))

    async def facts(self, *, anew: bool = False) -> list[Any]:
        """What each worker that serves says now.

        Args:
            anew: they look first at what was changed elsewhere.
        """
        workers = self.alive
        await asyncio.gather(*(worker.ask(anew=anew) for worker in workers), return_exceptions=True)
        return [worker.facts for worker in workers if worker.facts is not None]

    async def stop(self) -> None:
        """End all workers gently, and after the drain's deadline not."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self._alive.values():
            worker.terminate()
        await asyncio.gather(*(self._end(worker) for worker in self.alive))
        self._lines.close()

    async def _end(self, worker: Worker) -> None:
        try:
            async with asyncio.timeout(self._drain + FLUSH):
                await worker.ended()
        except TimeoutError:
            log.error("worker %d did not end within %g s and is killed", worker.number, self._drain + FLUSH)
            await worker.kill()
        self._bury(worker)

    async def _begin(self, number: int) -> None:
        self._alive[number] = await Worker.begin(number, self._job, self._inherit, self._lines.descriptors)

    async def _keep(self, number: int) -> None:
        """See to it that there is a worker in this place."""
        pauses = _pauses()
        while True:
            began = monotonic()
            if (worker := self._alive.get(number)) is not None:
                how = await worker.ended()
                self._bury(worker)
                self.replaced += 1
                log.error("worker %d ended (%s); another one takes its place", number, how)
            if monotonic() - began > LONG:
                pauses = _pauses()
            await asyncio.sleep(next(pauses))
            try:
                await self._begin(number)
            except WorkerError as error:
                log.error("worker %d cannot be replaced yet: %s", number, error)

    def _bury(self, worker: Worker) -> None:
        del self._alive[worker.number]
        if worker.facts is not None:
            self._buried(worker.facts)

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await self.facts()
            for worker in self.alive:
                if monotonic() - worker.heard_at > SILENCE:
                    log.error("worker %d has said nothing for %g s and is killed", worker.number, SILENCE)
                    await worker.kill()
            await asyncio.sleep(EVERY)


def _pauses() -> Iterator[float]:
    return itertools.chain(PAUSES, itertools.repeat(PAUSES[-1]))
