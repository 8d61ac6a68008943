"""A store on a real database: an SQLite file, and a PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.factories import trollout

POLICY = StoredPolicy("0123456789ab", "{}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where an SQLite store is kept."""
    return tmp_path / "state" / "canary.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest) -> Path | str:
    """Where the store is kept: a promise of the store holds on both."""
    found: Path | str = request.getfixturevalue("file" if request.param == "sqlite" else "database")
    return found


@pytest.fixture
def store(state: Path | str) -> Iterator[Store]:
    """An open store that holds one rollout."""
    opened = Store(state)
    opened.create(trollout(), POLICY)
    yield opened
    opened.close()


@pytest.fixture
def file_store(file: Path) -> Iterator[Store]:
    """An open store in an SQLite file."""
    opened = Store(file)
    opened.create(trollout(), POLICY)
    yield opened
    opened.close()
