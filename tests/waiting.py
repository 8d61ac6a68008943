"""Waiting for what has no event of its own."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], within: float = 20.0) -> None:
    """Wait until ``condition`` holds.

    Raises:
        TimeoutError: it did not within so many seconds.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  what is waited for is a state of somebody else's
            await asyncio.sleep(0.005)
