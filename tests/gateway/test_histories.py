"""Refunds that never came, looked up in the provider's own history."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm, Response
from tests.desks import TIMEOUT, Providers, desk_rig, settle
from tests.factories import FakeClock
from tests.rig import Rig

SELLS = {
    "success": 0.0,
    "deposit": 100,
    "minimum_hold": 0,
    "dialect": "verifysms",
    "cost_header": "X-VerifySMS-Cost",
}
NEVER, SOON = "30d", "1s"
ON = {"poll": "60s", "history": "60s"}


@asynccontextmanager
async def opened(
    folder: Path, clock: FakeClock, providers: Providers, reconcile: dict[str, str], **changes: Any
) -> AsyncIterator[Rig]:
    """A gateway that sells from new alone, where refunds take a minute."""
    arms = {"old": {"provider": "verifysms"}, "new": {"provider": "verifysms"}}
    options = {"rollout": {"weight": 1.0}, "reconcile": reconcile, **arms, **changes}
    async with desk_rig(folder, providers, clock, **options) as gateway:
        await settle(gateway)  # the first balance
        clock.advance(60)
        yield gateway


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def providers(clock: FakeClock) -> Providers:
    return Providers(clock, old=SELLS, new={**SELLS, "id_start": 5000})


async def given_back(gateway: Rig, providers: Providers, refund: str) -> str:
    """A number that was cancelled, and whose refund takes so long."""
    providers.change(Arm.NEW, refund_delay=refund)
    lease = (await gateway.says("getNumber", service="tg", country="6")).split(":")[1]
    gateway.clock.advance(30)
    assert await gateway.says("setStatus", id=lease, status="8") == "ACCESS_CANCEL"
    gateway.clock.advance(30)
    return lease


async def later(gateway: Rig, seconds: float = 600) -> None:
    """Time for balances and histories."""
    for _ in range(3):
        gateway.clock.advance(seconds / 3)
        await gateway.service.histories.work()
        await settle(gateway)
        gateway.clock.advance(TIMEOUT + 10)
        await settle(gateway)


def missing(gateway: Rig) -> list[tuple[str, str | None]]:
    """The refunds that never came, and what the provider's history says of each."""
    return [(one.id, one.word) for one in gateway.store.overdue(gateway.name)]


def asked(providers: Providers) -> int:
    return providers.books(Arm.NEW).by_action["getHistory"]


async def test_the_list_names_the_leases_that_are_still_charged(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """A balance shows how much is missing, the history which: not the ones that fell due first."""
    async with opened(tmp_path, clock, providers, ON) as gateway:
        delays = (SOON, NEVER, SOON, SOON, NEVER, SOON)
        leases = [await given_back(gateway, providers, delay) for delay in delays]
        await later(gateway)
        never = [lease for lease, delay in zip(leases, delays, strict=True) if delay == NEVER]
        assert missing(gateway) == [(lease, "charged") for lease in never]
        books = providers.books(Arm.NEW)
        [account] = [one for one in gateway.store.accounts(gateway.name) if one.arm is Arm.NEW]
        assert account.outstanding == books.owed


async def test_a_refund_that_comes_after_all_is_cleared(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """The list is empty again, and its last word is the provider's."""
    async with opened(tmp_path, clock, providers, ON) as gateway:
        await given_back(gateway, providers, SOON)
        await given_back(gateway, providers, "20m")
        await later(gateway)
        assert [word for _, word in missing(gateway)] == ["charged"]
        await later(gateway, 1500)
        assert missing(gateway) == []
        assert gateway.store.refund_lags(gateway.name)[Arm.NEW].n == 2


async def test_a_cancel_that_was_not_carried_out_is_told(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """Its answer was lost and the number is still open there: no refund is on its way."""
    async with opened(tmp_path, clock, providers, ON) as gateway:
        lease = (await gateway.says("getNumber", service="tg", country="6")).split(":")[1]
        providers.change(Arm.NEW, empty=1, carried_out=0)
        assert await gateway.says("setStatus", id=lease, status="8") == ""
        providers.change(Arm.NEW, empty=0)
        await later(gateway)
        assert missing(gateway) == [(lease, "active")]


async def test_nobody_is_asked_unless_the_policy_says_so(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """Off by default, as all that the harness asks for by itself."""
    async with opened(tmp_path, clock, providers, {"poll": "60s"}) as gateway:
        await given_back(gateway, providers, NEVER)
        await later(gateway)
        assert asked(providers) == 0
        assert [word for _, word in missing(gateway)] == [None]


async def test_nobody_is_asked_while_nothing_is_missing(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """Refunds came, or are on their way in time."""
    async with opened(tmp_path, clock, providers, ON) as gateway:
        await given_back(gateway, providers, SOON)
        clock.advance(TIMEOUT + 10)
        await settle(gateway)
        clock.advance(TIMEOUT + 10)
        await settle(gateway)
        await later(gateway)
        assert asked(providers) == 0


async def test_an_arm_is_asked_as_often_as_the_policy_says(
    tmp_path: Path, clock: FakeClock, providers: Providers
) -> None:
    """Of several processes by one; a history of many pages to its end."""
    async with opened(tmp_path, clock, providers, {"poll": "60s", "history": "10m"}) as gateway:
        for _ in range(105):
            await given_back(gateway, providers, NEVER)
        await gateway.flush()
        clock.advance(600)
        for _ in range(5):
            await gateway.service.histories.work()
            clock.advance(60)
        assert asked(providers) == 2  # two pages
        clock.advance(600)
        await gateway.service.histories.work()
        assert asked(providers) == 4


@pytest.mark.parametrize("answer", ["", "ERROR_SQL", "[]", '{"status":"error"}', "[[1],{},null]"])
async def test_a_history_that_says_nothing_changes_nothing(
    tmp_path: Path, clock: FakeClock, providers: Providers, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an arm answers, the balance alone counts then."""
    async with opened(tmp_path, clock, providers, ON) as gateway:
        lease = await given_back(gateway, providers, NEVER)
        await settle(gateway)
        upstream = gateway.service.upstreams[Arm.NEW]
        real = upstream.send

        async def send(method: str, query: str, *rest: Any, **more: Any) -> Any:
            sent = await real(method, query, *rest, **more)
            if "getHistory" not in query:
                return sent
            return replace(sent, response=Response(200, (), answer.encode()))

        monkeypatch.setattr(upstream, "send", send)
        await later(gateway)
        assert missing(gateway) == [(lease, None)]
