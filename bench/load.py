"""The load generator: a fixed number of clients, each waiting for its reply before it asks again."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from bench.figures import Sample
from bench.mix import KEY, Script, Step, lease
from bench.wire import Connection, Target, WireError

PAUSE = 0.05
"""Seconds that a client rests after an error, so that a peer that fails is not hammered."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How calls are made.

    ``close``: a connection per call, as most real clients do. ``rate``: calls per second at most, over all
    clients; ``None``: each as fast as it is answered. ``limit``: calls at most, which also bounds the local
    ports that close clients use up.
    """

    close: bool
    seconds: float
    clients: int = 32
    limit: int = 20_000
    rate: float | None = None
    script: Callable[[], Script] = lease

    @property
    def name(self) -> str:
        return "close" if self.close else "keep-alive"


async def drive(target: Target, shape: Shape) -> Sample:
    """Load ``target`` and tell what was seen."""
    run = _Run(target, shape)
    async with asyncio.TaskGroup() as clients:
        for number in range(shape.clients):
            clients.create_task(run.client(number))
    return Sample(perf_counter() - run.began, dict(run.latencies), run.errors)


class _Run:
    def __init__(self, target: Target, shape: Shape) -> None:
        self._target = target
        self._shape = shape
        self._taken = 0
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.began = perf_counter()

    async def client(self, number: int) -> None:
        """Walk one lease after the other until time or calls are used up."""
        client = _Client(self._target, close=self._shape.close)
        slots = self._slots(number)
        while self._more():
            try:
                await self._walk(client, slots)
            except (OSError, WireError) as error:
                self.errors[str(error) if isinstance(error, WireError) else type(error).__name__] += 1
                client.close()
                await asyncio.sleep(PAUSE)
        client.close()

    async def _walk(self, client: "_Client", slots: "itertools.count[float]") -> None:
        script = self._shape.script()
        step = next(script, None)
        while step is not None and self._more():
            if self._shape.rate is not None:
                await asyncio.sleep(next(slots) - perf_counter())
            self._taken += 1
            step = await self._step(client, script, step)

    async def _step(self, client: "_Client", script: Script, step: Step) -> Step | None:
        query, expected = step
        began = perf_counter()
        arm, body = await client.ask(query, expected)
        self.latencies[arm].append(perf_counter() - began)
        try:
            return script.send(body)
        except StopIteration:
            return None

    def _slots(self, number: int) -> "itertools.count[float]":
        """The times at which this client calls; the clients' slots interleave evenly."""
        rate = self._shape.rate or 1.0
        return itertools.count(self.began + number / rate, self._shape.clients / rate)

    def _more(self) -> bool:
        return self._taken < self._shape.limit and perf_counter() - self.began < self._shape.seconds


class _Client:
    def __init__(self, target: Target, *, close: bool) -> None:
        self._target = target
        self._close = close
        self._connection: Connection | None = None

    async def ask(self, query: str, expected: bytes) -> tuple[str, bytes]:
        """One call: the arm that served it, and the body.

        Raises:
            OSError: the connection could not be opened.
            WireError: there was no reply, or not a right one.
        """
        connection = self._connection or await Connection.open(self._target)
        self._connection = connection
        request = self._target.request(f"api_key={KEY}&{query}", close=self._close)
        answer = await connection.ask(request)
        if self._close or answer.closes:
            self.close()
        if answer.status != 200 or not answer.body.startswith(expected):
            raise WireError(f"HTTP {answer.status} {answer.body[:40].decode('latin-1')}")
        return answer.arm, answer.body

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
