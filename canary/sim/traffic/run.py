"""Runs a plan: starts leases in an open loop, lets them end, and reports."""

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from time import monotonic

from canary.sim.traffic.caller import Caller
from canary.sim.traffic.life import LeaseClient
from canary.sim.traffic.plan import TrafficPlan
from canary.sim.traffic.report import Life, Recorder, TrafficReport

DEFAULT_KEY = "simulated-client"


async def run_traffic(
    plan: TrafficPlan,
    url: str,
    *,
    key: str = DEFAULT_KEY,
    ca_file: str | Path = "",
    recorder: Recorder | None = None,
    stop: asyncio.Event | None = None,
) -> TrafficReport:
    """Make the traffic of ``plan`` at ``url`` and tell what it saw.

    Args:
        key: the clients' API key.
        ca_file: a certificate authority to trust for an https URL.
        recorder: where notes are taken, for a caller that watches.
        stop: no lease is begun once this is set; open ones are let go.
    """
    run = _Run(plan, recorder or Recorder(), stop or asyncio.Event())
    tls = ssl.create_default_context(cafile=str(ca_file)) if ca_file else None
    started = monotonic()
    async with AsyncExitStack() as stack:
        callers = [run.caller(number, url, key, tls) for number in range(plan.clients)]
        for caller in callers:
            stack.push_async_callback(caller.close)
        await run.go(callers)
    return run.recorder.report(monotonic() - started)


class _Run:
    def __init__(self, plan: TrafficPlan, recorder: Recorder, stop: asyncio.Event) -> None:
        self.recorder = recorder
        self._plan = plan
        self._stop = stop
        self._random = Random(None if plan.seed is None else f"{plan.seed}")  # noqa: S311  a simulation
        self._name = secrets.token_hex(4)
        self._styles = plan.styles()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()

    def caller(self, number: int, url: str, key: str, tls: ssl.SSLContext | None) -> Caller:
        """The HTTP side of one client."""
        plan, (_, style) = self._plan, self._styles[number]
        return Caller(
            url,
            key,
            self.recorder,
            name=f"{self._name}-{number}",
            post=self._random.random() < style.post,
            keep_alive=self._random.random() < style.keep_alive,
            timeout=plan.timeout,
            source=f"127.0.0.{1 + number % plan.sources}" if plan.sources > 1 else "",
            tls=tls,
        )

    async def go(self, callers: Sequence[Caller]) -> None:
        """Begin leases at their times, then wait for those that are open, and let go of what is left."""
        async with asyncio.TaskGroup() as group:
            await self._begin_all(group, callers)
            await self._drain()
            for task in self._tasks:
                task.cancel()

    async def _begin_all(self, group: asyncio.TaskGroup, callers: Sequence[Caller]) -> None:
        loop = asyncio.get_running_loop()
        start, at = loop.time(), 0.0
        while (at := at + self._random.expovariate(self._plan.rate)) <= self._plan.duration:
            if await self._stopped_within(start + at - loop.time()):
                return
            if self.recorder.open >= self._plan.max_open:
                self.recorder.skipped += 1
                continue
            self._begin(group, callers)

    async def _stopped_within(self, seconds: float) -> bool:
        if seconds <= 0:
            await asyncio.sleep(0)
            return self._stop.is_set()
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return False
        return True

    def _begin(self, group: asyncio.TaskGroup, callers: Sequence[Caller]) -> None:
        random, plan = self._random, self._plan
        number = random.randrange(len(callers))
        name, style = self._styles[number]
        life = Life(
            client=number,
            style=name,
            service=random.choice(plan.services),
            country=random.choice(plan.countries),
            action="getNumberV2" if random.random() < style.v2 else "getNumber",
        )
        own = Random(random.getrandbits(64))  # noqa: S311
        client = LeaseClient(plan, style, callers[number], self.recorder, life, own)
        self.recorder.lives.append(life)
        self.recorder.open += 1
        task = group.create_task(client.live())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.recorder.open -= 1
        if not self._tasks:
            self._idle.set()

    async def _drain(self) -> None:
        """Wait until nothing is open, we are told to stop, or the time for it is over."""
        if not self._tasks:
            return
        self._idle.clear()
        waits = [asyncio.create_task(event.wait()) for event in (self._idle, self._stop)]
        await asyncio.wait(waits, timeout=self._plan.drain_time, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
