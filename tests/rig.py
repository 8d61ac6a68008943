"""A gateway between two scripted upstreams, with a policy file, keys and a store on disk: all but the ingress."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from canary.core.model import Arm, Kind, Lease, Request, Response, Rollout
from canary.gateway.config import load, resolve
from canary.gateway.service import GatewayService
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import NEW_KEY, OLD_KEY, FakeClock, tdecision, treq, trollout
from tests.upstreams import ScriptedUpstream

ENVIRON = {"OLD_SMS_KEY": OLD_KEY, "NEW_SMS_KEY": NEW_KEY}


@dataclass
class Rig:
    """One running gateway and what stands around it."""

    old: ScriptedUpstream
    new: ScriptedUpstream
    store: Store
    service: GatewayService
    state: Path | str
    clock: FakeClock
    beats: int = field(default=0)

    @property
    def name(self) -> str:
        return self.rollout.name

    @property
    def rollout(self) -> Rollout:
        return self.service.view.rollout

    def arm(self, arm: Arm) -> ScriptedUpstream:
        return self.old if arm is Arm.OLD else self.new

    async def handle(self, request: Request) -> Response:
        return await self.service.gateway.handle(request)

    async def ask(self, action: str | None, **params: Any) -> Response:
        """One client's call."""
        return await self.handle(treq(action, **params))

    async def says(self, action: str, **params: Any) -> str:
        """The body of the answer to one client's call."""
        return (await self.ask(action, **params)).body.decode()

    async def split(self, **changes: Any) -> None:
        """Change the rollout in the store and let the gateway see it, with a controller that is alive."""
        before = self.store.rollout(self.name)
        assert before is not None
        after = replace(before, **changes, revision=before.revision + 1)
        assert self.store.save(before, after, tdecision())
        await self.beat()

    async def beat(self) -> None:
        """A sign of life of the controller, seen by the gateway."""
        self.beats += 1
        self.store.beat(self.name, float(self.beats))
        await self.service.view.refresh()

    async def flush(self) -> None:
        assert await self.service.ledger.flush()

    def count(self, counter: str) -> int:
        """A counter of this process."""
        return self.service.ledger.totals.counters[counter]

    def lease(self, visible_id: str, kind: Kind = Kind.ACTIVATION) -> Lease | None:
        """What the store holds."""
        return self.store.find(self.name, kind, visible_id)


def policy(old_url: str, new_url: str, /, **changes: Any) -> dict[str, Any]:
    """A policy for two endpoints as a mapping; ``old`` and ``new`` in ``changes`` go into that arm."""
    arms = {
        "old": {
            "url": old_url,
            "api_key": {"env": "OLD_SMS_KEY"},
            "timeout": "20s",
            **changes.pop("old", {}),
        },
        "new": {
            "url": new_url,
            "api_key": {"env": "NEW_SMS_KEY"},
            "timeout": "20s",
            **changes.pop("new", {}),
        },
    }
    return {"name": "rig", "arms": arms, "judging": {"tick": "1h"}, **changes}


def written(folder: Path, content: dict[str, Any]) -> Path:
    """A policy file."""
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    rollout: dict[str, Any] | None = None,
    urls: tuple[str | None, str | None] = (None, None),
    tls: Any = None,
    state: Path | str | None = None,
    clock: Any = None,
    **changes: Any,
) -> AsyncIterator[Rig]:
    """A running gateway.

    Args:
        rollout: fields of the rollout as it stands at the start; weight and shadow are 0.
        urls: other endpoints in place of the scripted ones.
        state: the store's file or URL, when it is another rig's as well.
        clock: another's clock.
        changes: keys of the policy, see ``policy``.
    """
    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(ScriptedUpstream(tls))
        new = await stack.enter_async_context(ScriptedUpstream(tls))
        path = written(folder, policy(urls[0] or old.url, urls[1] or new.url, **changes))
        loaded = load(path)
        state = state or folder / "state.db"
        store = Store(state)
        stack.callback(store.close)
        first = trollout(**{"name": loaded.policy.name, "weight": 0.0, "shadow": 0.0, **(rollout or {})})
        begun = store.create(first, StoredPolicy("0123456789ab", "{}"))
        clock = clock or FakeClock()
        service = GatewayService(loaded, resolve(loaded, ENVIRON), store, begun, clock)
        stack.push_async_callback(service.stop)
        await service.start()
        running = Rig(old, new, store, service, state, clock)
        await running.beat()
        yield running
