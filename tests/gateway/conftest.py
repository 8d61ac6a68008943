"""A gateway between two scripted upstreams."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.rig import Rig, rig


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that sends all new leases to the old arm, until told otherwise."""
    async with rig(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running PostgreSQL."""
    running = Server()
    yield running
    running.remove()


@pytest.fixture
def database(server: Server) -> str:
    """The URL of an empty PostgreSQL database."""
    return server.database()
