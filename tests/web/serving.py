"""An admin server on a real socket over a real store."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from canary.control.acknowledge import acknowledge
from canary.control.begin import begin
from canary.control.operator import Operator
from canary.core.model import Rollout
from canary.core.policy.model import Policy
from canary.gateway.service import GatewayService
from canary.store.store import Store
from canary.web.admin import Admin
from canary.web.operations import Hands
from canary.web.process import OneProxy, Proxies

NAME = "t"
TOKEN = "admin-token-0f1e2d3c4b5a"
GATE_TOKEN = "gate-token-5a4b3c2d1e0f"

STAGES: tuple[dict[str, Any], ...] = (
    {"name": "canary", "weight": 0.05, "shadow": 0.1},
    {"name": "half", "weight": 0.5},
    {"name": "cutover", "weight": 1, "approval": "required"},
)


def begun(store: Store, clock: Callable[[], float], name: str = NAME) -> Rollout:
    """A rollout in its first stage, under a policy of three stages."""
    arms = {arm: {"url": f"https://{arm}.example/stubs/handler_api.php"} for arm in ("old", "new")}
    policy = Policy.model_validate({"name": name, "arms": arms, "stages": STAGES})
    return begin(store, policy, now=clock(), actor="test")


def broken(state: Path) -> None:
    """Make the store at ``state`` answer nothing from now on."""
    with sqlite3.connect(state) as connection:
        for table in ("rollouts", "decisions"):
            connection.execute(f"DROP TABLE {table}")


class Client:
    """Asks one admin server."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, aiohttp.ClientResponse]:
        """Status, decoded body and the response; without a token unless ``headers`` hold one."""
        async with self._session.request(method, self.url + path, **options) as answer:
            body = await (answer.json() if answer.content_type == "application/json" else answer.text())
            return answer.status, body, answer

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Status and body of a read."""
        return (await self.ask("GET", path, **options))[:2]

    async def act(self, event: str, token: str | None = TOKEN, **options: Any) -> tuple[int, Any]:
        """Status and body of an event."""
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        return (await self.ask("POST", f"/api/v1/{event}", headers=headers, **options))[:2]


def hands(
    store: Any, name: str, clock: Callable[[], float], act: Callable[..., Rollout] | None = None
) -> Hands:
    """The real controls of a rollout, but for ``act`` where one is given."""
    operator = act or Operator.of_store(store, name, clock).act
    return Hands(operator, partial(acknowledge, store, name, clock=clock))


@asynccontextmanager
async def serving(
    store: Any,
    clock: Callable[[], float],
    *,
    host: str = "127.0.0.1",
    service: GatewayService | None = None,
    name: str = NAME,
    act: Callable[..., Rollout] | None = None,
    leads: Callable[[], bool] | None = None,
    proxies: Proxies | None = None,
) -> AsyncIterator[Client]:
    """A started admin server, asked on 127.0.0.1."""
    admin = Admin(
        store,
        name,
        hands(store, name, clock, act),
        token=TOKEN,
        gate_token=GATE_TOKEN,
        host=host,
        port=0,
        proxies=OneProxy(service) if service else proxies,
        leads=leads,
        clock=clock,
    )
    await admin.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, f"http://127.0.0.1:{admin.address[1]}")
    finally:
        await admin.stop()
