"""Shadow copies: which calls, when, and that they hurt nobody."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from canary.core.model import Arm, Call, Exchange, Response
from canary.gateway.asking import Asked
from canary.gateway.service import SHADOW_BODY
from canary.gateway.shadow import MAX_WAITING, ShadowQueue
from tests.factories import NEW_KEY, NOW, OLD_KEY, tcall, treply, treq, trollout
from tests.rig import Rig, rig
from tests.upstreams import hangs, huge, resets, says, waits_for
from tests.waiting import until

COUNTRIES = '{"0":{"id":0}}'


def tasked(call: Call | None = None, arm: Arm = Arm.OLD, body: bytes = b"ACCESS_BALANCE:1.50") -> Asked:
    """A served answer."""
    exchange = Exchange(call or tcall(), arm, treply(), NOW, 0.1, status=200)
    return Asked(exchange, Response(200, (), body), body)


class Upstreams:
    """Stands in for the shadow's pools: answers when let."""

    def __init__(self) -> None:
        self.asked: list[Arm] = []
        self.go = asyncio.Event()

    async def ask(self, arm: Arm, request: object, call: Call) -> Asked:
        self.asked.append(arm)
        await self.go.wait()
        return tasked(call, arm)


@asynccontextmanager
async def queue(
    size: int = 10, noise: float = 0.0
) -> AsyncIterator[tuple[ShadowQueue, Upstreams, Counter[str], asyncio.Queue[tuple[Asked, Asked]]]]:
    """A running queue, its upstreams, its counters and the pairs that it told."""
    upstreams, counters = Upstreams(), Counter[str]()
    pairs: asyncio.Queue[tuple[Asked, Asked]] = asyncio.Queue()

    def count(counter: str) -> None:
        counters[counter] += 1

    async def compared(call: Call, served: Asked, copy: Asked) -> None:
        await pairs.put((served, copy))

    shadow = ShadowQueue(upstreams, size, count, compared, noise)  # type: ignore[arg-type]
    running = asyncio.create_task(shadow.run())
    yield shadow, upstreams, counters, pairs
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def idle() -> ShadowQueue:
    """A queue that sends nothing."""
    return ShadowQueue(None, 10, lambda _: None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.3, 0.5, 0.99])
@pytest.mark.parametrize(
    "rounds", [("getBalance", "getPrices"), ("getBalance", "getPrices", "getCountries") * 2]
)
def test_every_action_of_a_round_gets_its_share(
    idle: ShadowQueue, share: float, rounds: tuple[str, ...]
) -> None:
    """Clients ask in rounds: a stride over all calls would always meet the same action of them."""
    taken = dict.fromkeys(rounds, 0)
    for _ in range(1000):
        for action in rounds:
            taken[action] += idle.wants(tcall(action), trollout(shadow=share))
    offered = 1000 * len(rounds) / len(taken)
    assert all(abs(n - offered * share) <= 1 for n in taken.values())


def test_the_first_call_of_an_action_is_taken(idle: ShadowQueue) -> None:
    """An action that is asked for once a day is compared as well."""
    rollout = trollout(shadow=0.01)
    assert idle.wants(tcall("getPrices"), rollout)
    assert idle.wants(tcall("getHistory"), rollout)
    assert not idle.wants(tcall("getPrices"), rollout)


def test_a_share_that_changes_is_in_force_at_once(idle: ShadowQueue) -> None:
    """From nothing to all and back."""
    for share in (0.0, 1.0, 0.0, 0.1, 1.0, 1.0, 0.0):
        taken = [idle.wants(tcall("getPrices"), trollout(shadow=share)) for _ in range(10)]
        assert sum(taken) in ({0: {0}, 0.1: {0, 1}, 1: {10}}[share])


@pytest.mark.parametrize(
    "action", ["getNumber", "setStatus", "getStatus", "getRentNumber", "reactivate", "noSuchAction"]
)
async def test_nothing_with_a_side_effect_is_wanted(action: str) -> None:
    """Purchases, lease calls and unknown actions are never shadowed, whatever the stage says."""
    async with queue() as (shadow, *_):
        assert not shadow.wants(tcall(action, id="7"), trollout(shadow=1.0))


async def test_a_malformed_call_is_not_wanted() -> None:
    """What cannot be trusted is passed on once and no more."""
    async with queue() as (shadow, *_):
        assert not shadow.wants(
            Call("getPrices", tcall("getPrices").effect, malformed="why"), trollout(shadow=1.0)
        )


async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    """A hanging arm fills the queue; the next copies are dropped, and no offer ever waits."""
    async with queue(size=3) as (shadow, upstreams, counters, _):
        for _ in range(20):
            shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked())
        assert (shadow.waiting, counters["shadow_dropped"]) == (3, 17)
        upstreams.go.set()


async def test_large_answers_are_bounded_together() -> None:
    """The bytes that wait to be compared have a bound of their own, and it is free again once they are compared."""
    half = bytes(MAX_WAITING // 2)
    async with queue() as (shadow, upstreams, counters, pairs):
        for _ in range(3):
            shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked(body=half))
        assert counters["shadow_dropped"] == 1
        upstreams.go.set()
        for _ in range(2):
            await pairs.get()
        shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked(body=half))
        await pairs.get()
        assert counters["shadow_dropped"] == 1


async def test_a_share_is_repeated_to_the_serving_arm() -> None:
    """One in four copies is sent to the arm that served as well, to learn its noise."""
    async with queue(size=100, noise=0.25) as (shadow, upstreams, _, pairs):
        upstreams.go.set()
        for _ in range(8):
            shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked())
        told = [await pairs.get() for _ in range(10)]
    assert Counter(upstreams.asked) == {Arm.NEW: 8, Arm.OLD: 2}
    assert Counter(copy.arm for _, copy in told) == {Arm.NEW: 8, Arm.OLD: 2}


async def test_a_defect_in_the_comparison_stops_nothing() -> None:
    """A copy that cannot be dealt with is counted, and the next one is sent."""
    async with queue() as (shadow, upstreams, counters, pairs):
        upstreams.go.set()
        shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked())
        await pairs.get()

        async def broken(arm: Arm, request: object, call: Call) -> Asked:
            upstreams.ask = well  # type: ignore[method-assign]
            raise RuntimeError("a defect")

        well: Callable[..., object] = upstreams.ask
        upstreams.ask = broken  # type: ignore[method-assign]
        for _ in range(2):
            shadow.offer(Arm.NEW, treq("getBalance"), tcall(), tasked())
        await pairs.get()
        assert counters["shadow_failed"] == 1


# --- behind a gateway ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def shadowing(folder: Path, **shadow: object) -> AsyncIterator[Rig]:
    """A gateway that shadows every read, without noise unless told otherwise."""
    async with rig(folder, rollout={"shadow": 1.0}, shadow={"noise": 0, **shadow}) as running:
        running.old.answers(getBalance="ACCESS_BALANCE:1.50", getCountries=COUNTRIES)
        running.new.answers(getBalance="ACCESS_BALANCE:2.50", getCountries=COUNTRIES)
        yield running


async def test_a_read_is_repeated_to_the_other_arm_with_its_key(tmp_path: Path) -> None:
    """The client is answered by the safe arm; new gets the same call with its own key."""
    async with shadowing(tmp_path) as gateway:
        assert await gateway.says("getBalance") == "ACCESS_BALANCE:1.50"
        await gateway.new.has_heard(1)
        (copy,) = gateway.new.of("getBalance")
        assert copy.params["api_key"] == NEW_KEY
        assert [one.params["api_key"] for one in gateway.old.heard] == [OLD_KEY]


async def test_a_hanging_shadow_holds_up_no_client(tmp_path: Path) -> None:
    """While new answers nothing at all, old's answers come through, more of them than the queue can hold."""
    async with shadowing(tmp_path, queue=2) as gateway:
        gateway.new.answers(getBalance=hangs)
        for _ in range(30):
            assert await gateway.says("getBalance") == "ACCESS_BALANCE:1.50"
        assert gateway.count("shadow_dropped") >= 10


async def test_the_client_is_served_before_the_copy_is_answered(tmp_path: Path) -> None:
    """The answer does not wait for the shadow's."""
    release = asyncio.Event()
    async with shadowing(tmp_path) as gateway:
        gateway.new.answers(getBalance=waits_for(release, says("ACCESS_BALANCE:2.50")))
        assert await gateway.says("getBalance") == "ACCESS_BALANCE:1.50"
        await gateway.new.has_heard(1)
        release.set()


async def test_a_shadow_that_resets_is_counted_and_compared_with_nothing(tmp_path: Path) -> None:
    """No answer is a failed copy and no difference."""
    async with shadowing(tmp_path) as gateway:
        gateway.new.answers(getBalance=resets())
        for _ in range(5):
            await gateway.ask("getBalance")
        await until(lambda: gateway.count("shadow_failed") == 5)
        await gateway.flush()
        assert gateway.store.differences(gateway.name) == []


async def test_lease_calls_and_purchases_reach_one_arm_only(tmp_path: Path) -> None:
    """With everything shadowed, new hears of no purchase, no write and no poll."""
    async with shadowing(tmp_path) as gateway:
        gateway.old.answers(
            getNumber="ACCESS_NUMBER:7:79584123456", getStatus="STATUS_WAIT_CODE", setStatus="ACCESS_READY"
        )
        await gateway.ask("getNumber", service="tg", country="6")
        await gateway.ask("getStatus", id="7")
        await gateway.ask("setStatus", id="7", status="1")
        await gateway.ask("getBalance")
        await gateway.new.has_heard(1)
        assert [one.action for one in gateway.new.heard] == ["getBalance"]


async def test_a_hanging_shadow_takes_no_connection_of_the_clients(tmp_path: Path) -> None:
    """New hangs on every copy; a purchase on new has a pool of its own, however small."""
    new = {"max_in_flight": 1, "timeout": "5s"}
    async with rig(tmp_path, rollout={"weight": 1.0, "shadow": 1.0}, new=new, shadow={"noise": 0}) as gateway:
        gateway.new.answers(getPrices=hangs, getNumber="ACCESS_NUMBER:7:79")
        for _ in range(20):
            await gateway.ask("getPrices")
        await gateway.new.has_heard(8)
        answers = await asyncio.gather(*(gateway.says("getNumber") for _ in range(3)))
        assert answers == ["ACCESS_NUMBER:7:79"] * 3


async def test_answers_without_end_are_not_read_one_after_the_other(tmp_path: Path) -> None:
    """After one that was too large no copy is sent for a while: what would be read of them is time of the clients."""
    async with shadowing(tmp_path) as gateway:
        gateway.new.answers(getBalance=huge(SHADOW_BODY + 1))
        assert await gateway.says("getBalance") == "ACCESS_BALANCE:1.50"
        await until(lambda: gateway.count("shadow_failed") == 1)
        for _ in range(5):
            assert await gateway.says("getBalance") == "ACCESS_BALANCE:1.50"
        await until(lambda: gateway.count("shadow_dropped") == 5)
        assert len(gateway.new.heard) == 1
        gateway.service.shadow._rests_until = 0.0
        gateway.new.answers(getBalance="ACCESS_BALANCE:2.50")
        await gateway.says("getBalance")
        await until(lambda: gateway.count("shadow_sent") == 2)
