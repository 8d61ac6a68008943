"""Ingresses for as long as a test needs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from canary.proxy.ingress import Ingress
from canary.thin.ingress import ThinIngress


@asynccontextmanager
async def started[AnyIngress: (Ingress, ThinIngress)](ingress: AnyIngress) -> AsyncIterator[AnyIngress]:
    """The ingress while it listens."""
    await ingress.start()
    try:
        yield ingress
    finally:
        await ingress.stop()
