"""Gateways that buy shadow leases between two simulated providers, whose clocks and the gateway's are one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from canary.core.model import Request, Response
from canary.sim.behaviour import Behaviour
from canary.sim.knobs import changed
from canary.sim.provider import Provider
from canary.store.shadow_leases import ShadowBook
from tests.factories import FakeClock, treq
from tests.rig import Rig, rig
from tests.waiting import until

HOLD, LIFETIME = 120.0, 1200.0
HEADER = "X-Sandbox-Mode"

PROFILE = {
    "name": "shadowed",
    "title": "Shadowed",
    "minimum_hold": f"{HOLD:g}s",
    "lifetime": f"{LIFETIME:g}s",
    "cost_headers": ["X-Cost"],
    "sandbox_header": {"name": HEADER, "value": "1"},
}

SOLD: dict[str, Any] = {
    "cost_header": "X-Cost",
    "sandbox_header": HEADER,
    "minimum_hold": f"{HOLD:g}s",
    "lifetime": f"{LIFETIME:g}s",
    "success": 0,
    "price": "0.20",
}

LIVE: dict[str, Any] = {"leases": "live", "budget": {"run": "$5", "day": "$5", "price": "$0.20"}, "noise": 0}
SANDBOX: dict[str, Any] = {"leases": "sandbox", "noise": 0}


@dataclass
class Wrong:
    """The gateways' clock: it may run ahead of the providers'."""

    right: FakeClock
    ahead: float = 0.0

    def __call__(self) -> float:
        return self.right() + self.ahead


@dataclass
class Shadowed:
    """Gateways on one store, and the providers behind them."""

    gateways: list[Rig]
    old: Provider
    new: Provider
    clock: FakeClock
    wrong: Wrong
    bought: int = 0

    @property
    def first(self) -> Rig:
        return self.gateways[0]

    @property
    def book(self) -> ShadowBook:
        return self.first.store.shadow_book(self.first.name)

    def count(self, counter: str) -> int:
        """A counter of all processes."""
        return sum(gateway.count(counter) for gateway in self.gateways)

    async def ask(self, action: str, via: int = 0, **params: Any) -> Response:
        """A client's call through one of the gateways."""
        request: Request = treq(action, **params)
        return await self.gateways[via].handle(request)

    async def buy(self, via: int = 0, action: str = "getNumber", **params: Any) -> str:
        """A client buys a number; its id."""
        answer = await self.ask(action, via, **{"service": "tg", "country": "6", **params})
        assert answer.body.startswith(b"ACCESS_NUMBER"), answer.body
        self.bought += 1
        return answer.body.decode().split(":")[1]

    async def settled(self) -> None:
        """Every purchase of a client has been repeated, or was refused."""
        names = ("shadow_leases_bought", "shadow_leases_refused", "shadow_leases_lost")
        await until(lambda: sum(map(self.count, names)) >= self.bought)

    async def keep(self, via: int = 0) -> None:
        """Look after shadow leases now."""
        await self.gateways[via].service.shadow_leases.keeper.work()


@asynccontextmanager
async def shadowed(
    folder: Path,
    shadow: dict[str, Any],
    *,
    gateways: int = 1,
    state: Path | str | None = None,
    dialect: str | None = None,
    new: dict[str, Any] | None = None,
    rollout: dict[str, Any] | None = None,
    **changes: Any,
) -> AsyncIterator[Shadowed]:
    """Gateways that shadow everything.

    Args:
        shadow: that section of the policy.
        state: where the store is kept, an SQLite file if nothing is said.
        dialect: new's own, if it speaks no handler_api.
        new: knobs of the new provider.
        changes: keys of the policy.
    """
    profile = folder / "shadowed.yaml"
    spoken = {} if dialect is None else {"dialect": dialect}
    profile.write_text(yaml.safe_dump({**PROFILE, **spoken}), encoding="utf-8")
    clock = FakeClock()
    wrong = Wrong(clock)
    async with AsyncExitStack() as stack:
        old_knobs = changed(Behaviour(), {**SOLD, "id_start": 1000})
        new_knobs = changed(Behaviour(), {**SOLD, "id_start": 5000, **spoken, **(new or {})})
        old = await stack.enter_async_context(Provider(old_knobs, seed="old", clock=clock))
        there = await stack.enter_async_context(Provider(new_knobs, seed="new", clock=clock))
        running = []
        for _ in range(gateways):
            gateway = rig(
                folder,
                rollout={"shadow": 1.0, **(rollout or {})},
                urls=(old.url, there.url),
                state=state or folder / "state.db",
                clock=wrong,
                shadow=shadow,
                **{"new": {"provider": str(profile)}, **changes},
            )
            running.append(await stack.enter_async_context(gateway))
        for gateway in running:
            await gateway.beat()
        yield Shadowed(running, old, there, clock, wrong)
