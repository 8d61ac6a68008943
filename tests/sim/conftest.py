"""A client for real sockets."""

from collections.abc import AsyncIterator

import aiohttp
import pytest


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that keeps its connections."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session
