"""Background work that comes round again and again, whatever went wrong the last time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from canary.store.errors import StoreError


async def rounds(
    work: Callable[[], Awaitable[object]], pause: float, log: logging.Logger, trouble: str
) -> NoReturn:
    """Do ``work``, rest for ``pause`` seconds, and do it again until cancelled.

    Args:
        trouble: what could not be done when a round fails, as a sentence; with the traceback unless it is the store
            that does not answer.
    """
    while True:
        try:
            await work()
        except StoreError as error:
            log.warning("%s: %s", trouble, error)
        except Exception:  # whatever it was, the next round must come
            log.exception(trouble)
        await asyncio.sleep(pause)
