"""A thin connection's own ways: what it refuses, how long it waits, how far ahead a client may send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from canary.core.model import Response
from canary.gateway.ingress import MAX_REQUEST_BODY, Handler
from canary.thin import connection
from canary.thin.ingress import ThinIngress
from tests.clients import connected, request
from tests.factories import PATH
from tests.waiting import until
from tests.wire.handlers import Handler as Answering
from tests.wire.handlers import Held


@asynccontextmanager
async def opened(handle: Handler, **changes: Any) -> AsyncIterator[ThinIngress]:
    ingress = ThinIngress("127.0.0.1", 0, handle, **changes)
    await ingress.start()
    try:
        yield ingress
    finally:
        await ingress.stop()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET " + PATH.encode() + b"?x=" + b"y" * connection.MAX_HEAD + b" HTTP/1.1\r\nHost: a\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * connection.MAX_HEAD + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * connection.MAX_HEAD, 431),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_REQUEST_BODY + 1), 413),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"100000\r\n%s\r\n" % (b"x" * 2**20) * (MAX_REQUEST_BODY // 2**20 + 1),
            413,
        ),
    ],
    ids=["query", "header", "headers", "length", "chunks"],
)
async def test_what_is_too_long_is_refused(data: bytes, status: int) -> None:
    """A client that is still sending gets to read the reason; nothing is handed on, and others are served."""
    handle = Answering()
    async with opened(handle) as ingress:
        async with connected(ingress.address) as client:
            client.writer.write(data)
            line = await client.reader.readline()
            assert line.startswith(b"HTTP/1.1 %d " % status)
        async with connected(ingress.address) as client:
            assert (await client.ask(request())).status == 200
    assert len(handle.asked) == 1


async def test_a_client_that_takes_too_long_over_a_request_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a request, then nothing: 408 and the end, while a client that is being answered is let be."""
    monkeypatch.setattr(connection, "SLOW", 0.0)
    handle = Held()
    async with (
        opened(handle, sweep=0.01) as ingress,
        connected(ingress.address) as slow,
        connected(ingress.address) as patient,
    ):
        await patient.send(request())
        await until(lambda: handle.asked)
        await slow.send(request()[:60])
        assert (await slow.get()).status == 408
        assert await slow.is_closed()
        handle.release.set()
        assert (await patient.get()).status == 200


async def test_a_connection_that_is_not_used_is_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said: no request is under way."""
    monkeypatch.setattr(connection, "IDLE", 0.0)
    async with opened(Answering(), sweep=0.01) as ingress, connected(ingress.address) as client:
        assert await client.is_closed()
        await until(lambda: ingress.connections == 0)


async def test_a_client_that_does_not_read_its_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer would stay in memory for as long as it likes."""
    monkeypatch.setattr(connection, "SLOW", 0.0)
    handle = Answering(Response(200, (), b"x" * 2**25))
    async with opened(handle, sweep=0.01) as ingress, connected(ingress.address) as client:
        await client.send(request())
        await until(lambda: handle.asked)
        await until(lambda: ingress.connections == 0)


async def test_a_client_may_send_ahead_but_not_without_end() -> None:
    """All of it is answered in order; while one call is under way only so much is read."""
    handle, many = Held(), 3 * connection.MAX_WAITING
    async with opened(handle) as ingress, connected(ingress.address) as client:
        for _ in range(many):
            await client.send(request())
            await asyncio.sleep(0)
        await until(lambda: handle.asked)
        handle.release.set()
        assert [(await client.get()).status for _ in range(many)] == [200] * many


async def test_nothing_is_answered_after_the_last_call() -> None:
    """What a client sends behind a request with which it wanted to close is not carried out."""
    handle = Answering()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.send(request("getBalance", "Connection: close") + request("getNumber"))
        assert (await client.get()).header("connection") == ["close"]
        assert await client.is_closed()
    assert len(handle.asked) == 1


async def test_a_wish_for_another_protocol_is_answered_in_this_one() -> None:
    """The request is answered like any other, and the connection ends with it."""
    async with opened(Answering()) as ingress, connected(ingress.address) as client:
        got = await client.ask(request("getBalance", "Connection: upgrade", "Upgrade: websocket"))
        assert got.status == 200
        assert await client.is_closed()


async def test_a_request_in_pieces_is_one() -> None:
    """Byte by byte, also in the middle of what is no ASCII."""
    handle = Answering()
    whole = f"GET {PATH}?x=\xd0\x9d HTTP/1.1\r\nHost: a\r\nX-Odd: \xe9\r\n\r\n".encode("latin-1")
    async with opened(handle) as ingress, connected(ingress.address) as client:
        for byte in whole:
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.get()).status == 200
    [asked] = handle.asked
    assert (asked.query, asked.headers) == ("x=%D0%9D", (("Host", "a"), ("X-Odd", "\xe9")))
