"""A store on a real database file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import trollout

POLICY = StoredPolicy("0123456789ab", "{}")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the store is kept."""
    return tmp_path / "state" / "canary.db"


@pytest.fixture
def store(state: Path) -> Iterator[Store]:
    """An open store that holds one rollout."""
    opened = Store(state)
    opened.create(trollout(), POLICY)
    yield opened
    opened.close()
