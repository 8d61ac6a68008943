"""A fleet as processes: proxies, a controller, and customers who change between the proxies at every call."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.end_to_end.customers import Bought, Customers
from tests.end_to_end.rig import PATH, Harness, environment


@dataclass
class Control:
    """One ``canary controller`` process; it knows no keys.

    Attributes:
        role: in which it began.
    """

    folder: Path
    policy: Mapping[str, Any]
    state: str
    role: str = field(default="", init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start it and wait for its first tick."""
        file = self.folder / "controller.yaml"
        file.write_text(yaml.safe_dump(dict(self.policy)))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "canary", "controller", str(file), "--state", self.state),
            cwd=self.folder,
            env=environment({}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 30)
        assert line.startswith(b"ready controller="), line
        self.role = line.decode().split("role=")[1].strip()

    async def stop(self) -> None:
        """SIGTERM."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        await asyncio.wait_for(self._process.wait(), 30)


@dataclass
class Fleet:
    """Some proxies and controllers on one store."""

    proxies: list[Harness]
    controllers: list[Control]

    @property
    def urls(self) -> list[str]:
        """Where customers may go."""
        return [proxy.proxy + PATH for proxy in self.proxies]


@asynccontextmanager
async def fleet(
    folder: Path, policy: Mapping[str, Any], state: str, proxies: int = 3, controllers: int = 1
) -> AsyncIterator[Fleet]:
    """A fleet at work."""
    async with AsyncExitStack() as stack:
        control = [Control(folder, policy, state) for _ in range(controllers)]
        for one in control:
            stack.push_async_callback(one.stop)
        await asyncio.gather(*(one.start() for one in control))
        started = []
        for number in range(proxies):
            own = folder / f"proxy-{number}"
            own.mkdir()
            started.append(Harness(own, policy, arguments=("--state", state), command="proxy"))
        await asyncio.gather(*(stack.enter_async_context(one) for one in started))
        yield Fleet(started, control)


class Hopping(Customers):
    """Customers who reach another proxy with every call, as behind a load balancer."""

    def __init__(self, urls: Sequence[str], total: int, clients: int, seed: int = 1) -> None:
        super().__init__(urls[0], total, clients, seed)
        self._urls = urls
        self._hops = random.Random(seed)
        self.without_store = 0  # calls that no arm was asked, because the store could not say which

    async def _buy(self, session: aiohttp.ClientSession) -> Bought | None:
        lease = await super()._buy(session)
        if lease is None:
            await asyncio.sleep(0.3)  # server trouble: as a customer does, before the next purchase
        return lease

    async def _call(self, session: aiohttp.ClientSession, **params: str) -> tuple[str, str]:
        self.url = self._hops.choice(self._urls)
        text, arm = await super()._call(session, **params)
        if not arm:
            self.without_store += 1
            raise aiohttp.ClientError(text)
        return text, arm
