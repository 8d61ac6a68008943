"""A mitmdump script that answers from one pool, as a careful team would write it: ``mitmdump -s``.

The upstream comes as ``BENCH_URL`` and ``BENCH_CA`` in the environment.
"""

import os
from pathlib import Path

from mitmproxy import http

from bench.passing import PassThrough
from canary.proxy.addon import GatewayAddon


class Pooled:
    """Answers every flow through the pool."""

    def __init__(self) -> None:
        ca = os.environ.get("BENCH_CA")
        self._passing = PassThrough(os.environ["BENCH_URL"], Path(ca) if ca else None)
        self._addon = GatewayAddon(self._passing.handle)

    async def running(self) -> None:
        await self._passing.start()

    async def request(self, flow: http.HTTPFlow) -> None:
        await self._addon.request(flow)

    async def done(self) -> None:
        await self._passing.close()


addons = [Pooled()]
