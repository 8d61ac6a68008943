"""Clients that remember everything: which number they were shown, who served it, what they did with it."""

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from urllib.parse import urlencode

import aiohttp

from tests.factories import CLIENT_KEY


@dataclass
class Bought:
    """A number as its client knows it."""

    id: str
    phone: str
    arm: str  # who served the purchase
    strangers: list[str] = field(default_factory=list)  # calls that another arm served
    calls: int = 0  # that were answered
    unsure: int = 0  # that got no answer: they may have reached the provider
    finished: bool = False
    cancelled: bool = False


class Customers:
    """Buys ``total`` numbers with a number of clients at once, polls each and ends it.

    A client whose connection breaks goes on as soon as it is let in again; it never repeats a purchase.
    """

    def __init__(self, url: str, total: int, clients: int, seed: int = 1) -> None:
        self.url = url
        self.leases: list[Bought] = []
        self.tries = 0
        self.refused = 0  # purchases that were answered without a number
        self.unanswered = 0
        self._total = total
        self._clients = clients
        self._marks = itertools.count()
        self._random = random.Random(seed)
        self._milestones: dict[int, asyncio.Event] = {}

    def reached(self, tries: int) -> asyncio.Event:
        """An event that is set when so many purchases have been tried."""
        return self._milestones.setdefault(tries, asyncio.Event())

    async def run(self, more: int = 0) -> None:
        """Until all purchases, and so many ``more``, were made and all numbers ended."""
        self._total += more
        connector = aiohttp.TCPConnector(limit=self._clients)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for _ in range(self._clients):
                group.create_task(self._shop(session))

    async def _shop(self, session: aiohttp.ClientSession) -> None:
        while self.tries < self._total:
            self.tries += 1
            if event := self._milestones.get(self.tries):
                event.set()
            lease = await self._buy(session)
            if lease is not None:
                await self._use(session, lease)

    async def _buy(self, session: aiohttp.ClientSession) -> Bought | None:
        while True:
            try:
                text, arm = await self._call(session, action="getNumber", service="tg", country="6")
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)  # nobody listens: nothing was sent
                continue
            except aiohttp.ClientError:
                self.unanswered += 1
                return None
            break
        head, _, rest = text.partition(":")
        if head != "ACCESS_NUMBER":
            self.refused += 1
            return None
        lease_id, _, phone = rest.partition(":")
        lease = Bought(lease_id, phone.lstrip("+"), arm)
        self.leases.append(lease)
        return lease

    async def _use(self, session: aiohttp.ClientSession, lease: Bought) -> None:
        for _ in range(self._random.randint(1, 3)):
            await self._ask(session, lease, action="getStatus", id=lease.id)
        if self._random.random() < 0.5:
            lease.finished = await self._ask(session, lease, action="setStatus", id=lease.id, status="6")
        else:
            lease.cancelled = await self._ask(session, lease, action="setStatus", id=lease.id, status="8")

    async def _ask(self, session: aiohttp.ClientSession, lease: Bought, **params: str) -> bool:
        """Whether the call was answered; a connection that broke under it is not used for a repeat."""
        while True:
            try:
                _, arm = await self._call(session, **params)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)
                continue
            except aiohttp.ClientError:
                lease.unsure += 1
                return False
            break
        lease.calls += 1
        if arm != lease.arm:
            lease.strangers.append(f"{params} went to {arm}")
        return True

    async def _call(self, session: aiohttp.ClientSession, **params: str) -> tuple[str, str]:
        query = urlencode({"api_key": CLIENT_KEY, **params, "ref": f"mark-{next(self._marks)}"})
        async with session.post(f"{self.url}?{query}") as answer:
            return await answer.text(), answer.headers.get("x-canary-arm", "")
