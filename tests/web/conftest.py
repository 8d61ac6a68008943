"""A store with one rollout, a clock, and an admin server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from canary.store.store import Store
from tests.factories import FakeClock
from tests.web.serving import Client, begun, serving


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the store is kept."""
    return tmp_path / "canary.db"


@pytest.fixture
def store(state: Path, clock: FakeClock) -> Iterator[Store]:
    """A store that holds one rollout, in its first stage."""
    opened = Store(state)
    begun(opened, clock)
    yield opened
    opened.close()


@pytest.fixture
async def client(store: Store, clock: FakeClock) -> AsyncIterator[Client]:
    """Asks an admin server that runs without a proxy."""
    async with serving(store, clock) as asking:
        yield asking
