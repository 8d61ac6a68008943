"""Changes of a rollout are told, as they are committed, to whoever listens."""

import asyncio
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from canary.store import notices as module
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import tdecision, trollout
from tests.waiting import until

CUT = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"


def change(store: Store, name: str) -> None:
    """Move the rollout on by one revision."""
    before = store.rollout(name)
    assert before is not None
    assert store.save(before, replace(before, revision=before.revision + 1), tdecision())


@pytest.fixture
def told() -> list[str]:
    """What was told."""
    return []


async def test_a_change_is_told_when_it_is_committed(database: str, told: list[str]) -> None:
    """Of this rollout, not of another; and once at the beginning, for what came before."""
    store, other = Store(database), Store(database)
    for name in ("mine", "another"):
        store.create(trollout(name=name), StoredPolicy("0123456789ab", "{}"))
    notices = store.notices("mine")
    listening = asyncio.create_task(notices.run(lambda: told.append("mine")))
    await until(lambda: notices.listening)
    assert told == ["mine"]
    change(other, "another")
    change(other, "mine")
    await until(lambda: len(told) == 2)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert not notices.listening
    store.close()
    other.close()


async def test_a_cut_connection_is_opened_again(
    database: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile it says that it does not listen; then all is looked at anew, because something may have been missed."""
    monkeypatch.setattr(module, "AGAIN", 0.05)
    store = Store(database)
    notices = store.notices("mine")
    listening = asyncio.create_task(notices.run(lambda: told.append("mine")))
    await until(lambda: told)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(CUT, (module.NAME,))
    await until(lambda: len(told) == 2)
    assert notices.listening
    listening.cancel()
    store.close()


async def test_a_file_tells_nothing(file: Path, told: list[str]) -> None:
    """There is nobody to listen to: whoever wants to know looks for himself."""
    store = Store(file)
    notices = store.notices("mine")
    await notices.run(lambda: told.append("mine"))
    assert (notices.listening, told) == (False, [])
    store.close()
