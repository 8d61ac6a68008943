"""What all tests share: a database server, and how much hypothesis tries.

Little by default, so that the whole suite stays quick; ``pytest --hypothesis-profile=thorough`` looks for new
counterexamples instead of the same ones each time.
"""

import pytest
from hypothesis import settings

from tests import postgres

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile("quick")

server = pytest.fixture(scope="session")(postgres.running)
"""A running PostgreSQL."""


@pytest.fixture
def database(server: postgres.Server) -> str:
    """The URL of an empty PostgreSQL database."""
    return server.database()
