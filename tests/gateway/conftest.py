"""A gateway between two scripted upstreams."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.rig import Rig, rig


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Rig]:
    """A gateway that sends all new leases to the old arm, until told otherwise."""
    async with rig(tmp_path) as running:
        yield running
