"""What a replica knows of the others' work, with no more between them than the store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic, time

import psycopg
import pytest

from canary.control.begin import begin
from canary.control.controller import Controller
from canary.core.model import Arm, RolloutState
from canary.gateway import rollouts
from canary.gateway.config import load
from canary.gateway.rollouts import RolloutView
from canary.store import notices
from canary.store.errors import StoreUnavailable
from canary.store.store import Store
from tests.factories import tdecision
from tests.rig import Rig, policy, rig, written
from tests.waiting import until

WITHIN = 1.0
"""Seconds in which a rollback reaches every replica."""

SLOW = 1.0
"""Seconds by which a busy machine may be late."""


@pytest.fixture
async def replicas(tmp_path: Path, database: str) -> AsyncIterator[list[Rig]]:
    """Three gateways on one database, in front of the same two arms."""
    async with AsyncExitStack() as stack:
        folders = [tmp_path / str(number) for number in range(3)]
        for folder in folders:
            folder.mkdir()
        first = await stack.enter_async_context(rig(folders[0], state=database, rollout={"weight": 1.0}))
        urls = (first.old.url, first.new.url)
        others = [
            await stack.enter_async_context(rig(folder, state=database, urls=urls)) for folder in folders[1:]
        ]
        yield [first, *others]


async def bought_on_new(at: Rig, arms: Rig, number: str) -> None:
    arms.new.answers(getNumber=f"ACCESS_NUMBER:{number}:79001234567")
    assert await at.says("getNumber", service="tg", country="6") == f"ACCESS_NUMBER:{number}:79001234567"


async def test_a_lease_of_one_replica_is_known_to_the_next_call_at_another(replicas: list[Rig]) -> None:
    """The number is shown by one replica; the poll that follows at once reaches another, and the right arm."""
    first, second, third = replicas
    await bought_on_new(first, first, "700")
    first.new.answers(getStatus="STATUS_WAIT_CODE", setStatus="ACCESS_CANCEL")
    assert await second.says("getStatus", id="700") == "STATUS_WAIT_CODE"
    assert await third.says("setStatus", id="700", status="8") == "ACCESS_CANCEL"
    assert [one.action for one in first.new.heard] == ["getNumber", "getStatus", "setStatus"]
    assert first.old.heard == []


async def test_an_unknown_lease_waits_for_the_store(
    replicas: list[Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is restarted under a poll at a replica that does not know the lease: it is answered late, by the
    right arm."""
    first, second, _ = replicas
    await bought_on_new(first, first, "701")
    first.new.answers(getStatus="STATUS_WAIT_CODE")
    real, failures = second.store.find, iter(range(3))

    def back_soon(*key: object) -> object:
        if next(failures, None) is not None:
            raise StoreUnavailable("restarting")
        return real(*key)  # type: ignore[arg-type]

    monkeypatch.setattr(second.store, "find", back_soon)
    assert await second.says("getStatus", id="701") == "STATUS_WAIT_CODE"


async def test_no_arm_is_guessed_for_a_lease_that_only_the_lost_store_knows(
    replicas: list[Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store stays away: the call is answered like server trouble, and reaches no arm that may hold another
    customer's lease of the same id."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    first, second, _ = replicas
    await bought_on_new(first, first, "702")
    monkeypatch.setattr("canary.gateway.bindings.PATIENCE", 0.2)
    monkeypatch.setattr(second.store, "find", gone)
    answer = await second.ask("setStatus", id="702", status="8")
    assert (answer.body, dict(answer.headers)["x-canary-error"]) == (b"ERROR_SQL", "store")
    assert [one.action for one in first.new.heard + first.old.heard] == ["getNumber"]


class Arrivals:
    """When each replica knew of the rollback, by its own refresh."""

    def __init__(self, replicas: list[Rig], monkeypatch: pytest.MonkeyPatch) -> None:
        self.at: dict[int, float] = {}
        self._all = asyncio.Event()
        for number, one in enumerate(replicas):
            monkeypatch.setattr(one.service.view, "refresh", self._seen(number, one.service.view))

    def _seen(self, number: int, view: RolloutView) -> Callable[[], Awaitable[None]]:
        real = view.refresh

        async def refresh() -> None:
            await real()
            if view.rollout.state is RolloutState.ROLLED_BACK:
                self.at.setdefault(number, monotonic())
            if len(self.at) == 3:
                self._all.set()

        return refresh

    async def after_a_rollback(self, replicas: list[Rig]) -> float:
        """Roll back, and the seconds until the last replica knew."""
        before = replicas[0].store.rollout(replicas[0].name)
        assert before is not None
        after = replace(
            before,
            state=RolloutState.ROLLED_BACK,
            weight=0.0,
            safe_arm=Arm.OLD,
            revision=before.revision + 1,
        )
        assert replicas[0].store.save(before, after, tdecision())
        began = monotonic()
        async with asyncio.timeout(20):
            await self._all.wait()
        took = max(self.at.values()) - began
        print(f"a rollback reached {len(replicas)} replicas within {took * 1000:.0f} ms")  # noqa: T201
        return took


async def test_a_rollback_is_pushed_to_every_replica(
    replicas: list[Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written once to the store, it is in effect for new leases everywhere within a second, although no replica would
    have looked for itself for an hour."""
    await until(lambda: all(one.service.view.told for one in replicas))
    monkeypatch.setattr(rollouts, "TOLD", 3600.0)
    monkeypatch.setattr(rollouts, "REFRESH", 3600.0)
    arrivals = Arrivals(replicas, monkeypatch)
    for one in replicas:  # the rest that began under the old pace is over
        one.service.view.wake()
    await asyncio.sleep(0.1)
    assert await arrivals.after_a_rollback(replicas) < WITHIN + SLOW


async def test_a_rollback_arrives_when_nothing_is_pushed(
    replicas: list[Rig], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections that listen are cut and stay away: every replica finds it within the polling interval."""
    await until(lambda: all(one.service.view.told for one in replicas))
    monkeypatch.setattr(notices, "AGAIN", 3600.0)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
            (notices.NAME,),
        )
    await until(lambda: not any(one.service.view.told for one in replicas))
    took = await Arrivals(replicas, monkeypatch).after_a_rollback(replicas)
    assert took < max(rollouts.TOLD, rollouts.REFRESH) + SLOW


async def test_counts_of_all_replicas_are_one_evidence(replicas: list[Rig]) -> None:
    """What each replica served is added up, once, however often it is written."""
    for number, one in enumerate(replicas):
        for arm in (replicas[0].old, replicas[0].new):
            arm.answers(getNumber=f"ACCESS_NUMBER:{800 + number}:79001234567")
        assert (await one.says("getNumber", service="tg", country="6")).startswith("ACCESS_NUMBER")
        await one.flush()
        await one.flush()
    tallies = replicas[0].store.tallies(replicas[0].name)
    assert sum(sum(tally.outcomes.values()) for tally in tallies.values()) == len(replicas)
    counts = replicas[0].store.lease_counts(replicas[0].name)
    assert sum(of_arm.total() for of_arm in counts.values()) == len(replicas)


async def test_the_second_controller_goes_on_when_the_first_ends(tmp_path: Path, database: str) -> None:
    """Two controllers on one store: of each look one is written, and either goes on alone."""
    loaded = load(written(tmp_path, policy("http://127.0.0.1:9/old", "http://127.0.0.1:9/new")))
    stores = [Store(database) for _ in range(2)]
    begin(stores[0], loaded.policy, now=time(), actor="test")
    pair = [Controller(store, loaded.policy, loaded.profiles, time) for store in stores]
    await asyncio.gather(*(asyncio.to_thread(one.tick) for one in pair))
    with psycopg.connect(database) as connection:
        [ticks] = connection.execute("SELECT ticks FROM rollouts").fetchone() or [0]
    assert ticks in {1, 2}
    survivor = pair[1]
    for _ in range(2):  # one that lost the race reads the evidence anew first
        await asyncio.to_thread(survivor.tick)
    with psycopg.connect(database) as connection:
        [later] = connection.execute("SELECT ticks FROM rollouts").fetchone() or [0]
    assert later > ticks
    for store in stores:
        store.close()
