"""The watch: hazards found behind the client's path, looked up before they count, kept with their evidence."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from time import time

import pytest
from aiohttp import web

from canary.core.hazards import HazardName, Record, Suspect
from canary.core.leases import of_each
from canary.core.model import Arm, Outcome, Progress, Request
from canary.core.protocol.rewrite import fingerprint
from canary.gateway import watch as module
from canary.gateway.watch import OTHERS, SETTLE
from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from canary.sim.traffic.plan import TrafficPlan
from canary.sim.traffic.run import run_traffic
from canary.store.errors import StoreUnavailable
from tests.factories import CLIENT_KEY, NOW, PATH, tcall, texchange, tlease, treply
from tests.rig import Rig, rig

KEY = fingerprint(CLIENT_KEY)
BOUGHT = "ACCESS_NUMBER:7:79584123456"


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway whose old arm has sold one number."""
    async with rig(tmp_path) as gateway:
        gateway.old.answers(getNumber=BOUGHT, getStatus="STATUS_WAIT_CODE", setStatus="ACCESS_ACTIVATION")
        await gateway.ask("getNumber", service="tg", country="6")
        yield gateway


async def settled(gateway: Rig) -> dict[Suspect, Record]:
    """What the store holds once every hazard has been looked up."""
    await gateway.flush()
    gateway.clock.advance(SETTLE + 1)
    await gateway.service.ledger.watch.settle()
    await gateway.flush()
    return gateway.store.hazards(gateway.name)


async def test_evidence_is_kept_with_who_when_and_how_often(watched: Rig) -> None:
    """One row per client: first and last seen, count, money and an example without the key."""
    for country in ("6", "ID", "6"):
        watched.clock.advance(60)
        await watched.ask("getPrices", country=country)
    found = await settled(watched)
    assert found == {
        Suspect(HazardName.MIXED_COUNTRY_IDS, "192.0.2.7", KEY): Record(
            2,
            NOW + 120,
            NOW + 180,
            Decimal(0),
            "getPrices country=ID -> BAD_ACTION (ids before, names now)",
        )
    }
    assert watched.count("hazard_mixed_country_ids") == 2


async def test_a_hazard_about_a_lease_waits_until_everyone_has_written(watched: Rig) -> None:
    """At once it proves nothing: another process may have seen the code."""
    await watched.ask("setStatus", id="7", status="6")
    await watched.flush()
    await watched.service.ledger.watch.settle()
    assert watched.count("hazard_finish_before_code") == 0
    assert [one.name for one in await settled(watched)] == [HazardName.FINISH_BEFORE_CODE]


async def test_another_process_clears_a_client(watched: Rig, tmp_path: Path) -> None:
    """The code was polled through one process, the finish went through the other."""
    async with rig(tmp_path, state=watched.state, clock=watched.clock) as other:
        other.old.answers(getStatus="STATUS_OK:1234")
        await other.ask("getStatus", id="7")
        watched.clock.advance(1)
        await watched.ask("setStatus", id="7", status="6")
        await other.flush()
        assert await settled(watched) == {}


async def test_a_lease_that_ran_out_is_counted_with_its_money(tmp_path: Path) -> None:
    """Its client never cancelled: the price is held up."""
    async with rig(tmp_path, old={"provider": "daisysms"}) as gateway:
        gateway.old.answers(getNumberV2='{"activationId":7,"phoneNumber":"79","activationCost":0.35}')
        await gateway.ask("getNumberV2", service="tg")
        gateway.clock.advance(901)
        gateway.service.ledger.close_expired()
        [(suspect, record)] = (await settled(gateway)).items()
    assert (suspect.name, record.n, record.amount) == (HazardName.UNCLAIMED_REFUND, 1, Decimal("0.35"))


async def test_a_poll_that_finds_the_lease_over_is_its_end_too(watched: Rig) -> None:
    """The provider's word comes before our own count of the lifetime."""
    watched.clock.advance(1190)
    watched.old.answers(getStatus="STATUS_CANCEL")
    await watched.ask("getStatus", id="7")
    assert [one.name for one in await settled(watched)] == [HazardName.UNCLAIMED_REFUND]


async def test_a_stop_looks_up_what_waits(watched: Rig) -> None:
    """Nothing that was seen is lost by a restart."""
    await watched.ask("setStatus", id="7", status="6")
    await watched.service.stop()
    assert [one.name for one in watched.store.hazards(watched.name)] == [HazardName.FINISH_BEFORE_CODE]


async def test_without_the_store_hazards_wait_on(watched: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked up when it is back."""
    watch = watched.service.ledger.watch
    await watched.ask("setStatus", id="7", status="6")
    await watched.flush()
    watched.clock.advance(SETTLE + 1)

    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(watch, "_find", gone)
        assert not await watch.settle()
    assert [one.name for one in await settled(watched)] == [HazardName.FINISH_BEFORE_CODE]


async def test_records_that_could_not_be_written_are_written_again(
    watched: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that the store refuses is kept, hazards and all."""
    for country in ("6", "ID"):
        await watched.ask("getPrices", country=country)

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(watched.store, "flush", gone)
        assert not await watched.service.ledger.flush()
    await watched.flush()
    assert len(watched.store.hazards(watched.name)) == 1


async def test_clients_beyond_number_are_one_together(watched: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are bounded, and the total stays right."""
    monkeypatch.setattr(module, "MOST", 2)
    watch = watched.service.ledger.watch
    for n in range(5):
        for country in ("6", "ID"):
            call = tcall("getPrices", country=country)
            watch.see(texchange(call, client=f"192.0.2.{n}"), [], whole=True)
    found = await settled(watched)
    assert sorted(one.client for one in found) == ["192.0.2.0", "192.0.2.1", OTHERS]
    assert sum(record.n for record in found.values()) == 5


async def test_several_leases_of_one_poll_are_told_apart(watched: Rig) -> None:
    """One is followed, the one that its own arm denies raises the alarm."""
    watched.old.answers(
        getNumber="ACCESS_NUMBER:8:79", getStatusV2='{"7":"STATUS_OK:1234","8":"NO_ACTIVATION"}'
    )
    await watched.ask("getNumber", service="tg", country="6")
    await watched.ask("getStatusV2", id="7,8")
    await watched.flush()
    seven, eight = watched.lease("7"), watched.lease("8")
    assert seven is not None
    assert eight is not None
    assert (seven.code_at, eight.code_at) == (NOW, None)
    assert watched.count("misrouted") == watched.count("hazard_misrouted") == 1


def test_an_answer_to_several_ids_that_does_not_tell_them_apart_says_nothing() -> None:
    """No lease is over because one of them is."""
    over = treply(code="STATUS_CANCEL", progress=Progress.CANCELLED)
    exchange = texchange(tcall("getStatusV2", id="7,8"), over)
    told = of_each(exchange, [tlease(id="7"), tlease(id="8")])
    assert [about.reply.progress for _, about in told] == [None, None]
    assert [about.reply.outcome for _, about in told] == [Outcome.OK] * 2


POLITE = TrafficPlan(
    rate=40,
    duration=4,
    clients=6,
    poll_interval=0.2,
    patience=1.2,
    global_reads=0.3,
    another_code=0.2,
    seed="polite",
)
SELLER = Behaviour(
    dialect="generic", success=0.7, code_delay="200ms", minimum_hold="500ms", lifetime="30s", id_start=1000
)
PROFILE = "name: quick\ntitle: quick\nlifetime: 30s\nminimum_hold: 500ms\npoll_interval: 200ms\n"


async def test_well_behaved_clients_step_into_no_trap(tmp_path: Path) -> None:
    """Polite traffic over both arms, with second codes, cancels and reads: not one hazard."""
    (tmp_path / "quick.yaml").write_text(PROFILE)
    quick = {"provider": "./quick.yaml"}
    new_seller = SELLER.model_copy(update={"id_start": 900_000})
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(Provider(SELLER, seed="old"))
        new = await stack.enter_async_context(Provider(new_seller, seed="new"))
        gateway = await stack.enter_async_context(
            rig(
                tmp_path,
                rollout={"weight": 0.5},
                urls=(old.url, new.url),
                clock=time,
                old=quick,
                new=quick,
            )
        )
        report = await run_traffic(POLITE, await stack.enter_async_context(door(gateway)))
        await gateway.flush()
        await gateway.service.ledger.watch.settle(at_once=True)
        await gateway.flush()
        found = gateway.store.hazards(gateway.name)
    assert report.outcomes["succeeded"] > 50
    assert report.outcomes["cancelled"] > 10
    assert {life.arm for life in report.leases if life.arm} == {Arm.OLD, Arm.NEW}
    assert found == {}


@asynccontextmanager
async def door(gateway: Rig) -> AsyncIterator[str]:
    """A plain HTTP ingress; gives the endpoint's URL."""

    async def serve(request: web.BaseRequest) -> web.Response:
        target, headers = request.raw_path, tuple(request.headers.items())
        path, _, query = target.partition("?")
        asked = Request(request.method, path, query, headers, await request.read(), request.remote or "")
        answer = await gateway.handle(asked)
        kept = {name: value for name, value in answer.headers if name.lower() != "content-length"}
        return web.Response(body=answer.body, status=answer.status, headers=kept)

    server = web.Server(serve)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{PATH}"
    finally:
        listening.close()
        await server.shutdown(1)
