"""The harness's own ingress and pool with nothing between them: ``python -m bench.passthrough URL [CA]``.

What the harness itself costs is measured against this. Prints ``ready PORT``.
"""

import asyncio
import sys
from pathlib import Path

from canary.cli.memory import settle
from canary.core.model import Request, Response
from canary.gateway.upstream import Upstream
from canary.proxy.ingress import Ingress, Listen

TIMEOUT = 30.0
CONNECTIONS = 256


class PassThrough:
    """Hands each request to one upstream pool and its response back."""

    def __init__(self, url: str, ca: Path | None) -> None:
        self.upstream = Upstream(url, (), TIMEOUT, CONNECTIONS, ca)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        sent = await self.upstream.send(
            request.method, request.query, request.headers, request.body, repeatable=True
        )
        return sent.response or Response(502)


async def main(url: str, ca: Path | None) -> None:
    """Serve until ended."""
    passing = PassThrough(url, ca)
    await passing.upstream.start()
    ingress = Ingress(Listen(port=0), passing.handle)
    await ingress.start()
    settle()
    print("ready", ingress.address[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None))
