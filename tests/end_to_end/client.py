"""A customer who remembers every answer."""

import asyncio
import itertools
import secrets
from dataclasses import dataclass
from time import monotonic, time
from types import TracebackType
from typing import Self

import aiohttp

from tests.factories import CLIENT_KEY


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: ``arm`` and ``error`` are the harness's own headers, ``began`` is wall-clock seconds."""

    action: str
    status: int
    text: str
    arm: str
    error: str
    began: float
    took: float

    @property
    def bought(self) -> bool:
        return self.text.startswith("ACCESS_NUMBER:")

    @property
    def id(self) -> str:
        """The id of the number that was bought."""
        return self.text.split(":")[1]

    @property
    def phone(self) -> str:
        """The number that was bought, without its plus."""
        return self.text.split(":")[2].lstrip("+")


class Client:
    """Every call is marked, so that a provider's books tell when it came twice.

    Args:
        keep_alive: use connections again; by default there is one per call, as with most real clients.
    """

    def __init__(self, url: str, *, key: str = CLIENT_KEY, keep_alive: bool = False) -> None:
        self.url = url
        self.answers: list[Answer] = []
        self._key = key
        self._keep_alive = keep_alive
        self._name = secrets.token_hex(4)
        self._marks = itertools.count()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(force_close=not self._keep_alive)
        self._session = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def call(self, action: str, **params: str) -> Answer:
        """One call and its answer.

        Raises:
            aiohttp.ClientError: there was none.
        """
        mark = f"{self._name}-{next(self._marks)}"
        query = {"api_key": self._key, "action": action, **params, "ref": mark}
        began, started = time(), monotonic()
        # a POST, because aiohttp repeats a GET when a used connection breaks under it
        method = "POST" if self._keep_alive else "GET"
        async with self._session.request(method, self.url, params=query) as response:
            text = await response.text()
        headers = response.headers
        answer = Answer(
            action,
            response.status,
            text,
            headers.get("x-canary-arm", ""),
            headers.get("x-canary-error", ""),
            began,
            monotonic() - started,
        )
        self.answers.append(answer)
        return answer

    async def buy(self) -> Answer:
        """One try to buy a number."""
        return await self.call("getNumber", service="tg", country="6")

    async def buy_from(self, *arms: str) -> dict[str, Answer]:
        """Buy until each of ``arms`` has sold a number; the first of each."""
        found: dict[str, Answer] = {}
        async with asyncio.timeout(30):
            while not found.keys() >= set(arms):
                answer = await self.buy()
                if answer.bought:
                    found.setdefault(answer.arm, answer)
        return found

    async def is_refused(self) -> None:
        """Call until nobody listens any more."""
        try:
            while True:
                await self.call("getBalance")
        except aiohttp.ClientConnectorError:
            return

    async def status_of(self, lease: Answer) -> Answer:
        """The state of a number that was bought."""
        return await self.call("getStatus", id=lease.id)
