"""Webhooks that came: what they do to leases, to hazards and to what the client is told."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary.core.model import Arm, Kind, LeaseState
from canary.core.money import Result, result_of
from canary.core.scores import has_code
from canary.gateway.webhooks import Webhooks
from canary.store.errors import StoreError
from canary.store.outbox import Message
from canary.store.shadow_leases import ShadowLease
from tests.desks import Providers, desk_rig, settle
from tests.factories import NOW, FakeClock
from tests.rig import Rig

TOKENS = {Arm.OLD: "o" * 24, Arm.NEW: "n" * 24}
OLD = {"success": 1, "code_delay": "5s", "minimum_hold": 0, "id_start": 700}
NEW = {**OLD, "dialect": "verifysms"}


def webhooks(gateway: Rig, *, forward: bool = True) -> Webhooks:
    """Those of a gateway; nobody sends them on here."""
    store, service = gateway.store, gateway.service
    return Webhooks(
        store.outbox(gateway.name),
        service.bindings,
        TOKENS,
        owned=store.shadow_book(gateway.name).owned,
        forward=forward,
        wake=lambda: None,
        count=service.ledger.count,
        clock=gateway.clock,
    )


def body(own: str | int, **changes: object) -> bytes:
    """What a provider posts."""
    return json.dumps(
        {"activationId": own, "service": "tg", "code": "12345", "country": 6, **changes}
    ).encode()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway between two desks whose ids are the same; every lease goes to old."""
    clock = FakeClock()
    async with desk_rig(tmp_path, Providers(clock, old=OLD, new=NEW), clock) as running:
        yield running


async def take(gateway: Rig, arm: Arm, what: bytes) -> None:
    await webhooks(gateway).take(arm, "192.0.2.1", "application/json", what)


def waiting(gateway: Rig, most: int = 100) -> list[Message]:
    """What is to be sent on."""
    return gateway.store.outbox(gateway.name).due(gateway.clock() + 1, most)


async def buy(gateway: Rig) -> str:
    """The id that the client knows."""
    return (await gateway.says("getNumber", service="tg", country="6")).split(":")[1]


async def test_a_lease_that_is_never_polled_is_a_success(gateway: Rig) -> None:
    """Its code counts at the age at which it came, on disk at once, and status 6 before a poll is no hazard."""
    lease_id = await buy(gateway)
    gateway.clock.advance(9)
    await take(gateway, Arm.OLD, body(int(lease_id)))
    on_disk = gateway.lease(lease_id)
    assert on_disk is not None
    assert has_code(on_disk, 9)
    assert not has_code(on_disk, 8)
    assert await gateway.says("setStatus", id=lease_id, status="6") == "ACCESS_ACTIVATION"
    await settle(gateway)
    lease = gateway.lease(lease_id)
    assert lease is not None
    assert (lease.state, result_of(lease)) == (LeaseState.SUCCEEDED, Result.SUCCESS)
    assert gateway.store.hazards(gateway.name) == {}


async def test_without_the_webhook_it_is_the_hazard(gateway: Rig) -> None:
    """The near miss: nobody has seen a code, and the client accepts one."""
    lease_id = await buy(gateway)
    gateway.clock.advance(9)
    await gateway.says("setStatus", id=lease_id, status="6")
    await settle(gateway)
    assert [suspect.name for suspect in gateway.store.hazards(gateway.name)] == ["finish_before_code"]


async def test_a_lease_that_is_left_alone_is_a_success_all_the_same(gateway: Rig) -> None:
    """Neither polled nor finished: the code came, so nothing is owed and no refund is unclaimed."""
    lease_id = await buy(gateway)
    gateway.clock.advance(9)
    await take(gateway, Arm.OLD, body(lease_id))
    gateway.clock.advance(2000)
    await settle(gateway)
    lease = gateway.lease(lease_id)
    assert lease is not None
    assert lease.state is LeaseState.SUCCEEDED
    assert gateway.store.hazards(gateway.name) == {}


async def test_another_code_that_comes_by_webhook_was_looked_for(gateway: Rig) -> None:
    """Who asks for another code with status 3 and gets it by webhook has not swapped it with 6; without it, yes."""
    told, left = await buy(gateway), await buy(gateway)
    gateway.clock.advance(9)
    for lease_id in (told, left):
        await take(gateway, Arm.OLD, body(lease_id))
        assert await gateway.says("setStatus", id=lease_id, status="3") == "ACCESS_RETRY_GET"
    gateway.clock.advance(9)
    await take(gateway, Arm.OLD, body(told, code="777"))
    gateway.clock.advance(2000)
    await settle(gateway)
    [(suspect, record)] = gateway.store.hazards(gateway.name).items()
    assert (suspect.name, record.n) == ("retry_finish_swapped", 1)
    assert left in record.example


async def test_replicas_know_it_from_the_store(tmp_path: Path) -> None:
    """The webhook comes to one process, the client's status 6 to another that still thinks there is no code."""
    clock = FakeClock()
    providers, state = Providers(clock, old=OLD, new=NEW), tmp_path / "shared.db"
    async with (
        desk_rig(tmp_path, providers, clock, state=state) as one,
        desk_rig(tmp_path, providers, clock, state=state) as other,
    ):
        lease_id = await buy(one)
        clock.advance(9)
        await take(other, Arm.OLD, body(lease_id))
        await one.says("setStatus", id=lease_id, status="6")
        await settle(other)
        await settle(one)
        await settle(other)
        lease = one.lease(lease_id)
        assert lease is not None
        assert (lease.state, lease.code_at) == (LeaseState.SUCCEEDED, NOW + 9)
        assert one.store.hazards(one.name) == {}


async def test_the_client_is_told_of_the_id_that_it_knows(gateway: Rig) -> None:
    """An aliased id is translated, a lease's own is not, and each arm's message is about its own lease."""
    own = await buy(gateway)
    await gateway.split(weight=1.0, stage_index=1)
    alias = await buy(gateway)
    assert alias != own
    lease = gateway.lease(alias)
    assert lease is not None
    assert (lease.arm, lease.id) == (Arm.NEW, own)
    await take(gateway, Arm.NEW, body(int(own)))
    await take(gateway, Arm.OLD, body(int(own)))
    assert [message.body for message in waiting(gateway)] == [body(int(alias)), body(int(own))]


async def test_successes_are_the_providers_own(tmp_path: Path) -> None:
    """Hundreds of leases on both arms that nobody polls: who is told a code finishes, the others give back; what was
    spent, came back and succeeded is what the providers' books say, and no client stepped into a trap."""
    clock = FakeClock()
    sells = {"success": 0.6, "code_delay": "5s", "minimum_hold": "20s", "webhook": "http://told/"}
    old = {**sells, "dialect": "verifysms", "cost_header": "X-VerifySMS-Cost", "id_start": 700}
    providers = Providers(clock, old=old, new=old)
    arms = {"old": {"provider": "verifysms"}, "new": {"provider": "verifysms"}}
    async with desk_rig(tmp_path, providers, clock, rollout={"weight": 0.5}, **arms) as gateway:
        for _ in range(6):
            leases = {await buy(gateway) for _ in range(50)}
            clock.advance(9)
            before = len(waiting(gateway, 1000))
            for arm in Arm:
                for _, message in providers.desks[arm].webhooks():
                    await take(gateway, arm, json.dumps(message).encode())
            told = {str(json.loads(one.body)["activationId"]) for one in waiting(gateway, 1000)[before:]}
            assert told <= leases
            clock.advance(20)
            for lease_id in leases:
                await gateway.says("setStatus", id=lease_id, status="6" if lease_id in told else "8")
            await settle(gateway)
        money = gateway.store.money(gateway.name)
        for arm in Arm:
            books = providers.books(arm)
            assert money[arm].successes == sum(bool(lease.codes) for lease in books.leases) > 50
            assert (money[arm].spent, money[arm].refunded) == (books.spent, books.refunded)
        assert gateway.store.hazards(gateway.name) == {}


async def test_a_repetition_is_recorded_once(gateway: Rig) -> None:
    """Whatever is repeated: the first counts, and the client hears of it once."""
    lease_id = await buy(gateway)
    for _ in range(3):
        gateway.clock.advance(9)
        await take(gateway, Arm.OLD, body(lease_id))
    await gateway.flush()
    lease = gateway.lease(lease_id)
    assert lease is not None
    assert lease.code_at == NOW + 9
    assert len(waiting(gateway)) == 1
    assert (gateway.count("webhooks"), gateway.count("webhooks_repeated")) == (3, 2)


@pytest.mark.parametrize("what", [body(999), b"not json", b"", b'{"test": true}'])
async def test_what_nobody_knows_reaches_the_client_as_it_came(gateway: Rig, what: bytes) -> None:
    """A number bought before the harness was put in, and whatever else a provider may have to say."""
    await take(gateway, Arm.OLD, what)
    assert [message.body for message in waiting(gateway)] == [what]
    assert gateway.count("webhooks_unknown") == 1


async def test_a_message_without_a_code_is_passed_on_and_no_success(gateway: Rig) -> None:
    """An empty code is none."""
    lease_id = await buy(gateway)
    await take(gateway, Arm.OLD, body(lease_id, code=None))
    lease = gateway.lease(lease_id)
    assert lease is not None
    assert lease.code_at is None
    assert len(waiting(gateway)) == 1


async def test_a_rent_has_codes_too(gateway: Rig) -> None:
    """In its own shape, with ids of its own."""
    said = await gateway.says("getRentNumber", service="tg", country="6", rent_time="4")
    own = json.loads(said)["phone"]["id"]
    await take(gateway, Arm.OLD, json.dumps({"rentId": own, "sms": {"text": "12345"}}).encode())
    lease = gateway.lease(str(own), Kind.RENT)
    assert lease is not None
    assert lease.code_at is not None


async def test_a_shadow_lease_is_no_business_of_the_client(gateway: Rig) -> None:
    """It never heard of that number."""
    book = gateway.store.shadow_book(gateway.name)
    lease = ShadowLease("s", "sandbox", NOW, NOW, NOW + 1200, own_id="555")
    assert book.reserve(lease, None) is None
    book.bought(lease)
    await take(gateway, Arm.NEW, body(555))
    assert waiting(gateway) == []
    await take(gateway, Arm.OLD, body(555))
    assert len(waiting(gateway)) == 1


async def test_without_a_receiver_of_the_client_it_is_recorded_alone(gateway: Rig) -> None:
    """The lease has its code, nothing waits, and the body is not kept."""
    lease_id = await buy(gateway)
    await webhooks(gateway, forward=False).take(Arm.OLD, "192.0.2.1", "", body(lease_id))
    lease = gateway.lease(lease_id)
    assert lease is not None
    assert lease.code_at is not None
    assert gateway.store.outbox(gateway.name).waiting().n == 0


async def test_a_store_that_fails_is_said(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider must repeat it: neither memory nor anybody else knows of it."""
    lease_id = await buy(gateway)
    taking = webhooks(gateway)

    def lost(*_: object, **__: object) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(type(gateway.store.outbox(gateway.name)), "put", lost)
    with pytest.raises(StoreError):
        await taking.take(Arm.OLD, "192.0.2.1", "", body(lease_id))
    [lease] = [one for one in gateway.service.bindings.leases if one.visible_id == lease_id]
    assert lease.code_at is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.text(max_size=300), st.text(max_size=300))
async def test_nothing_that_comes_raises(gateway: Rig, what: bytes, source: str, content_type: str) -> None:
    """Whatever the bytes, they are kept as they are."""
    safe = [text.encode("utf-8", "replace").decode().replace("\0", "?") for text in (source, content_type)]
    await webhooks(gateway).take(Arm.NEW, *safe, what)
