"""A store, a policy and a clock."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.core.policy.model import Policy
from canary.store.store import Store
from tests.control.world import World
from tests.factories import FakeClock

URL = "https://{}.example/stubs/handler_api.php"


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "canary.db")
    yield opened
    opened.close()


@pytest.fixture
def make_policy() -> Callable[..., Policy]:
    """A policy with two arms and any other keys."""

    def make(**changes: Any) -> Policy:
        arms = {arm: {"url": URL.format(arm)} for arm in ("old", "new")}
        return Policy.model_validate({"name": "t", "arms": arms, **changes})

    return make


@pytest.fixture
def world(store: Store) -> World:
    """A rollout that has just begun."""
    return World(store)
