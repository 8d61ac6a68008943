"""What is done with an exchange once its client has the answer."""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

PAUSE = 0.02
"""Seconds that things may wait before they are taken in together."""


class Afterwards[**P]:
    """Takes in things later, many at a time.

    The same code over and over is fast; called once between two clients' calls it takes twice as long, and slows
    them down too.

    Args:
        take_in: takes in one thing. What it raises is logged, and concerns no other thing.
    """

    def __init__(self, take_in: Callable[P, None]) -> None:
        self._take_in = take_in
        self._waiting: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Take this in within ``PAUSE``."""
        self._waiting.append(lambda: self._take_in(*args, **kwargs))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self.catch_up)

    def catch_up(self) -> None:
        """Take in now what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for take_in in waiting:
            try:
                take_in()
            except Exception:
                log.exception("an exchange could not be taken in")
