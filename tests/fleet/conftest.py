"""A PostgreSQL server of their own: the fleet's tests restart it."""

import pytest

from tests import postgres

server = pytest.fixture(scope="module")(postgres.running)
"""A running PostgreSQL."""
