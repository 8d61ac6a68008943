"""One proxy process behind its ingress: put together, started, stopped, started again."""

import asyncio
from pathlib import Path

import pytest

from canary.core.model import Arm
from canary.gateway.config import load, resolve
from canary.gateway.service import GatewayService
from canary.sim.tls import Authority
from canary.store.errors import StoreUnavailable
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import trollout
from tests.rig import ENVIRON, policy, rig, written
from tests.upstreams import ScriptedUpstream, hangs, says

URL = "http://127.0.0.1:9/stubs/handler_api.php"


def _service(folder: Path, store: Store) -> GatewayService:
    loaded = load(written(folder, policy(URL, URL)))
    rollout = store.create(trollout(name="rig"), StoredPolicy("0123456789ab", "{}"))
    return GatewayService(loaded, resolve(loaded, ENVIRON), store, rollout)


async def test_what_never_started_can_be_stopped(tmp_path: Path) -> None:
    """A start that failed elsewhere ends like any other."""
    store = Store(tmp_path / "state.db")
    await _service(tmp_path, store).stop()
    store.close()


async def test_a_start_without_the_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory cannot be filled: the start fails, and what was begun can be ended."""

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    store = Store(tmp_path / "state.db")
    service = _service(tmp_path, store)
    monkeypatch.setattr(store, "load_live", gone)
    with pytest.raises(StoreUnavailable):
        await service.start()
    await service.stop()
    store.close()


async def test_a_stop_writes_what_is_left_and_closes_every_connection(tmp_path: Path) -> None:
    """The last counts are in the store, shadow copies on their way are let go, no pool stays open."""
    async with rig(tmp_path, rollout={"shadow": 1.0}, shadow={"noise": 0}) as gateway:
        gateway.new.otherwise = hangs
        for _ in range(12):
            await gateway.ask("getPrices")
        await gateway.new.has_heard(8)
        await gateway.service.stop()
        await gateway.old.has_no_connection()
        await gateway.new.has_no_connection()
        tallies = gateway.store.tallies(gateway.name)
        assert sum(tally.calls for tally in tallies.values()) == 12
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert names.isdisjoint({"rollout view", "ledger", "shadow"})


async def test_a_stop_without_the_store_ends_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written is lost with a word, and nothing hangs."""

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    async with rig(tmp_path) as gateway:
        await gateway.ask("getPrices")
        monkeypatch.setattr(gateway.store, "flush", gone)
        await gateway.service.stop()
        await gateway.old.has_no_connection()


async def test_arms_and_shadow_have_pools_of_their_own(tmp_path: Path) -> None:
    """Limits and timeouts of one arm, or of the shadow, are nobody else's."""
    new = {"timeout": "7s", "max_in_flight": 3}
    async with rig(tmp_path, new=new, shadow={"timeout": "2s"}) as gateway:
        service = gateway.service
        pools = {id(pool) for pool in (*service.upstreams.values(), *service._shadow_upstreams.values())}
        assert len(pools) == 4
        assert service.upstreams[Arm.NEW]._timeout == 7
        assert service.upstreams[Arm.OLD]._timeout == 20
        assert {pool._timeout for pool in service._shadow_upstreams.values()} == {2}


async def test_workers_share_what_the_policy_allows(tmp_path: Path) -> None:
    """Four processes on one port open no more connections to an arm, keep no more copies and ask no more often for
    balances than one would; each may do something."""
    changes = {"new": {"max_in_flight": 3}, "shadow": {"queue": 1000}, "reconcile": {"poll": "10m"}}
    loaded = load(written(tmp_path, policy(URL, URL, **changes)))
    store = Store(tmp_path / "state.db")
    rollout = store.create(trollout(name="rig"), StoredPolicy("0123456789ab", "{}"))
    service = GatewayService(loaded, resolve(loaded, ENVIRON), store, rollout, workers=4)
    assert {arm: pool._pool._limit for arm, pool in service.upstreams.items()} == {Arm.OLD: 64, Arm.NEW: 1}
    assert service.shadow._queue.maxsize == 250
    assert service.accounts._poll == 2400.0
    store.close()


async def test_a_ca_beside_the_policy_is_trusted(tmp_path: Path) -> None:
    """HTTPS to an arm with a certificate of one's own, over client and shadow pools alike."""
    authority = Authority.kept(tmp_path / "ca.pem")
    async with ScriptedUpstream(authority.context(), otherwise=says("{}")) as upstream:
        sides = {"old": {"ca": "ca.pem"}, "new": {"ca": "ca.pem"}}
        async with rig(
            tmp_path, rollout={"shadow": 1.0}, urls=(upstream.url, upstream.url), shadow={"noise": 0}, **sides
        ) as gateway:
            assert await gateway.says("getPrices") == "{}"
            await upstream.has_heard(2)
