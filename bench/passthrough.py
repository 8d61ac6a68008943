"""The harness's own ingress with a plain pool behind it: ``python -m bench.passthrough URL [CA]``.

What the harness itself costs is measured against this. Prints ``ready PORT``.
"""

import asyncio
import ssl
import sys
from pathlib import Path

import aiohttp
from yarl import URL

from canary.cli.memory import settle
from canary.core.model import Request, Response
from canary.gateway.upstream import end_to_end
from canary.proxy.ingress import Ingress, Listen

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


async def main(url: str, ca: Path | None) -> None:
    """Serve until ended."""
    passing = PassThrough(url, ca)
    await passing.start()
    ingress = Ingress(Listen(port=0), passing.handle)
    await ingress.start()
    settle()
    print("ready", ingress.address[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None))
