"""Each trap as a provider really answers it: one client that steps into it, and one that nearly does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from canary.core.detect import BURST, REPEAT, SOURCES
from canary.core.hazards import HazardName
from canary.core.model import Arm
from tests.desks import Providers, desk_rig, settle
from tests.factories import FakeClock
from tests.rig import Rig

CODE_AFTER = 5.0
HOLD = 60.0
LIFE = 1200.0


@dataclass
class Customer:
    """A client at one address, with one key, of a gateway between two simulated providers."""

    gateway: Rig
    providers: Providers
    clock: FakeClock
    address: str = "192.0.2.7"
    key: str = "key-of-the-client"
    said: list[str] = field(default_factory=list)

    async def call(self, action: str, **params: Any) -> str:
        """One call; a second passes."""
        answer = await self.gateway.says(action, client=self.address, key=self.key, **params)
        self.said.append(answer)
        self.clock.advance(1)
        return answer

    async def buy(self, **params: Any) -> str:
        """The id of a number."""
        return (await self.call("getNumber", **{"service": "tg", "country": "6"} | params)).split(":")[1]

    async def poll(self, lease: str, times: int, every: float = 4.0) -> None:
        for _ in range(times):
            await self.call("getStatus", id=lease)
            self.clock.advance(every - 1)

    async def set(self, lease: str, status: int) -> str:
        return await self.call("setStatus", id=lease, status=str(status))

    async def with_code(self) -> str:
        """A number whose code was seen."""
        lease = await self.buy()
        self.clock.advance(CODE_AFTER)
        assert (await self.call("getStatus", id=lease)).startswith("STATUS_OK:")
        self.clock.advance(3)
        return lease

    def change(self, **knobs: Any) -> None:
        """Both providers behave differently from now on."""
        for arm in Arm:
            self.providers.change(arm, **knobs)

    def elsewhere(self, address: str, key: str | None = None) -> "Customer":
        """The same customer at another address."""
        return Customer(self.gateway, self.providers, self.clock, address, key or self.key)


type Play = Callable[[Customer], Awaitable[None]]


async def country_by_name_too(it: Customer) -> None:
    for country in ("6", "ID"):
        await it.call("getNumber", service="tg", country=country)


async def country_by_one_name(it: Customer) -> None:
    for country in ("6", "187", "any"):
        await it.call("getNumber", service="tg", country=country)


async def accepts_nothing(it: Customer) -> None:
    it.change(success=0)
    await it.set(await it.buy(), 6)


async def accepts_a_code(it: Customer) -> None:
    await it.set(await it.with_code(), 6)


async def means_finished(it: Customer) -> None:
    """3 in the place of 6."""
    lease = await it.with_code()
    assert await it.set(lease, 3) == "ACCESS_RETRY_GET"
    it.clock.advance(LIFE)


async def asks_and_looks(it: Customer) -> None:
    lease = await it.with_code()
    await it.set(lease, 3)
    it.clock.advance(CODE_AFTER)
    await it.poll(lease, 2)
    await it.set(lease, 6)
    it.clock.advance(LIFE)


async def means_another(it: Customer) -> None:
    """6 in the place of 3."""
    lease = await it.with_code()
    assert await it.set(lease, 6) == "ACCESS_ACTIVATION"
    await it.poll(lease, 4)


async def finishes_and_looks_once(it: Customer) -> None:
    lease = await it.with_code()
    await it.set(lease, 6)
    await it.poll(lease, 2)


async def cancels_a_success(it: Customer) -> None:
    lease = await it.with_code()
    it.clock.advance(HOLD)
    await it.set(lease, 8)


async def cancels_without(it: Customer) -> None:
    it.change(success=0)
    lease = await it.buy()
    it.clock.advance(HOLD)
    assert await it.set(lease, 8) == "ACCESS_CANCEL"


async def forgets(it: Customer) -> None:
    it.change(success=0)
    await it.poll(await it.buy(), 3)
    it.clock.advance(LIFE)


async def cancels_too_early_and_again(it: Customer) -> None:
    it.change(success=0)
    lease = await it.buy()
    assert await it.set(lease, 8) == "EARLY_CANCEL_DENIED"
    it.clock.advance(HOLD)
    await it.set(lease, 8)
    it.clock.advance(LIFE)


async def buys_again_after_nothing(it: Customer) -> None:
    it.change(empty=1)
    assert await it.call("getNumber", service="tg", country="6") == ""
    it.change(empty=0)
    await it.buy()


async def buys_again_without_stock(it: Customer) -> None:
    it.change(stock_out=1)
    assert await it.call("getNumber", service="tg", country="6") == "NO_NUMBERS"
    it.change(stock_out=0)
    await it.buy()


async def looks_every_second(it: Customer) -> None:
    await it.poll(await it.buy(), 5, every=1)


async def looks_as_allowed(it: Customer) -> None:
    await it.poll(await it.buy(), 8, every=3)


async def runs_into_the_limit(it: Customer) -> None:
    it.change(rate_limit={"per_second": 0.001, "burst": 1})
    for _ in range(BURST + 1):
        await it.call("getPrices")
    assert "RATE_LIMITED" in it.said[-1]


async def meets_the_limit(it: Customer) -> None:
    it.change(rate_limit={"per_second": 0.001, "burst": 1})
    for _ in range(BURST):
        await it.call("getPrices")
    it.clock.advance(60)
    await it.call("getPrices")


async def warms_up_a_fleet(it: Customer) -> None:
    for n in range(SOURCES):
        await it.elsewhere(f"192.0.2.{n}").call("getBalance")


async def warms_up_with_keys(it: Customer) -> None:
    for n in range(SOURCES):
        await it.elsewhere(f"192.0.2.{n}", key=f"key-{n % 2}").call("getBalance")


async def rents(it: Customer) -> None:
    await it.call("getRentNumber", service="tg", country="6", rent_time="4")


async def buys(it: Customer) -> None:
    await it.buy()
    await it.call("getOperators", country="6")


async def loses_its_parameters(it: Customer) -> None:
    """As aiosmsactivate does with a list of addresses (protocol.md section 12)."""
    it.change(call_error=1)
    await it.call("getNumberV2", service="tg", country="6")
    it.change(call_error=0)
    assert await it.call("getNumberV2") == "BAD_SERVICE"


async def asks_for_less_later(it: Customer) -> None:
    it.change(call_error=1)
    await it.call("getNumberV2", service="tg", country="6")
    it.change(call_error=0)
    it.clock.advance(REPEAT)
    await it.call("getNumberV2")


async def is_denied(it: Customer) -> None:
    """By a provider that forgot a number in the middle of its life."""
    it.change(success=0, lifetime="30s", forget_after="1s")
    lease = await it.buy()
    it.clock.advance(60)
    assert await it.call("getStatus", id=lease) == "NO_ACTIVATION"


async def asks_after_the_end(it: Customer) -> None:
    it.change(success=0, forget_after="60s")
    lease = await it.buy()
    it.clock.advance(HOLD)
    await it.set(lease, 8)
    it.clock.advance(61)
    assert await it.call("getStatus", id=lease) == "NO_ACTIVATION"


N = HazardName
TRAPS: list[tuple[HazardName, Play, Play]] = [
    (N.MIXED_COUNTRY_IDS, country_by_name_too, country_by_one_name),
    (N.FINISH_BEFORE_CODE, accepts_nothing, accepts_a_code),
    (N.RETRY_FINISH_SWAPPED, means_finished, asks_and_looks),
    (N.RETRY_FINISH_SWAPPED, means_another, finishes_and_looks_once),
    (N.CANCEL_AFTER_CODE, cancels_a_success, cancels_without),
    (N.UNCLAIMED_REFUND, forgets, cancels_too_early_and_again),
    (N.REPEATED_PURCHASE, buys_again_after_nothing, buys_again_without_stock),
    (N.POLLING_TOO_FAST, looks_every_second, looks_as_allowed),
    (N.LIMIT_BURST, runs_into_the_limit, meets_the_limit),
    (N.MANY_SOURCES, warms_up_a_fleet, warms_up_with_keys),
    (N.UNSUPPORTED_ACTION, rents, buys),
    (N.LOST_PARAMETERS, loses_its_parameters, asks_for_less_later),
    (N.MISROUTED, is_denied, asks_after_the_end),
]


async def found(folder: Path, play: Play, arm: Arm) -> list[str]:
    """The hazards that a customer leaves behind whose leases go to ``arm``."""
    clock = FakeClock()
    seller = {
        "success": 1,
        "code_delay": f"{CODE_AFTER}s",
        "minimum_hold": f"{HOLD}s",
        "lifetime": f"{LIFE}s",
    }
    providers = Providers(
        clock,
        old={**seller, "dialect": "sms-activate"},
        new={**seller, "dialect": "verifysms", "id_start": 90_000},
    )
    weight = 1.0 if arm is Arm.NEW else 0.0
    profiles = {"old": {"provider": "sms-activate"}, "new": {"provider": "verifysms"}}
    async with desk_rig(folder, providers, clock, rollout={"weight": weight}, **profiles) as gateway:
        await play(Customer(gateway, providers, clock))
        await settle(gateway)
        return [str(suspect.name) for suspect in gateway.store.hazards(gateway.name)]


@pytest.mark.parametrize("arm", Arm)
@pytest.mark.parametrize(("name", "play", "_near"), TRAPS, ids=lambda one: getattr(one, "__name__", str(one)))
async def test_a_trap_is_told_by_its_name(
    tmp_path: Path, name: HazardName, play: Play, _near: Play, arm: Arm
) -> None:
    """On either arm, in that provider's words, and no other hazard with it."""
    assert await found(tmp_path, play, arm) == [name]


@pytest.mark.parametrize("arm", Arm)
@pytest.mark.parametrize(
    ("_name", "_play", "near"), TRAPS, ids=lambda one: getattr(one, "__name__", str(one))
)
async def test_a_near_miss_is_not_told(
    tmp_path: Path, _name: HazardName, _play: Play, near: Play, arm: Arm
) -> None:
    """What a careful client does looks nearly the same."""
    assert await found(tmp_path, near, arm) == []


def test_every_trap_is_played() -> None:
    """Each of the catalogue has one client that steps into it, and one that does not."""
    assert {name for name, _, _ in TRAPS} == set(HazardName)
