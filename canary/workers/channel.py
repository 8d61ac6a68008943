"""Messages between a supervisor and its worker, over a pair of sockets that only these two hold."""

import asyncio
import pickle
import socket
from typing import Any, Self

_LENGTH = 4
"""Bytes that say how long a message is."""


class Channel:
    """One end. What is sent is pickled: both ends are the same program, and nobody else can write there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """The channel over one end of the pair."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def send(self, message: object) -> None:
        """Send one message.

        Raises:
            OSError: the other process has ended.
        """
        data = pickle.dumps(message)
        self._writer.write(len(data).to_bytes(_LENGTH, "big") + data)
        await self._writer.drain()

    async def receive(self) -> Any:
        """The next message.

        Raises:
            EOFError: the other process has ended.
        """
        try:
            length = await self._reader.readexactly(_LENGTH)
            return pickle.loads(await self._reader.readexactly(int.from_bytes(length, "big")))  # noqa: S301  our own
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError("the other process has ended") from error

    def close(self) -> None:
        """Let go of this end; the other one reads its end of file."""
        self._writer.close()
