"""A gateway behind its ingress."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from canary.proxy.ingress import Ingress, Listen
from tests.rig import Rig, rig


@asynccontextmanager
async def serving(folder: Path, **changes: Any) -> AsyncIterator[tuple[Rig, Ingress]]:
    """A gateway behind its ingress."""
    async with rig(folder, **changes) as gateway:
        ingress = Ingress(Listen("127.0.0.1", 0), gateway.service.gateway.handle)
        await ingress.start()
        try:
            yield gateway, ingress
        finally:
            await ingress.stop()
