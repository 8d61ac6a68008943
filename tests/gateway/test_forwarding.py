"""Webhooks on their way to the client: in order, again until they are taken, by one of several processes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from canary.core.model import Arm
from canary.gateway import forwarding
from canary.gateway.forwarding import Forwarding, Target, pause
from canary.store.outbox import Message, Outbox
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import NOW, FakeClock, trollout
from tests.hooks import hook
from tests.waiting import until


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    """An empty one."""
    store = Store(tmp_path / "state.db")
    store.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    yield store.outbox(trollout().name)
    store.close()


@asynccontextmanager
async def sending(
    outbox: Outbox, url: str, clock: FakeClock, **target: float
) -> AsyncIterator[tuple[Forwarding, Counter[str]]]:
    """A process that sends, and what it counts."""
    counts: Counter[str] = Counter()
    running = Forwarding(outbox, Target(url, **target), lambda name: counts.update([name]), clock)
    await running.start()
    yield running, counts
    await running.stop()


def put(outbox: Outbox, n: int, lane: str = "a") -> None:
    """A message that came just now."""
    assert outbox.put(Message(Arm.OLD, f"d-{n}", lane, "192.0.2.1", "", b"%d" % n, NOW, NOW))


def test_pauses_grow_to_a_minute() -> None:
    """A client that is down for a moment is told soon, one that is down for long is left in peace."""
    assert [pause(n) for n in (1, 2, 3, 7, 1000)] == [1, 2, 4, 60, 60]


async def test_a_lane_is_sent_in_order_whatever_fails(outbox: Outbox) -> None:
    """The second message waits until the first is taken; another lease's does not."""
    clock = FakeClock()
    async with hook(answer=lambda n: 503 if n == 1 else 200) as client:
        put(outbox, 1)
        async with sending(outbox, client.url, clock) as (running, counts):
            await until(lambda: counts["webhooks_put_off"])
            put(outbox, 2)
            put(outbox, 3, lane="b")
            running.wake()
            await until(lambda: counts["webhooks_forwarded"])
            assert client.bodies == [b"1", b"3"]
            clock.advance(1)
            running.wake()
            await until(lambda: counts["webhooks_forwarded"] == 3)
        assert client.bodies == [b"1", b"3", b"1", b"2"]


@pytest.mark.parametrize("status", [201, 204])
async def test_any_success_is_taken(outbox: Outbox, status: int) -> None:
    """Not 200 alone: it is the client's own receiver."""
    async with (
        hook(answer=lambda _n: status) as client,
        sending(outbox, client.url, FakeClock()) as (it, counts),
    ):
        put(outbox, 1)
        it.wake()
        await until(lambda: counts["webhooks_forwarded"])


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_all_else_is_sent_again(outbox: Outbox, status: int) -> None:
    """A redirect too: a message with a code goes where the policy says and nowhere else."""
    async with (
        hook(answer=lambda _n: status) as client,
        sending(outbox, client.url, FakeClock()) as (it, counts),
    ):
        put(outbox, 1)
        it.wake()
        await until(lambda: counts["webhooks_put_off"])
        assert len(client.posts) == 1


async def test_what_is_too_old_is_given_up(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    """Told in the log without its text or the address; the next of its lane goes on."""
    clock = FakeClock(NOW + 3600)
    async with hook(answer=lambda n: 500 if n == 1 else 200) as client:
        put(outbox, 1)
        put(outbox, 2)
        async with sending(outbox, client.url, clock, give_up=3600) as (_, counts):
            await until(lambda: counts["webhooks_forwarded"])
        assert counts == {"webhooks_given_up": 1, "webhooks_forwarded": 1}
        assert client.url not in caplog.text
        assert "given up" in caplog.text


async def test_two_processes_send_each_message_once(outbox: Outbox) -> None:
    """Whoever claims it."""
    clock = FakeClock()
    for n in range(40):
        put(outbox, n, lane=str(n % 8))
    async with hook() as client:
        async with (
            sending(outbox, client.url, clock) as (_, one),
            sending(outbox, client.url, clock) as (_, two),
        ):
            await until(lambda: one["webhooks_forwarded"] + two["webhooks_forwarded"] == 40)
        lanes = [[n for n in map(int, client.bodies) if n % 8 == lane] for lane in range(8)]
        assert lanes == [list(range(lane, 40, 8)) for lane in range(8)]


async def test_a_process_that_dies_while_it_sends_leaves_it_to_another(outbox: Outbox) -> None:
    """At least once: after the timeout and a margin somebody sends it again."""
    clock = FakeClock()
    put(outbox, 1)
    [message] = outbox.due(NOW, 1)
    assert outbox.claim(message, NOW + 10 + forwarding.MARGIN)  # and then it dies
    async with hook() as client, sending(outbox, client.url, clock) as (it, counts):
        it.wake()
        await asyncio.sleep(0.05)
        assert client.posts == []
        clock.advance(10 + forwarding.MARGIN)
        it.wake()
        await until(lambda: counts["webhooks_forwarded"])


async def test_a_client_that_hangs_holds_up_no_other_message(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop does not wait for it either, and the message is not lost."""
    monkeypatch.setattr(forwarding, "PARTING", 0.05)
    held: list[asyncio.StreamWriter] = []
    hanging = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{hanging.sockets[0].getsockname()[1]}/"
    put(outbox, 1)
    async with sending(outbox, url, FakeClock()) as (it, counts):
        it.wake()
        await until(lambda: held)
    assert outbox.waiting().n == 1
    assert not counts
    hanging.close()
    held[0].close()
