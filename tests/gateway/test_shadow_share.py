"""The shadowed share of each action, and the room that shadow copies have apart from clients."""

import asyncio
from pathlib import Path

import pytest

from canary.gateway.shadow import ShadowQueue
from tests.factories import tcall, trollout
from tests.rig import rig
from tests.upstreams import hangs


@pytest.fixture
def queue() -> ShadowQueue:
    """A queue that sends nothing."""
    return ShadowQueue(None, 10, lambda _: None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.3, 0.5, 0.99])
@pytest.mark.parametrize(
    "rounds", [("getBalance", "getPrices"), ("getBalance", "getPrices", "getCountries") * 2]
)
def test_every_action_of_a_round_gets_its_share(
    queue: ShadowQueue, share: float, rounds: tuple[str, ...]
) -> None:
    """Clients ask in rounds: a stride over all calls would always meet the same action of them."""
    taken = dict.fromkeys(rounds, 0)
    for _ in range(1000):
        for action in rounds:
            taken[action] += queue.wants(tcall(action), trollout(shadow=share))
    offered = 1000 * len(rounds) / len(taken)
    assert all(abs(n - offered * share) <= 1 for n in taken.values())


def test_the_first_call_of_an_action_is_taken(queue: ShadowQueue) -> None:
    """An action that is asked for once a day is compared as well."""
    rollout = trollout(shadow=0.01)
    assert queue.wants(tcall("getPrices"), rollout)
    assert queue.wants(tcall("getHistory"), rollout)
    assert not queue.wants(tcall("getPrices"), rollout)


def test_a_share_that_changes_is_in_force_at_once(queue: ShadowQueue) -> None:
    """From nothing to all and back."""
    for share in (0.0, 1.0, 0.0, 0.1, 1.0, 1.0, 0.0):
        taken = [queue.wants(tcall("getPrices"), trollout(shadow=share)) for _ in range(10)]
        assert sum(taken) in ({0: {0}, 0.1: {0, 1}, 1: {10}}[share])


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
