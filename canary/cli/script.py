"""What the mitmproxy scripts in ``addons/`` run behind them."""

import os
from pathlib import Path

from canary.cli.backstage import Backstage
from canary.cli.state import default_state
from canary.core.model import Request, Response
from canary.core.policy.model import Policy, StagePolicy
from canary.gateway.config import Loaded, load, resolve


class ScriptBackstage(Backstage):
    """A backstage with the few words that a mitmproxy script needs."""

    def __init__(self, loaded: Loaded, state: str | None) -> None:
        actor = f"{os.environ.get('USER', 'canary')} (mitmdump)"
        super().__init__(loaded, resolve(loaded), state or default_state(loaded.policy.name), actor=actor)
        self.intercept = loaded.policy.hosts

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        return await self.service.gateway.handle(request)


def split(policy: Path, state: str | None) -> ScriptBackstage:
    """Split and shadow as the policy says.

    Raises:
        PolicyError: the policy or a key cannot be used.
        StoreError: the state cannot be used.
    """
    return ScriptBackstage(load(policy), state)


def shadow_only(policy: Path, state: str | None) -> ScriptBackstage:
    """Shadow every read and split nothing, whatever the policy's stages say.

    Raises:
        PolicyError: the policy or a key cannot be used.
        StoreError: the state cannot be used.
    """
    loaded = load(policy)
    return ScriptBackstage(Loaded(_shadowing(loaded.policy), loaded.profiles, policy, loaded.text), state)


def _shadowing(policy: Policy) -> Policy:
    stage = StagePolicy(name="shadow", weight=0.0, shadow=1.0)
    return policy.model_copy(update={"name": f"{policy.name}-shadow", "stages": (stage,)})
