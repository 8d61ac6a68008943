"""A receiver of webhooks that a test stands behind: it says what is answered, and sees what came."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Hook:
    """A URL, and everything that was posted to it. ``answer``: the status for the n-th post, 200 by default."""

    url: str = ""
    answer: Callable[[int], int] = lambda _n: 200
    posts: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    came: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    @property
    def bodies(self) -> list[bytes]:
        return [body for body, _ in self.posts]

    async def next(self, within: float = 20.0) -> bytes:
        """The next body that was posted."""
        return await asyncio.wait_for(self.came.get(), within)

    async def take(self, request: web.Request) -> web.Response:
        """Answer one post."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.posts.append((body, headers))
        self.came.put_nowait(body)
        return web.Response(status=self.answer(len(self.posts)))


@asynccontextmanager
async def hook(port: int = 0, **changes: Callable[[int], int]) -> AsyncIterator[Hook]:
    """A receiver on loopback; a port is given to come back to an address."""
    received = Hook(**changes)
    application = web.Application()
    application.router.add_post("/sms", received.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    received.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    try:
        yield received
    finally:
        await runner.cleanup()
