"""Lines between workers."""

from collections.abc import Iterator

import pytest

from canary.workers.siblings import Line, Lines


@pytest.fixture
def lines() -> Iterator[tuple[Line, ...]]:
    """One to each of two workers."""
    between = Lines(2)
    yield between.descriptors
    between.close()
