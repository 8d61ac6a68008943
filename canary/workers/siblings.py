"""What workers tell each other at once, past their supervisor: a datagram to each of the others.

Nothing depends on it. What finds no room on a line is not sent, and who has not heard looks where it is written.
"""

import asyncio
import pickle
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

MAX_MESSAGE = 1 << 18
"""Bytes; a socket has room for less, as systems come."""

MOST = 64
"""Messages heard in one turn of the event loop."""

type Line = tuple[int, int]
"""A pair of descriptors: one worker reads the first, the others write to the second."""


class Lines:
    """A line to each worker, kept open whichever of them lives: its successor hears what it had not read yet."""

    def __init__(self, count: int) -> None:
        self._pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
        for end in self._ends:
            end.setblocking(False)

    @property
    def _ends(self) -> list[socket.socket]:
        return [end for pair in self._pairs for end in pair]

    @property
    def descriptors(self) -> tuple[Line, ...]:
        """By worker; every process that inherits them has them under these numbers."""
        return tuple((hears.fileno(), speaks.fileno()) for hears, speaks in self._pairs)

    def close(self) -> None:
        """Let go of all ends."""
        for end in self._ends:
            end.close()


class Siblings:
    """The other workers, as one of them knows them."""

    def __init__(self, hears: socket.socket, others: Sequence[socket.socket]) -> None:
        self._hears = hears
        self._others = others

    @classmethod
    def of(cls, number: int, lines: Sequence[Line]) -> Self:
        """Those of the worker of that number."""
        hears, _ = lines[number]
        others = [speaks for n, (_, speaks) in enumerate(lines) if n != number]
        return cls(socket.socket(fileno=hears), [socket.socket(fileno=speaks) for speaks in others])

    def tell(self, message: object) -> None:
        """Send a message to all of them, as far as there is room for it."""
        data = pickle.dumps(message)
        for other in self._others:
            with suppress(OSError):
                other.send(data)

    def listen(self, heard: Callable[[Any], None]) -> None:
        """Have ``heard`` called in this event loop with each message, those already waiting included."""
        asyncio.get_running_loop().add_reader(self._hears, self._hear, heard)

    def _hear(self, heard: Callable[[Any], None]) -> None:
        with suppress(BlockingIOError):
            for _ in range(MOST):
                heard(pickle.loads(self._hears.recv(MAX_MESSAGE)))  # noqa: S301  our own: nobody else can write there
