"""Server-sent events: one reader of the store, however many browsers watch."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from canary.store.errors import StoreError

EVERY = 1.0
"""Seconds between two readings, and at least."""

REST = 4.0
"""A reading is followed by a rest of so many times as long as it took: watching must not load the store."""

MOST = 64
"""Browsers that may watch at once."""

type Frames = asyncio.Queue[bytes | None]


class Live:
    """Reads while somebody watches, and hands each reading to all who do.

    Args:
        read: what is shown, as JSON. It may raise ``StoreError``, which is shown too.
    """

    def __init__(self, read: Callable[[], Awaitable[Any]]) -> None:
        self._read = read
        self._watching: set[Frames] = set()
        self._reading: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether no more may watch."""
        return len(self._watching) >= MOST

    def refresh(self) -> None:
        """Read at once: something was changed from here."""
        self._wanted.set()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """The frames to send to one browser, from the next reading on."""
        frames: Frames = asyncio.Queue()
        self._watching.add(frames)
        if self._reading is None:
            self._reading = asyncio.create_task(self._run(), name="dashboard")
        else:
            self.refresh()
        try:
            yield _until_closed(frames)
        finally:
            self._watching.discard(frames)
            if not self._watching:
                await self._stop()

    async def close(self) -> None:
        """Send everybody home."""
        await self._stop()
        for frames in self._watching:
            frames.put_nowait(None)

    async def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            self._wanted.clear()
            began = clock()
            frame = await self._frame()
            for frames in self._watching:
                _replace(frames, frame)
            await self._rest(max(EVERY, REST * (clock() - began)))

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wanted.wait(), seconds)
        except TimeoutError:
            return

    async def _frame(self) -> bytes:
        try:
            return _event("board", await self._read())
        except StoreError as failure:
            return _event("trouble", {"error": str(failure)})


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _replace(frames: Frames, frame: bytes) -> None:
    """A browser that is slow gets the newest reading, not all that it missed."""
    while not frames.empty():
        frames.get_nowait()
    frames.put_nowait(frame)


async def _until_closed(frames: Frames) -> AsyncIterator[bytes]:
    while (frame := await frames.get()) is not None:
        yield frame
