"""One reader for all who watch."""

import asyncio

import pytest

from canary.store.errors import StoreUnavailable
from canary.web import live as module
from canary.web.live import Live


async def test_nothing_is_read_while_nobody_watches() -> None:
    """The store is left alone until somebody looks, and again once the last has gone."""
    reads: list[int] = []

    async def read() -> int:
        reads.append(1)
        return len(reads)

    live = Live(read)
    await asyncio.sleep(0)
    assert reads == []
    async with live.watching() as frames:
        assert await anext(frames) == b"event: board\ndata: 1\n\n"
    seen = len(reads)
    live.refresh()
    await asyncio.sleep(0.01)
    assert len(reads) == seen


async def test_a_slow_browser_gets_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings that it missed are passed over."""
    monkeypatch.setattr(module, "EVERY", 0.0)
    monkeypatch.setattr(module, "REST", 0.0)
    reads = 0
    enough = asyncio.Event()

    async def read() -> int:
        nonlocal reads
        reads += 1
        if reads == 5:
            enough.set()
        return reads

    async with Live(read).watching() as frames:
        await enough.wait()
        assert await anext(frames) >= b"event: board\ndata: 4"


async def test_trouble_is_a_frame() -> None:
    """A store that does not answer is said to those who watch."""

    async def read() -> None:
        raise StoreUnavailable("the state s does not answer")

    async with Live(read).watching() as frames:
        assert await anext(frames) == b'event: trouble\ndata: {"error": "the state s does not answer"}\n\n'


async def test_closing_ends_every_stream() -> None:
    """Everybody who watches is sent home, and a second closing is harmless."""

    async def read() -> int:
        return 1

    live = Live(read)
    async with live.watching() as frames:
        await live.close()
        assert [frame async for frame in frames][1:] in ([], [b""])
        await live.close()
