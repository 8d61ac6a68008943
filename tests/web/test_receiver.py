"""The webhook receiver: who is let in, and what a provider is answered."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Arm
from canary.core.policy.webhooks import network
from canary.store.errors import StoreError
from canary.web.receiver import Receiver, ReceiverError, Sender, is_within, source_of

TOKEN = "t" * 24
LOOPBACK = (network("127.0.0.0/8"),)
FOREIGN = (network("203.0.113.0/24"),)


@dataclass
class Door:
    """A running receiver, and what it let in."""

    base: str = ""
    taken: list[tuple[Arm, str, str, bytes]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failing: bool = False

    async def take(self, *what: object) -> None:
        if self.failing:
            raise StoreError("gone")
        self.taken.append(what)  # type: ignore[arg-type]

    async def post(self, path: str, body: bytes = b"{}", **headers: str) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.base + path, data=body, headers=headers) as got,
        ):
            return got.status


@asynccontextmanager
async def door(sender: Sender, proxies: tuple[str, ...] = ()) -> AsyncIterator[Door]:
    """A receiver for new alone."""
    it = Door()
    receiver = Receiver(
        "127.0.0.1",
        0,
        {Arm.NEW: sender},
        [network(one) for one in proxies],
        take=it.take,
        count=lambda name: it.counts.update([name]),
    )
    await receiver.start()
    it.base = "http://{}:{}".format(*receiver.address)
    yield it
    await receiver.stop()


async def test_a_message_is_taken_with_where_it_came_from() -> None:
    """Arm, address, content type and the body byte for byte."""
    async with door(Sender(TOKEN, LOOPBACK)) as it:
        assert await it.post(f"/webhooks/new/{TOKEN}", b"\xff{", **{"Content-Type": "text/x"}) == 200
        assert it.taken == [(Arm.NEW, "127.0.0.1", "text/x", b"\xff{")]


@pytest.mark.parametrize(
    "path", ["/webhooks/new/" + "x" * 24, "/webhooks/old/" + TOKEN, "/webhooks/both/" + TOKEN]
)
async def test_a_stranger_finds_nothing(path: str) -> None:
    """A wrong token and an arm without webhooks look alike, and are counted."""
    async with door(Sender(TOKEN)) as it:
        assert await it.post(path) == 404
        assert it.taken == []
        assert it.counts == {"webhooks_refused": 1}


async def test_a_foreign_address_finds_nothing() -> None:
    """The token alone does not do where the addresses are known; X-Forwarded-For of a stranger is not believed."""
    async with door(Sender(TOKEN, FOREIGN)) as it:
        assert await it.post(f"/webhooks/new/{TOKEN}") == 404
        assert await it.post(f"/webhooks/new/{TOKEN}", **{"X-Forwarded-For": "203.0.113.9"}) == 404
        assert it.taken == []


async def test_our_own_proxy_is_believed() -> None:
    """The address that it adds is the one that counts."""
    async with door(Sender(TOKEN, FOREIGN), proxies=("127.0.0.1",)) as it:
        headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        assert await it.post(f"/webhooks/new/{TOKEN}", **headers) == 200
        assert it.taken[0][1] == "203.0.113.9"


async def test_what_cannot_be_kept_is_asked_for_again() -> None:
    """503, which a provider repeats; a body without end is refused."""
    async with door(Sender(TOKEN)) as it:
        it.failing = True
        assert await it.post(f"/webhooks/new/{TOKEN}") == 503
        it.failing = False
        assert await it.post(f"/webhooks/new/{TOKEN}", b"x" * 100_000) == 413
        assert it.taken == []


async def test_nothing_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    """Neither token nor message stands in the log, whatever goes wrong."""
    caplog.set_level("DEBUG")
    async with door(Sender(TOKEN)) as it:
        await it.post(f"/webhooks/new/{TOKEN}", b"secret-code")
        it.failing = True
        await it.post(f"/webhooks/new/{TOKEN}", b"secret-code")
    assert TOKEN not in caplog.text
    assert "secret-code" not in caplog.text
    assert TOKEN not in repr(Sender(TOKEN))


async def test_an_address_in_use_is_told() -> None:
    """In a sentence that names the key of the policy."""
    async with door(Sender(TOKEN)) as it:
        port = int(it.base.rpartition(":")[2])
        second = Receiver("127.0.0.1", port, {}, (), take=it.take, count=lambda _: None)
        with pytest.raises(ReceiverError, match=r"webhooks\.listen"):
            await second.start()
        await second.stop()


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("192.0.2.1", ["203.0.113.9"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nonsense"], "nonsense"),
    ],
)
def test_the_source_is_the_first_that_no_proxy_vouches_for(
    peer: str, forwarded: list[str], source: str
) -> None:
    """Read from the right, through our own proxies only."""
    assert source_of(peer, forwarded, [network("10.0.0.0/8")]) == source


@given(st.text(), st.lists(st.text(), max_size=4))
def test_no_header_raises(peer: str, forwarded: list[str]) -> None:
    """Whatever stands in it is an address or none."""
    assert is_within(source_of(peer, forwarded, [network("::/0")]), [network("0.0.0.0/0")]) in {True, False}
