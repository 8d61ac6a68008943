"""``canary controller``: the controller alone, beside proxies that run elsewhere on the same state."""

from pathlib import Path
from time import time

import click

from canary.cli.backstage import ControlRoom
from canary.cli.logs import LEVELS, configure
from canary.cli.serve import serve, starter
from canary.cli.state import default_state
from canary.control.begin import begin
from canary.core.policy.notation import show_share
from canary.gateway.config import Loaded, load
from canary.store.store import Store


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--state", help="SQLite file or postgresql:// URL.  [default: .canary/NAME.db]")
@click.option("--accept-changes", is_flag=True, help="Take over a policy edited under a running rollout.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info")
def controller(policy: Path, state: str | None, accept_changes: bool, log_level: str) -> None:
    """Judge the rollout and move it on, until SIGTERM. It talks to the state alone and needs no keys."""
    loaded = load(policy)
    configure(log_level)
    serve(Watch(loaded, state or default_state(loaded.policy.name), accept_changes=accept_changes))


class Watch:
    """The controller of one rollout with a store of its own."""

    def __init__(self, loaded: Loaded, state: str | Path, *, accept_changes: bool = False) -> None:
        self._store = Store(state)
        self._rollout = begin(
            self._store,
            loaded.policy,
            now=time(),
            actor=starter("controller"),
            accept_changes=accept_changes,
        )
        self._control = ControlRoom(self._store, loaded, time)

    async def start(self) -> None:
        """Make the first tick, and go on ticking.

        Raises:
            StoreError: the store cannot be read.
        """
        await self._control.start()
        self._rollout = self._store.rollout(self._rollout.name) or self._rollout

    @property
    def ready_line(self) -> str:
        """What is printed after the first tick, or when it stands by while another controller ticks."""
        at = self._rollout
        place = f"stage={at.stage} weight={show_share(at.weight)}"
        role = "leading" if self._control.leads else "standby"
        return f"ready controller={at.name} state={self._store.name} {place} role={role}"

    async def stop(self) -> None:
        """Make no further tick."""
        await self._control.stop()
        self._store.close()
