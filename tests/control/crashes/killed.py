"""A controller in a process of its own that is killed with -9 before a chosen statement of its tick."""

import os
import signal
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import event

from canary.control.controller import Controller
from canary.core.policy.model import Policy
from canary.store.store import Store
from tests.control.world import PROFILES

# forks of a small process that has imported all this: neither threads nor connections are inherited
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def tick_killed_before(statement: int, state: Path, policy: Policy, now: float) -> bool:
    """Tick in another process that dies before its n-th statement, counted from 0; whether it came so far."""
    process = _CONTEXT.Process(target=_tick, args=(statement, state, policy, now))
    process.start()
    process.join(60)
    assert process.exitcode in {0, -signal.SIGKILL}, f"exit code {process.exitcode}"
    return process.exitcode != 0


def _tick(statement: int, state: Path, policy: Policy, now: float) -> None:
    store = Store(state)
    statements = count()

    def die(*_args: Any) -> None:
        if next(statements) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        event.listen(store._engine, name, die)
    Controller(store, policy, PROFILES, lambda: now).tick()
