"""One worker as its supervisor sees it: a process and a channel to it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Sequence
from itertools import chain
from time import monotonic
from typing import Any, Self

from canary.workers.channel import Channel
from canary.workers.job import Ask, Failed, Job, Order, Told
from canary.workers.siblings import Line

START = 60.0
"""Seconds in which a worker must be ready."""

ANSWER = 2.0
"""Seconds that a question waits for its answer; a worker that is busy is then known by its last one."""


class WorkerError(Exception):
    """A worker could not begin; the message says why."""


class Worker:
    """A running worker.

    Attributes:
        number: its place, from 0.
        facts: what it told last; ``None`` before the first time.
        heard_at: when it said something last (monotonic seconds).
    """

    def __init__(self, number: int, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.number = number
        self.facts: Any = None
        self.heard_at = monotonic()
        self._process = process
        self._channel = channel
        self._questions: deque[asyncio.Future[None]] = deque()
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def begin(cls, number: int, job: Job, inherit: Sequence[int], lines: Sequence[Line]) -> Self:
        """Start a worker and wait until it serves.

        Args:
            inherit: file descriptors that it has under the same numbers.
            lines: what workers tell each other over, by number.

        Raises:
            WorkerError: it could not begin.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = (sys.executable, "-P", "-m", "canary.workers.child", str(theirs.fileno()))
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *inherit, *chain.from_iterable(lines)),
                # this program, wherever it was found, and nothing that happens to lie in the working directory
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        worker = cls(number, process, await Channel.over(ours))
        try:
            await worker._get_ready(Order(number, job, tuple(lines)))
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def _get_ready(self, order: Order) -> None:
        try:
            async with asyncio.timeout(START):
                await self._channel.send(order)
                said = await self._channel.receive()
        except TimeoutError:
            raise WorkerError(f"worker {self.number} was not ready within {START:g} s") from None
        except (EOFError, OSError):
            code = await self._process.wait()
            raise WorkerError(
                f"worker {self.number} ended before it was ready ({how_it_ended(code)})"
            ) from None
        if isinstance(said, Failed):
            raise WorkerError(said.why)
        self._listening = asyncio.create_task(self._listen(), name=f"worker {self.number}")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, *, anew: bool = False) -> None:
        """Have ``facts`` brought up to date; one that does not answer in time keeps its last.

        Args:
            anew: it looks first at what was changed elsewhere.
        """
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._questions.append(answered)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(ANSWER):
                await self._channel.send(Ask(anew))
                await answered

    async def _listen(self) -> None:
        with contextlib.suppress(EOFError):
            while True:
                said = await self._channel.receive()
                if not isinstance(said, Told):
                    continue
                self.facts, self.heard_at = said.facts, monotonic()
                if self._questions and not (question := self._questions.popleft()).done():
                    question.set_result(None)
        for question in self._questions:
            question.cancel()

    def terminate(self) -> None:
        """Ask it to finish what is in flight and end."""
        self._signal(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        await self.ended()

    def _signal(self, which: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(which)

    async def ended(self) -> str:
        """Wait for its end; how it came."""
        code = await self._process.wait()
        if self._listening is not None:
            await asyncio.wait([self._listening])  # its last words may still be on their way
        self._channel.close()
        return how_it_ended(code)


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
