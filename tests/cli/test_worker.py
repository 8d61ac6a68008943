"""What the workers of ``canary run`` know of each other's leases."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from canary.cli import worker as module
from canary.cli.worker import Answering
from canary.gateway.bindings import Bindings
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from canary.store.writer import GroupCommit
from canary.workers.siblings import Lines
from tests.factories import tcall, tlease, tpurchase, trollout
from tests.waiting import until
from tests.workers.crew import siblings


async def _at_once() -> None:
    """A front that serves."""


async def test_a_lease_that_one_worker_binds_is_in_the_memory_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client's next call may come to either; no look into the store is needed."""
    monkeypatch.setattr(module, "settle", lambda: None)
    name, store, lines = trollout().name, Store(tmp_path / "state.db", shared=True), Lines(2)
    store.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    memories = [Bindings(store, GroupCommit(store, name), name, grace=3600) for _ in range(2)]
    for number, bindings in enumerate(memories):
        front: Any = SimpleNamespace(start=_at_once, service=SimpleNamespace(bindings=bindings))
        await Answering(front, siblings(number, lines)).start()
    [bound] = await memories[0].bind(tpurchase(), [tlease(id="7")])
    await until(lambda: memories[1].remembered(tcall("getStatus", id="7")) == {"7": bound})
    lines.close()
    store.close()
