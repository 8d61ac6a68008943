"""One replica is cut from the database, and so from the others, who go on; then the way is mended."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from canary.core.model import Arm, Response, RolloutState
from canary.gateway import bindings
from canary.store import engine, postgresql
from tests.factories import tdecision
from tests.fleet.test_replicas import bought_on_new
from tests.forwarder import Forwarder
from tests.postgres import Server
from tests.rig import Rig, rig
from tests.waiting import until


@dataclass
class Parted:
    """Two replicas with the same arms; the way of the second to the database can be cut."""

    first: Rig
    second: Rig
    way: Forwarder


@pytest.fixture
async def parted(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parted]:
    """At weight 100 %, and quick to notice that the database says nothing."""
    monkeypatch.setattr(postgresql, "STATEMENT", 0.3)
    monkeypatch.setattr(engine, "BUSY", 2.0)
    monkeypatch.setattr(bindings, "PATIENCE", 0.5)
    state = server.database()
    async with AsyncExitStack() as stack:
        way = stack.enter_context(Forwarder(server.port))
        near, far = tmp_path / "near", tmp_path / "far"
        for folder in (near, far):
            folder.mkdir()
        first = await stack.enter_async_context(rig(near, state=state, rollout={"weight": 1.0}))
        elsewhere = state.replace(str(server.port), str(way.port))
        urls = (first.old.url, first.new.url)
        second = await stack.enter_async_context(rig(far, state=elsewhere, urls=urls))
        second.beats = 10  # another sign of life than the first one's
        await second.beat()
        yield Parted(first, second, way)
        way.mend()


def error_of(answer: Response) -> str:
    return dict(answer.headers).get("x-canary-error", "")


async def test_a_replica_that_is_cut_off_sells_nothing_and_keeps_its_leases(parted: Parted) -> None:
    """It answers for the leases that it knows, buys nothing that it could not write, and guesses no arm; a rollback
    that happens meanwhile is in effect there as soon as the way is mended, and what it saw is written then."""
    first, second, way = parted.first, parted.second, parted.way
    await bought_on_new(second, first, "900")
    await bought_on_new(first, first, "901")
    first.new.answers(getStatus="STATUS_WAIT_CODE")
    way.cut()
    assert not await second.service.ledger.flush()
    assert error_of(await second.ask("getNumber", service="tg", country="6")) == "store"
    assert error_of(await second.ask("getStatus", id="901")) == "store"
    assert await second.says("getStatus", id="900") == "STATUS_WAIT_CODE"
    assert await first.says("getStatus", id="901") == "STATUS_WAIT_CODE", "the others go on"
    before = first.rollout
    after = replace(
        before, state=RolloutState.ROLLED_BACK, weight=0.0, safe_arm=Arm.OLD, revision=before.revision + 1
    )
    assert first.store.save(before, after, tdecision())
    sold = len(first.new.of("getNumber"))
    assert error_of(await second.ask("getNumber", service="tg", country="6")) == "store"
    way.mend()
    await until(lambda: second.rollout.state is RolloutState.ROLLED_BACK)
    await until(lambda: not second.service.ledger.store_lost)
    first.old.answers(getNumber="ACCESS_NUMBER:902:79001234567")
    assert await second.says("getNumber", service="tg", country="6") == "ACCESS_NUMBER:902:79001234567"
    assert await second.says("getStatus", id="901") == "STATUS_WAIT_CODE"
    assert len(first.new.of("getNumber")) == sold, "no lease went to new after the rollback"
    await first.flush()
    await second.flush()
    tallies = first.store.tallies(first.name)
    asked = sum(tally.calls for key, tally in tallies.items() if key.action == "getStatus")
    assert asked == 3, "its calls are counted, and those of the others"
