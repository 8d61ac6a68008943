"""A PostgreSQL server that the fleet's tests may restart."""

from collections.abc import Iterator

import pytest

from tests.postgres import Server


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
