"""A gateway behind its ingress."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from canary.gateway.ingress import Handler
from canary.proxy.ingress import Ingress, Listen
from canary.thin.ingress import ThinIngress
from tests.ingresses import started
from tests.rig import Rig, rig

type AnyIngress = Ingress | ThinIngress

INGRESSES: dict[str, Callable[[str, int, Handler], AnyIngress]] = {
    "mitmproxy": lambda host, port, handle: Ingress(Listen(host, port), handle),
    "asgi": ThinIngress,
}
"""How each ingress in reverse mode is made, by the name that ``--ingress`` has for it."""


@asynccontextmanager
async def serving(folder: Path, kind: str, **changes: Any) -> AsyncIterator[tuple[Rig, AnyIngress]]:
    """A gateway behind the ingress of that kind."""
    async with rig(folder, **changes) as gateway:
        made = INGRESSES[kind]("127.0.0.1", 0, gateway.service.gateway.handle)
        async with started(made) as ingress:
            yield gateway, ingress
