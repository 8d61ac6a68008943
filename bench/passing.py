"""What answers from a pool without any logic, by itself or behind the harness's own ingress."""

import socket
import ssl
from pathlib import Path

import aiohttp
from yarl import URL

from canary.cli.memory import settle
from canary.core.model import Request, Response
from canary.gateway.upstream import end_to_end
from canary.proxy.ingress import Ingress, Listen
from canary.workers.siblings import Siblings

CONNECTIONS = 256


class PassThrough:
    """Hands each request to one aiohttp session and its response back, as a careful team would write it."""

    def __init__(self, url: str, ca: Path | None) -> None:
        self._url = url
        self._ca = ca

    async def start(self) -> None:
        """Open the pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=60, ssl=ssl.create_default_context(cafile=self._ca)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=30),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._session.close()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        async with self._session.request(
            request.method,
            URL(f"{self._url}?{request.query}", encoded=True),
            headers=end_to_end(request.headers),
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
        raw = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers)
        return Response(answer.status, end_to_end(raw), content)


class Passing:
    """The pass-through as it serves clients, in this process or in a worker."""

    def __init__(self, url: str, ca: Path | None, listening: int | None = None) -> None:
        self._passing = PassThrough(url, ca)
        inherited = None if listening is None else socket.socket(fileno=listening)
        self.ingress = Ingress(Listen(port=0, inherited=inherited), self._passing.handle)

    async def start(self) -> None:
        """Serve."""
        await self._passing.start()
        await self.ingress.start()
        settle()

    async def facts(self) -> None:
        """None that anybody wants to know."""

    async def refresh(self) -> None:
        """There is nothing to look at."""

    async def stop(self) -> None:
        """Close everything."""
        await self.ingress.stop()
        await self._passing.close()


def begin(_number: int, posting: tuple[str, Path | None, int], _siblings: Siblings) -> Passing:
    """What a worker does."""
    return Passing(*posting)
