"""Background work that goes on."""

import asyncio
import logging

import pytest

from canary.gateway.rounds import rounds
from canary.store.errors import StoreUnavailable

log = logging.getLogger(__name__)


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [(StoreUnavailable("the store is away"), logging.WARNING, False), (KeyError("x"), logging.ERROR, True)],
)
async def test_a_round_that_fails_is_said_and_the_next_one_comes(
    error: Exception, level: int, traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A lost store in one line, a defect with its traceback; cancelling is the end."""
    done, again = 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        done += 1
        if done == 1:
            raise error
        again.set()

    running = asyncio.create_task(rounds(work, 0.0, log, "nothing was tidied"))
    await asyncio.wait_for(again.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    [said] = caplog.records
    assert said.getMessage().startswith("nothing was tidied")
    assert (said.levelno, said.exc_info is not None) == (level, traced)
