"""Purchases: sent once, spilled over only when nothing was sent, durable before they are shown."""

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from canary.core.model import Arm, Kind, LeaseState
from canary.store.errors import StoreRefused, StoreUnavailable
from tests.factories import NEW_KEY, NOW, OLD_KEY, treq
from tests.rig import Rig, rig
from tests.upstreams import (
    Heard,
    Play,
    Wire,
    closes,
    hangs,
    nobody,
    resets,
    response,
    says,
    url_of,
    waits_for,
)

BOUGHT = "ACCESS_NUMBER:635468024:79584123456"
ALL_NEW = {"weight": 1.0}


async def purchases(gateway: Rig) -> list[dict[str, Any]]:
    """The purchases in the store, as another process reads them."""
    await gateway.flush()
    with sqlite3.connect(gateway.state) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM purchases ORDER BY at, rowid")]


# --- the answer -----------------------------------------------------------------------------------------------


async def test_a_purchase_is_answered_and_bound(gateway: Rig) -> None:
    """The client gets the arm's bytes; the lease and its purchase are in the store."""
    gateway.old.answers(getNumber=says(BOUGHT + "\n", X_Price="0.35"))
    answer = await gateway.ask("getNumber", service="tg", country="6")
    assert answer.body.decode() == BOUGHT + "\n"
    assert answer.header("x-canary-arm") == "old"
    lease = gateway.lease("635468024")
    assert lease is not None
    assert (lease.arm, lease.kind, lease.state) == (Arm.OLD, Kind.ACTIVATION, LeaseState.OPEN)
    assert (lease.service, lease.country, lease.client) == ("tg", "6", "192.0.2.7")
    assert (lease.opened_at, lease.expires_at) == (NOW, NOW + 1200)
    [row] = await purchases(gateway)
    assert row["id"] == lease.purchase
    assert (row["arm"], row["assigned_arm"], row["probability"], row["spilled"]) == ("old", "old", 0.0, 0)
    assert (row["outcome"], row["code"], row["failure"]) == ("ok", "ACCESS_NUMBER", None)


async def test_each_arm_is_asked_with_its_own_key(gateway: Rig) -> None:
    """The client's key reaches neither arm."""
    await gateway.ask("getNumber", service="tg")
    await gateway.split(weight=1.0)
    await gateway.ask("getNumber", service="tg")
    assert [one.params["api_key"] for one in gateway.old.heard] == [OLD_KEY]
    assert [one.params["api_key"] for one in gateway.new.heard] == [NEW_KEY]


async def test_the_price_in_the_header_comes_first(tmp_path: Path) -> None:
    """A provider's cost header is the price paid; without it the reply's own."""
    body = '{"activationId":7,"phoneNumber":"79584123456","activationCost":12.50}'
    async with rig(tmp_path, rollout=ALL_NEW, new={"provider": "verifysms"}) as gateway:
        gateway.new.next.extend([says(body, X_VerifySMS_Cost="0.35"), says(body.replace("7,", "8,"))])
        await gateway.ask("getNumberV2")
        await gateway.ask("getNumberV2")
        first, second = gateway.lease("7"), gateway.lease("8")
    assert first is not None
    assert second is not None
    assert (first.price, first.price_source) == (Decimal("0.35"), "header")
    assert (second.price, second.price_source) == (Decimal("12.50"), "reply")


async def test_a_purchase_of_several_numbers_binds_each(gateway: Rig) -> None:
    """Every number of one reply is a lease of one purchase."""
    gateway.old.answers(
        getMultiServiceNumber='[{"phone":"79","activation":1,"service":"vk"},'
        '{"phone":"78","activation":2,"service":"ok"}]'
    )
    await gateway.ask("getMultiServiceNumber", multiService="vk,ok")
    leases = [gateway.lease("1"), gateway.lease("2")]
    assert [lease.service for lease in leases if lease] == ["vk", "ok"]
    assert len(await purchases(gateway)) == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("NO_NUMBERS", "business"),
        ("NO_BALANCE", "account"),
        ("BAD_SERVICE", "caller"),
        ("ERROR_SQL", "provider"),
    ],
)
async def test_a_refused_purchase_is_passed_on_and_counted(gateway: Rig, body: str, outcome: str) -> None:
    """No number, no lease: the refusal goes to the client and into the judge's rows; nothing is lost."""
    gateway.old.answers(getNumber=body)
    assert await gateway.says("getNumber") == body
    [row] = await purchases(gateway)
    assert (row["outcome"], row["code"]) == (outcome, body)
    assert gateway.count("lost_purchases") == 0


async def test_the_lease_lives_as_long_as_its_service_or_its_reply_says(tmp_path: Path) -> None:
    """The profile's lifetime of the service, unless the reply names an end that can be read."""
    async with rig(tmp_path, old={"provider": "sms-activate"}) as gateway:
        gateway.old.next.extend(
            [
                says("ACCESS_NUMBER:1:79"),
                says("ACCESS_NUMBER:2:79"),
                says('{"activationId":3,"phoneNumber":"79","activationEndTime":"2023-11-14T22:58:20Z"}'),
                says('{"activationId":4,"phoneNumber":"79","activationEndTime":"soon"}'),
            ]
        )
        for service in ("tg", "ya", "tg", "tg"):
            await gateway.ask("getNumberV2", service=service)
        ends = [lease.expires_at for own in "1234" if (lease := gateway.lease(own))]
    assert ends == [NOW + 1200, NOW + 2400, NOW + 2700, NOW + 1200]


@pytest.mark.parametrize(
    ("params", "hours"), [({"rent_time": "24"}, 24), ({}, None), ({"rent_time": "x"}, None)]
)
async def test_a_rent_lives_for_its_rent_time(
    gateway: Rig, params: dict[str, str], hours: int | None
) -> None:
    """A rent lasts hours to weeks; one of unknown length ends only when the provider says so."""
    gateway.old.answers(getRentNumber='{"status":"success","phone":{"id":1049,"endDate":"x","number":"79"}}')
    await gateway.ask("getRentNumber", service="tg", **params)
    lease = gateway.lease("1049", Kind.RENT)
    assert lease is not None
    assert lease.expires_at == (None if hours is None else NOW + hours * 3600)


# --- spillover ------------------------------------------------------------------------------------------------


async def test_a_purchase_spills_over_when_new_cannot_be_reached(tmp_path: Path) -> None:
    """Nothing was sent to new, so old may serve; the failure stays with new."""
    with nobody() as sock:
        async with rig(tmp_path, rollout=ALL_NEW, urls=(None, url_of(sock))) as gateway:
            gateway.old.answers(getNumber=BOUGHT)
            answer = await gateway.ask("getNumber", service="tg")
            [row] = await purchases(gateway)
            lease = gateway.lease("635468024")
    assert answer.body.decode() == BOUGHT
    assert answer.header("x-canary-arm") == "old"
    assert len(gateway.old.heard) == 1
    assert lease is not None
    assert lease.arm is Arm.OLD
    assert (row["arm"], row["assigned_arm"], row["spilled"], row["failure"]) == ("old", "new", 1, "connect")
    assert gateway.count("spillovers") == 1
    assert gateway.count("lost_purchases") == 0


async def test_a_purchase_spills_over_when_the_pool_of_new_is_full(tmp_path: Path) -> None:
    """Our own limit is no reason to lose a purchase: it was not sent."""
    release = asyncio.Event()
    new = {"max_in_flight": 1, "timeout": "600ms"}
    async with rig(tmp_path, rollout=ALL_NEW, new=new) as gateway:
        gateway.new.next.append(waits_for(release, says("NO_NUMBERS")))
        gateway.old.answers(getNumber=BOUGHT)
        first = asyncio.create_task(gateway.ask("getNumber"))
        await gateway.new.has_heard(1)
        answer = await gateway.ask("getNumber")
        release.set()
        await first
    assert answer.body.decode() == BOUGHT
    assert len(gateway.new.heard) == 1


@pytest.mark.parametrize(
    ("play", "why"),
    [(closes(), "reset"), (resets(), "reset"), (hangs, "timeout")],
    ids=["fin", "rst", "hang"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_purchase_that_may_have_been_made_is_not_made_again(
    tmp_path: Path, play: Play, why: str, method: str
) -> None:
    """An answer that never came: one request on one arm, the legacy's own word, and a lost purchase."""
    timeout = "400ms" if why == "timeout" else "20s"
    async with rig(tmp_path, rollout=ALL_NEW, new={"timeout": timeout}) as gateway:
        gateway.new.answers(getNumber=play)
        answer = await gateway.ask("getNumber", service="tg", method=method)
        [row] = await purchases(gateway)
    assert (answer.status, answer.body) == (200, b"ERROR_SQL")
    assert answer.header("x-canary-error") == why
    assert answer.header("x-canary-arm") == "new"
    assert (len(gateway.new.heard), len(gateway.old.heard)) == (1, 0)
    assert (row["arm"], row["spilled"], row["failure"]) == ("new", 0, why)
    assert gateway.count("lost_purchases") == 1


@pytest.mark.parametrize(
    "play",
    [
        says(""),
        says("<html>oops</html>"),
        says("ACCESS_NUMBR:1:2"),
        says("ACCESS_NUMBER:1:2", 500),
        says("{"),
    ],
)
async def test_an_answer_that_says_nothing_may_have_been_a_purchase(gateway: Rig, play: Play) -> None:
    """An empty, broken or unknown reply is passed on as it is and counted as lost, unless it names a number."""
    gateway.old.answers(getNumber=play)
    await gateway.ask("getNumber")
    assert len(gateway.old.heard) == 1
    assert gateway.count("lost_purchases") == (0 if gateway.lease("1") else 1)


@pytest.mark.parametrize(
    ("rollout", "changes"),
    [
        (ALL_NEW, {"spillover": False}),  # the policy says no
        ({"weight": 1.0, "safe_arm": Arm.NEW}, {}),  # after the cutover
    ],
)
async def test_no_spillover_where_it_is_off(
    tmp_path: Path, rollout: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Off by policy, and never after the cutover: old may be gone for good."""
    with nobody() as sock:
        async with rig(tmp_path, rollout=rollout, urls=(None, url_of(sock)), **changes) as gateway:
            answer = await gateway.ask("getNumber")
            [row] = await purchases(gateway)
    assert answer.body == b"ERROR_SQL"
    assert answer.header("x-canary-error") == "connect"
    assert gateway.old.heard == []
    assert (row["failure"], row["spilled"]) == ("connect", 0)
    assert gateway.count("lost_purchases") == 0


async def test_old_does_not_spill_over_to_new(tmp_path: Path) -> None:
    """The exception is for the canary's sake only."""
    with nobody() as sock:
        async with rig(tmp_path, urls=(url_of(sock), None)) as gateway:
            assert await gateway.says("getNumber") == "ERROR_SQL"
    assert gateway.new.heard == []


async def test_both_arms_unreachable_is_answered_once(tmp_path: Path) -> None:
    """A spillover that fails as well ends there."""
    with nobody() as sock:
        async with rig(tmp_path, rollout=ALL_NEW, urls=(url_of(sock), url_of(sock))) as gateway:
            answer = await gateway.ask("getNumber")
            [row] = await purchases(gateway)
    assert answer.body == b"ERROR_SQL"
    assert (row["arm"], row["spilled"]) == ("old", 1)


async def test_a_purchase_of_unknown_fate_on_the_spill_arm_is_lost_there(tmp_path: Path) -> None:
    """A spilled purchase whose answer broke off is looked for on the arm that got it."""
    with nobody() as sock:
        async with rig(tmp_path, rollout=ALL_NEW, urls=(None, url_of(sock))) as gateway:
            gateway.old.answers(getNumber=closes())
            await gateway.ask("getNumber")
            [row] = await purchases(gateway)
    assert (row["arm"], row["spilled"]) == ("old", 1)
    assert gateway.count("lost_purchases") == 1
    assert len(gateway.old.heard) == 1


# --- orders -----------------------------------------------------------------------------------------------------


async def test_an_order_that_is_repeated_goes_to_the_same_arm(tmp_path: Path) -> None:
    """The provider promises not to process an order twice; a repeat elsewhere would buy a second number."""
    async with rig(tmp_path, rollout={"weight": 0.5}) as gateway:
        for number in range(20):
            for _ in range(3):
                await gateway.ask("getNumberV2", orderId=f"order-{number}")
        by_old = {one.params["orderId"] for one in gateway.old.heard}
        by_new = {one.params["orderId"] for one in gateway.new.heard}
    assert by_old
    assert by_new
    assert by_old.isdisjoint(by_new)


async def test_a_repeated_order_goes_back_whatever_the_weight(tmp_path: Path) -> None:
    """A repeat after the weight changed, or after a rollback, still reaches the arm that has the order."""
    async with rig(tmp_path, rollout={"weight": 1.0}) as gateway:
        await gateway.ask("getNumberV2", orderId="order-1")
        await gateway.flush()
        await gateway.split(weight=0.0)
        await gateway.ask("getNumberV2", orderId="order-1")
    assert [one.params["orderId"] for one in gateway.new.heard] == ["order-1", "order-1"]
    assert gateway.old.heard == []


async def test_an_order_does_not_spill_over(tmp_path: Path) -> None:
    """When new is back, the repeat of a spilled order would buy a second number there."""
    with nobody() as sock:
        async with rig(tmp_path, rollout=ALL_NEW, urls=(None, url_of(sock))) as gateway:
            assert await gateway.says("getNumberV2", orderId="1") == "ERROR_SQL"
    assert gateway.old.heard == []


# --- parents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "parameter", "body"),
    [
        ("getExtraActivation", "activationId", "ACCESS_NUMBER:900:79584123456"),
        ("getAdditionalService", "id", "ADDITIONAL:900:79584123456"),
        ("reactivate", "id", '{"activationId":"900","phoneNumber":"79584123456"}'),
    ],
)
async def test_a_purchase_upon_a_lease_goes_to_its_arm(
    gateway: Rig, action: str, parameter: str, body: str
) -> None:
    """What builds on a number can only be bought where the number is, whatever the weight is now."""
    gateway.old.answers(getNumber=BOUGHT)
    await gateway.ask("getNumber")
    await gateway.split(weight=1.0)
    gateway.old.answers(**{action: body})
    answer = await gateway.ask(action, **{parameter: "635468024"})
    assert answer.header("x-canary-arm") == "old"
    lease = gateway.lease("900")
    assert lease is not None
    assert lease.arm is Arm.OLD
    assert gateway.new.heard == []
    assert [row["assigned_arm"] for row in await purchases(gateway)] == ["old", None]


async def test_a_prolonged_rent_stays_on_its_arm(gateway: Rig) -> None:
    """The same id is the same rent, which lives longer; a new id for it is bound to the same arm."""
    body = '{"status":"success","phone":{"id":%d,"endDate":"2020-01-31T12:01:52","number":"79959707564"}}'
    await gateway.split(weight=1.0)
    gateway.new.answers(getRentNumber=body % 1049)
    await gateway.ask("getRentNumber", rent_time="4")
    await gateway.split(weight=0.0)
    gateway.clock.advance(3600)
    gateway.new.next.extend([says(body % 1049), says(body % 2050)])
    for _ in range(2):
        await gateway.ask("continueRentNumber", id="1049", rent_time="12")
    first, second = gateway.lease("1049", Kind.RENT), gateway.lease("2050", Kind.RENT)
    assert first is not None
    assert second is not None
    assert (first.arm, first.opened_at, first.expires_at) == (Arm.NEW, NOW, NOW + 13 * 3600)
    assert second.arm is Arm.NEW
    assert gateway.old.heard == []


async def test_a_purchase_upon_an_unknown_lease_goes_to_the_safe_arm(gateway: Rig) -> None:
    """Bought before the harness was put in: it can only be on old, and is not drawn."""
    await gateway.split(weight=1.0)
    await gateway.ask("getExtraActivation", activationId="5")
    assert (len(gateway.old.heard), len(gateway.new.heard)) == (1, 0)
    [row] = await purchases(gateway)
    assert row["assigned_arm"] is None


# --- durable before visible ---------------------------------------------------------------------------------------


async def test_the_binding_is_on_disk_when_the_answer_is_given(gateway: Rig) -> None:
    """Another connection finds the lease at the moment at which the gateway answers."""
    gateway.old.answers(getNumber=BOUGHT)
    task = asyncio.create_task(gateway.ask("getNumber"))
    seen: list[int] = []
    task.add_done_callback(lambda _: seen.append(_count_leases(gateway.state)))
    await task
    await asyncio.sleep(0)
    assert seen == [1]


def _count_leases(state: Path) -> int:
    with sqlite3.connect(state) as connection:
        [n] = connection.execute("SELECT count(*) FROM leases").fetchone()
    return int(n)


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), RuntimeError("a defect")])
async def test_a_number_that_cannot_be_bound_is_not_shown(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """With the store gone the client gets no number: after a restart its calls would go astray."""

    def gone(*_: object) -> None:
        raise error

    gateway.old.answers(getNumber=BOUGHT)
    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "bind", gone)
        answer = await gateway.ask("getNumber")
    assert answer.body == b"ERROR_SQL"
    assert answer.header("x-canary-error") in {"store", "internal"}
    assert (
        gateway.count("unbound_purchases" if isinstance(error, StoreUnavailable) else "internal_errors") == 1
    )
    gateway.old.answers(getNumber="ACCESS_NUMBER:2:79")
    assert await gateway.says("getNumber") == "ACCESS_NUMBER:2:79"


async def test_nothing_is_bought_while_the_store_is_lost(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a batch was not taken a purchase is refused unsent, until the store takes one again."""

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    gateway.old.answers(getNumber=BOUGHT)
    with monkeypatch.context() as patch:
        patch.setattr(gateway.store, "flush", gone)
        assert not await gateway.service.ledger.flush()
        answer = await gateway.ask("getNumber")
    assert (answer.body, answer.header("x-canary-error")) == (b"ERROR_SQL", "store")
    assert gateway.count("refused_purchases") == 1
    assert gateway.old.heard == []
    await gateway.flush()
    assert await gateway.says("getNumber") == BOUGHT


async def test_rows_that_are_refused_are_no_lost_store(gateway: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that clashes says nothing of the next purchase, which may well be written."""

    def clash(*_: object, **__: object) -> None:
        raise StoreRefused("clash")

    gateway.old.answers(getNumber=BOUGHT)
    monkeypatch.setattr(gateway.store, "flush", clash)
    assert not await gateway.service.ledger.flush()
    assert await gateway.says("getNumber") == BOUGHT


async def test_purchases_at_once_are_all_bound(tmp_path: Path) -> None:
    """A hundred clients at once: each gets a number of its own, each is on disk, none is sent twice."""
    async with rig(tmp_path, rollout={"weight": 0.5}) as gateway:
        for arm, first in ((gateway.old, 1000), (gateway.new, 2000)):
            arm.answers(getNumber=_counting(first))
        answers = await asyncio.gather(*(gateway.says("getNumber") for _ in range(100)))
        assert _count_leases(gateway.state) == 100
        sent = len(gateway.old.heard) + len(gateway.new.heard)
    assert len(set(answers)) == 100
    assert sent == 100


def _counting(first: int) -> Play:
    numbers = iter(range(first, first + 1000))

    async def play(wire: Wire, heard: Heard) -> None:
        await wire.send(response(f"ACCESS_NUMBER:{next(numbers)}:79"))

    return play


# --- the other ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "body", "own"),
    [
        ("getNumber", "ACCESS_NUMBER:635468024:79584123456\n", "635468024"),
        ("getNumberV2", '{"activationId": 635468024, "phoneNumber": "79584123456"}', "635468024"),
        ("getNumberV2", '{"activationId":"635468024","phoneNumber":"79584123456"}', "635468024"),
        ("getMultiServiceNumber", '[{"phone":"79","activation":"635468024","service":"vk"}]', "635468024"),
        ("getNumber", "ACCESS_NUMBER:ORD-7F3A:79584123456", "ORD-7F3A"),
    ],
)
async def test_an_id_that_the_other_arm_uses_gets_an_alias(
    gateway: Rig, action: str, body: str, own: str
) -> None:
    """The second lease of one id is shown under another of its kind, and nothing else in the reply changes."""
    gateway.old.answers(getNumber=f"ACCESS_NUMBER:{own}:79")
    await gateway.ask("getNumber")
    await gateway.split(weight=1.0)
    gateway.new.answers(**{action: says(body, ETag="x", Content_Encoding="identity")})
    answer = await gateway.ask(action)
    [alias] = (await gateway.service.bindings.visible_ids(Arm.NEW, Kind.ACTIVATION, [own])).values()
    assert answer.body.decode() == body.replace(own, alias)
    assert alias.isdecimal() == own.isdecimal()
    lease = gateway.lease(alias)
    assert lease is not None
    assert (lease.arm, lease.id) == (Arm.NEW, own)
    assert answer.header("content-encoding") == ""
    assert answer.header("etag") == ""
    assert gateway.count("aliases") == 1


async def test_a_number_that_cannot_be_renamed_is_not_shown(
    gateway: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown under its own id, its calls would reach the other arm's lease of that id."""
    gateway.old.answers(getNumber=BOUGHT)
    await gateway.ask("getNumber")
    await gateway.split(weight=1.0)
    gateway.new.answers(getNumber=BOUGHT)
    monkeypatch.setattr("canary.gateway.answers.replace_ids", lambda call, body, mapping: body)
    answer = await gateway.ask("getNumber")
    assert answer.body == b"ERROR_SQL"
    assert answer.header("x-canary-error") == "alias"
    assert gateway.count("unbound_purchases") == 1


async def test_a_long_or_odd_service_is_kept_short(gateway: Rig) -> None:
    """What a client writes into its parameters fits every database."""
    gateway.old.answers(getNumber=BOUGHT)
    await gateway.handle(treq("getNumber", service="\u043d" * 5000, country="\0" * 300))
    lease = gateway.lease("635468024")
    assert lease is not None
    assert (len(lease.service), len(lease.country)) == (100, 100)
