"""Messages between two processes."""

import asyncio
import socket

import pytest

from canary.workers.channel import Channel


async def test_messages_arrive_whole_and_in_order() -> None:
    """Whatever their size; the end of the other side is told as such."""
    left, right = [await Channel.over(end) for end in socket.socketpair()]
    sent = [{"a": 1}, b"x" * 300_000, ()]
    sending = asyncio.gather(*(left.send(message) for message in sent))
    assert [await right.receive() for _ in sent] == sent
    await sending
    left.close()
    with pytest.raises(EOFError):
        await right.receive()
