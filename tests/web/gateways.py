"""A gateway with real pools, whose arms nobody listens at."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from canary.gateway.config import load, resolve
from canary.gateway.service import GatewayService
from canary.store.store import Store
from tests.factories import NEW_KEY, OLD_KEY

POLICY = """
name: t
arms:
  old: {url: "http://127.0.0.1:1/stubs/handler_api.php", api_key: {env: OLD}, headers: {x-token: {env: HEADER}}}
  new: {url: "http://127.0.0.1:1/compat/handler_api.php", api_key: {env: NEW}}
stages:
  - {name: canary, weight: 5%, shadow: 10%}
  - {name: half, weight: 50%}
  - {name: cutover, weight: 100%, approval: required}
"""

HEADER_SECRET = "header-secret-99887766"


@asynccontextmanager
async def gateway(store: Store, folder: Path, clock: Callable[[], float]) -> AsyncIterator[GatewayService]:
    """A started gateway for the store's rollout ``t``."""
    path = folder / "t.yaml"
    path.write_text(POLICY)
    loaded = load(path)
    secrets = resolve(loaded, {**os.environ, "OLD": OLD_KEY, "NEW": NEW_KEY, "HEADER": HEADER_SECRET})
    rollout = store.rollout("t")
    assert rollout is not None
    service = GatewayService(loaded, secrets, store, rollout, clock)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def trusted(service: GatewayService, store: Store, clock: Callable[[], float]) -> None:
    """Let the gateway see a controller that is alive."""
    for beat in range(2):
        store.beat("t", clock() + beat)
        await service.view.refresh()
