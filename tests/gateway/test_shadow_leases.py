"""Shadow leases: what is bought, with what it is bought, and what follows its client."""

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest

from canary.core.actions import CATALOGUE
from canary.core.model import Effect, Request
from canary.sim.lease import State as Sold
from canary.store.errors import StoreUnavailable
from canary.store.shadow_leases import State, Switch
from tests.factories import CLIENT_KEY, NEW_KEY, treq
from tests.gateway.shadowed import HEADER, HOLD, LIVE, SANDBOX, Shadowed, shadowed
from tests.rig import rig
from tests.waiting import until

HARMLESS = {Effect.GLOBAL_READ, Effect.ACCOUNT_READ}


def in_sandbox(world: Shadowed, action: str) -> set[bool]:
    """Whether the calls of an action carried the sandbox's header."""
    calls = [one for one in world.new.books.requests if one.action == action]
    return {HEADER.lower() in {name.lower() for name in one.headers} for one in calls}


# --- off ------------------------------------------------------------------------------------------------------------


async def test_switched_off_no_side_effect_ever_reaches_new(tmp_path: Path) -> None:
    """Every action that there is, and some that there are not, however it is sent, with everything shadowed: old alone
    gets those that buy, write, concern a lease, or are unknown."""
    async with rig(tmp_path, rollout={"shadow": 1.0}) as gateway:
        for upstream in (gateway.old, gateway.new):
            upstream.answers(getNumber="ACCESS_NUMBER:7:79990001122", getNumberV2='{"activationId":8}')
        names = [action.name for action in CATALOGUE] + ["noSuchAction", "getnumber", "", "GETSTATUS"]
        for name in names:
            for params in (
                {"id": "7", "status": "8"},
                {"service": "tg", "country": "6"},
                {"activationId": "8"},
            ):
                for request in _ways(name, params):
                    await gateway.handle(request)
        await until(lambda: gateway.service.shadow.waiting == 0)
        await gateway.service.shadow_leases.keeper.work()
        reads = {action.name for action in CATALOGUE if action.effect in HARMLESS}
        assert {one.action for one in gateway.new.heard} - reads <= {
            # of a lease that nobody knows the other arm is asked once: that is the client's own call, not a copy
            action.name
            for action in CATALOGUE
            if action.effect is Effect.LEASE_READ
        }
        assert gateway.store.shadow_book(gateway.name).counts() == dict.fromkeys(
            gateway.store.shadow_book(gateway.name).counts(), 0
        )


def _ways(name: str, params: dict[str, str]) -> Iterator[Request]:
    """A call by each method, and as a form."""
    for method in ("GET", "POST", "PUT", "HEAD"):
        yield treq(name, method=method, **params)
    body = urlencode({"api_key": CLIENT_KEY, "action": name, **params}).encode()
    form = (("Content-Type", "application/x-www-form-urlencoded"),)
    yield treq(method="POST", query="", body=body, headers=form)


# --- in the sandbox ---------------------------------------------------------------------------------------------------


async def test_a_sandbox_lease_does_what_its_client_does(tmp_path: Path) -> None:
    """Bought, polled and ended with its own id and the sandbox's header; nothing is charged."""
    async with shadowed(tmp_path, SANDBOX) as world:
        lease = await world.buy()
        await world.settled()
        for action, params in (
            ("setStatus", {"status": "1"}),
            ("getStatus", {}),
            ("getStatusV2", {}),
            ("setStatus", {"status": "8"}),
        ):
            await world.ask(action, id=lease, **params)
        await until(lambda: world.count("shadow_lease_calls_sent") == 4)
        [sold] = world.new.books.leases
        assert sold.id != lease
        assert (world.new.books.spent, world.new.books.foreign) == (0, 0)
        assert world.new.books.by_action == {"getNumber": 1, "setStatus": 2, "getStatus": 1, "getStatusV2": 1}
        for action in world.new.books.by_action:
            assert in_sandbox(world, action) == {True}


async def test_what_it_answers_is_compared(tmp_path: Path) -> None:
    """Purchases and lease calls differ, and not a single client was sent to new."""
    async with shadowed(tmp_path, SANDBOX, new={"drifts": "phone_plus,trailing_newline"}) as world:
        for _ in range(4):
            lease = await world.buy()
            await world.settled()
            await world.ask("getStatus", id=lease)
        await until(lambda: world.count("shadow_lease_calls_sent") == 4)
        await world.first.flush()
        found = {(one.action, one.kind.value) for one in world.first.store.differences(world.first.name)}
        assert {("getNumber", "phone"), ("getNumber", "whitespace"), ("getStatus", "whitespace")} <= found


async def test_a_sandbox_without_codes_is_no_difference(tmp_path: Path) -> None:
    """Where old's number has its code and the sandbox's has none, new refuses what old accepts, and that is right."""
    async with shadowed(tmp_path, SANDBOX) as world:
        await world.old.change(success=1, code_delay="1s")
        for n in range(25):
            lease = await world.buy()
            await world.settled()
            await world.ask("getStatus", id=lease)
            world.clock.advance(2)
            await world.ask("getStatus", id=lease)
            await until(lambda n=n: world.count("shadow_lease_calls_sent") == 3 * n + 2)
            await world.first.flush()
            await world.ask("setStatus", id=lease, status="3")
            await until(lambda n=n: world.count("shadow_lease_calls_sent") == 3 * n + 3)
        await world.first.flush()
        assert world.new.books.by_word["BAD_STATUS"] == 25
        assert world.first.store.differences(world.first.name) == []


async def test_old_pays_for_its_client_alone(tmp_path: Path) -> None:
    """The client's key goes to old, new's own to new; the client is shown old's number."""
    async with shadowed(tmp_path, SANDBOX) as world:
        lease = await world.buy(orderId="order-7", ref="r1")
        await world.settled()
        assert [one.id for one in world.old.books.leases] == [lease]
        [request] = [one for one in world.new.books.requests if one.action == "getNumber"]
        assert CLIENT_KEY not in request.query
        assert (
            "order-7" not in request.query
        )  # the same order must be free for a purchase that is the client's
        assert "ref=r1" in request.query
        assert NEW_KEY not in repr(world.book.open_ones())


@pytest.mark.parametrize(
    ("action", "params", "numbers"),
    [
        ("getMultiServiceNumber", {"multiService": "tg,wa", "country": "6"}, 1),
        ("getRentNumber", {"service": "tg", "country": "6"}, 1),
        ("buyPartnerProduct", {"productId": "1"}, 0),
    ],
)
async def test_only_plain_numbers_are_repeated(
    tmp_path: Path, action: str, params: dict[str, str], numbers: int
) -> None:
    """Rents, several at once and products cost more than a comparison is worth; what had numbers is counted."""
    async with shadowed(tmp_path, SANDBOX) as world:
        await world.ask(action, **params)
        await world.buy()
        await world.settled()
        assert world.new.books.by_action == {"getNumber": 1}
        assert world.count(f"shadow_left_out_{action}") == numbers


async def test_a_purchase_without_a_number_is_not_repeated(tmp_path: Path) -> None:
    """There would be nothing to follow."""
    async with shadowed(tmp_path, SANDBOX) as world:
        await world.old.change(stock_out=1)
        assert (await world.ask("getNumber", service="tg", country="6")).body == b"NO_NUMBERS"
        await world.old.change(stock_out=0)
        await world.buy()
        await world.settled()
        assert len(world.new.books.leases) == 1


async def test_what_new_serves_is_not_repeated(tmp_path: Path) -> None:
    """A lease that was drawn for new needs no shadow there."""
    async with shadowed(tmp_path, SANDBOX, rollout={"weight": 1.0}) as world:
        await world.buy()
        await world.first.flush()
        assert len(world.new.books.leases) == 1
        assert world.book.open_ones() == []


async def test_the_shadowed_share_is_kept(tmp_path: Path) -> None:
    """As with reads: the first, and then exactly so many."""
    async with shadowed(tmp_path, SANDBOX, rollout={"shadow": 0.25}) as world:
        for _ in range(12):
            await world.buy()
        await until(lambda: world.count("shadow_leases_bought") == 3)
        assert len(world.new.books.leases) == 3


async def test_nothing_is_bought_while_nobody_watches(tmp_path: Path) -> None:
    """A controller that is gone: new leases go to old, and none is shadowed."""
    async with shadowed(tmp_path, SANDBOX) as world:
        world.first.service.view._beat_at = float("-inf")
        await world.buy()
        await until(world.first.service.shadow_leases.leases._queue.empty)
        assert world.new.books.calls == 0


async def test_a_hanging_new_costs_its_client_nothing(tmp_path: Path) -> None:
    """Purchases and polls are answered by old as ever; what does not fit into the queue is dropped and counted."""
    async with shadowed(tmp_path, {**SANDBOX, "timeout": "3s"}) as world:
        await world.new.change(hang=1)
        for _ in range(230):
            await world.buy()
        assert world.count("shadow_lease_calls_dropped") > 0


# --- live -------------------------------------------------------------------------------------------------------------


async def test_a_live_lease_is_read_and_never_written(tmp_path: Path) -> None:
    """What its client does with its own number could cost money on new that is not given back."""
    async with shadowed(tmp_path, LIVE) as world:
        lease = await world.buy()
        await world.settled()
        await world.ask("getStatus", id=lease)
        for status in ("1", "3", "6", "8"):
            await world.ask("setStatus", id=lease, status=status)
        await world.ask("getStatus", id=lease)
        await until(lambda: world.count("shadow_lease_calls_sent") == 2)
        heard = Counter({**world.new.books.by_action, "getBalance": 0})
        assert heard == Counter({"getNumber": 1, "getStatus": 2})
        assert in_sandbox(world, "getNumber") == {False}


@pytest.mark.parametrize(("shadow", "cost"), [(SANDBOX, "0"), (LIVE, "0.20")])
async def test_a_new_with_an_api_of_its_own_is_shadowed_alike(
    tmp_path: Path, shadow: dict[str, object], cost: str
) -> None:
    """The sandbox's header and the cap on the price get there, polls follow, and the number is given back."""
    async with shadowed(tmp_path, shadow, dialect="verifysms-native") as world:
        lease = await world.buy(maxPrice="0.20")
        await world.settled()
        await world.ask("getStatus", id=lease)
        await until(lambda: world.count("shadow_lease_calls_sent") == 1)
        [sold] = world.new.books.leases
        assert (sold.sandbox, world.new.books.spent) == (shadow is SANDBOX, Decimal(cost))
        world.clock.advance(HOLD + 6)
        await world.ask("setStatus", id=lease, status="8")
        await until(lambda: shadow is LIVE or world.count("shadow_lease_calls_sent") == 2)
        await world.keep()
        assert sold.state is Sold.CANCELLED


async def test_a_live_lease_has_its_price_written_down(tmp_path: Path) -> None:
    """What the cost header says, not what was reserved; at most the reserved price is asked for."""
    budget = {"run": "$5", "day": "$5", "price": "$0.50"}
    async with shadowed(tmp_path, {**LIVE, "budget": budget}) as world:
        await world.buy()
        await world.settled()
        [lease] = world.book.open_ones()
        assert lease.amount == world.new.books.spent == Decimal("0.20")
        [request] = [one for one in world.new.books.requests if one.action == "getNumber"]
        assert "maxPrice=0.5" in request.query


async def test_a_client_that_pays_less_caps_its_shadow_too(tmp_path: Path) -> None:
    """The lower of both caps; a refusal that our own cap has brought about is no difference."""
    budget = {"run": "$5", "day": "$5", "price": "$0.50"}
    async with shadowed(tmp_path, {**LIVE, "budget": budget}, new={"price": "0.40"}) as world:
        for _ in range(4):
            await world.buy(maxPrice="0.30")
        await until(lambda: world.new.books.by_word["WRONG_MAX_PRICE"] == 4)
        await until(lambda: not world.book.due(world.clock() + 1e6))
        await world.first.flush()
        assert world.first.store.differences(world.first.name) == []
        assert world.book.spent(world.clock()).run == 0


async def test_without_a_word_of_its_price_what_was_reserved_counts(tmp_path: Path) -> None:
    """Rather too much than too little."""
    budget = {"run": "$5", "day": "$5", "price": "$0.50"}
    async with shadowed(tmp_path, {**LIVE, "budget": budget}, new={"cost_header": ""}) as world:
        await world.buy()
        await world.settled()
        assert world.book.spent(world.clock()).run == Decimal("0.50")


async def test_what_is_said_to_be_free_counts_as_reserved(tmp_path: Path) -> None:
    """A provider that names no price, or nought, has not promised to charge nothing."""
    async with shadowed(tmp_path, LIVE, new={"price": "0"}) as world:
        await world.buy()
        await world.settled()
        assert world.book.spent(world.clock()).run == Decimal("0.20")


async def test_a_lost_store_does_not_forget_that_a_number_was_too_dear(tmp_path: Path) -> None:
    """It cannot be written at once that all is stopped: it is as soon as the store is back."""
    async with shadowed(tmp_path, LIVE) as world:
        leases = world.first.service.shadow_leases.leases
        leases._limits = lambda call: {}  # type: ignore[method-assign]
        await world.new.change(price="0.90")
        turn, leases._book.turn = leases._book.turn, _unavailable  # type: ignore[method-assign]
        await world.buy()
        await until(lambda: world.count("shadow_lease_calls_failed") == 1)
        leases._book.turn = turn  # type: ignore[method-assign]
        await leases.write()
        assert world.book.switch().stopped
        assert world.book.spent(world.clock()).run == Decimal("0.90")


def _unavailable(_: Switch) -> None:
    raise StoreUnavailable("locked")


async def test_nothing_is_bought_once_the_stage_is_over(tmp_path: Path) -> None:
    """What waited in the queue meanwhile was bought by nobody."""
    async with shadowed(tmp_path, LIVE) as world:
        await world.new.change(latencies={"getNumber": "200ms"})
        for _ in range(10):
            await world.buy()
        await until(lambda: world.book.counts()[State.RESERVED] == 4)
        await world.first.split(shadow=0.0)
        await until(lambda: world.count("shadow_leases_bought") == 4)
        await until(world.first.service.shadow_leases.leases._queue.empty)
        assert len(world.new.books.leases) == 4


async def test_a_stop_is_in_force_on_every_proxy(tmp_path: Path) -> None:
    """With the next purchase of each, without a word between them."""
    async with shadowed(tmp_path, LIVE, gateways=3) as world:
        world.book.turn(Switch(True, "enough", "me", world.clock()))
        for via in range(3):
            await world.buy(via)
        await world.settled()
        assert world.count("shadow_leases_refused") == 3
        assert "getNumber" not in world.new.books.by_action


async def test_a_number_that_costs_more_than_it_may_stops_all(tmp_path: Path) -> None:
    """A provider that does not keep to the cap gets one number, no more; it is on the record."""
    async with shadowed(tmp_path, LIVE, new={"price": "0.20"}) as world:
        world.first.service.shadow_leases.leases._limits = lambda call: {}  # type: ignore[method-assign]
        await world.new.change(price="0.90")
        for n in range(3):
            await world.buy()
            await until(
                lambda n=n: (
                    world.count("shadow_leases_bought") + world.count("shadow_leases_refused") == n + 1
                )
            )
            await until(lambda: world.book.switch().stopped)
        assert len(world.new.books.leases) == 1
        [decision] = world.first.store.decisions(world.first.name)
        assert decision.event == "shadow_stop"
        assert decision.reason == "a number cost 0.90, more than the 0.2 of budget.price"


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where the store of several proxies is kept."""
    url: str = request.getfixturevalue("database") if request.param == "postgresql" else ""
    return url or tmp_path / "state.db"


@pytest.mark.parametrize("cap", ["run", "day"])
async def test_three_proxies_keep_the_cap_to_the_cent(tmp_path: Path, state: Path | str, cap: str) -> None:
    """One store, and a provider that never gives anything back: exactly as many numbers as the money buys, however
    the purchases race, and the books of both sides agree."""
    shadow = {**LIVE, "budget": {"run": "$9", "day": "$9", "price": "$0.20", cap: "$2.10"}}
    never = {"auto_refund": False, "refund_delay": "100d"}
    async with shadowed(tmp_path, shadow, gateways=3, state=state, new=never) as world:
        for n in range(60):
            await world.buy(via=n % 3)
        await world.settled()
        for _ in range(3):
            world.clock.advance(HOLD + 30)
            for via in range(3):
                await world.keep(via)
            for n in range(6):
                await world.buy(via=n % 3)
        await world.settled()
        books = world.new.books
        assert books.spent == world.book.spent(world.clock()).run == Decimal("2.00")
        assert books.refunded == 0
        assert Counter(lease.state for lease in books.leases) == {Sold.CANCELLED: 10}
        assert world.count("shadow_leases_refused") == world.bought - 10


async def test_exposure_is_capped_apart(tmp_path: Path) -> None:
    """Two numbers may be open at a time; the next is bought once one was given back."""
    shadow = {**LIVE, "budget": {"run": "$5", "day": "$5", "price": "$0.20", "outstanding": "$0.40"}}
    async with shadowed(tmp_path, shadow) as world:
        for _ in range(5):
            await world.buy()
        await world.settled()
        assert len(world.new.books.leases) == 2
        world.clock.advance(HOLD + 30)
        await world.keep()
        await world.buy()
        await world.settled()
        assert len(world.new.books.leases) == 3


# --- what clients see -------------------------------------------------------------------------------------------------


async def test_clients_do_not_see_live_shadow_leases(tmp_path: Path) -> None:
    """A client that reconciles its open numbers finds its own, from both arms, and ends none that is not its own."""
    async with shadowed(tmp_path, LIVE, gateways=2) as world:
        mine = await world.buy()
        await world.settled()
        for gateway in world.gateways:
            await gateway.split(weight=1.0, shadow=0.0)
        theirs = await world.buy()
        await world.gateways[1].service.bindings.look_around()
        listed = await world.ask("getActiveActivations", via=1)
        rows = json.loads(listed.body)["activeActivations"]
        assert {str(row["activationId"]) for row in rows} == {mine, theirs}
        assert len(world.new.books.leases) == 2
