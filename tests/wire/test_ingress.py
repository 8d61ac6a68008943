"""Either ingress over real sockets: what goes in, what comes out, how it starts and ends."""

import asyncio
import socket
from typing import Any

import pytest

from canary.core.model import Request, Response
from canary.core.protocol.rewrite import ascii_only
from canary.gateway.ingress import IngressError
from tests.clients import connected, request
from tests.factories import PATH
from tests.waiting import until
from tests.wire.conftest import Making, Opening
from tests.wire.handlers import HTML, Handler, Held
from tests.wire.serving import AnyIngress

# --- what the gateway is handed ---------------------------------------------------------------------------------


async def test_a_request_arrives_byte_for_byte(opened: Opening) -> None:
    """Method, path, query, headers and body as they were on the wire, each byte as one character.

    A byte that no URL may hold may come as its escape: the arm gets it like that in any case.
    """
    handle = Handler()
    query = "api_key=k&action=getNumber&&x=%zz&y=[{|}]^`'\"&z=\xff\xd0\x9d#f"
    raw = (
        f"POST {PATH}?{query} HTTP/1.1\r\nHost: any\r\nuser-AGENT: PHP\r\nX-Twice: 1\r\nX-Odd: \xe9\xff\r\n"
        "X-Twice: 2\r\nContent-Length: 4\r\n\r\n"
    ).encode("latin-1")
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.ask(raw + b"a\xff\x00=")
    [asked] = handle.asked
    assert (asked.method, asked.path, asked.body) == ("POST", PATH, b"a\xff\x00=")
    assert ascii_only(asked.query) == ascii_only(query)
    kept = [h for h in asked.headers if h[0] not in {"Host", "Content-Length"}]
    assert kept == [("user-AGENT", "PHP"), ("X-Twice", "1"), ("X-Odd", "\xe9\xff"), ("X-Twice", "2")]
    assert asked.client == "127.0.0.1"


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("Transfer-Encoding: chunked", b"3\r\na=1\r\n2\r\n&b\r\n0\r\n\r\n", b"a=1&b"),
        ("Content-Length: 0", b"", b""),
    ],
)
async def test_every_body_is_read_whole(opened: Opening, head: str, body: bytes, expected: bytes) -> None:
    """Chunked or counted, the gateway gets the content."""
    handle = Handler()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.ask(f"POST {PATH} HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n".encode() + body)
    assert handle.asked[0].body == expected


async def test_a_client_that_waits_to_be_told_to_go_on_is_told(opened: Opening) -> None:
    """``Expect: 100-continue`` is answered here; the gateway sees the whole request."""
    handle = Handler()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.send(
            f"POST {PATH} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n".encode()
        )
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        got = await client.ask(b"a=1")
    assert got.status == 200
    assert handle.asked[0].body == b"a=1"


async def test_an_absolute_request_line_is_one_of_the_endpoint(opened: Opening) -> None:
    """Some clients write the whole URL, as to a proxy."""
    handle = Handler()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        got = await client.ask(
            f"GET http://sms-activate.org{PATH}?action=a HTTP/1.1\r\nHost: b\r\n\r\n".encode()
        )
    assert got.status == 200
    assert (handle.asked[0].path, handle.asked[0].query) == (PATH, "action=a")


# --- what the client gets -----------------------------------------------------------------------------------------


async def test_a_response_leaves_byte_for_byte(opened: Opening) -> None:
    """Status, headers in order and case, repeated ones too, and the body; only its length is added."""
    headers = (("Server", "nginx"), ("set-COOKIE", "a=1"), ("Set-Cookie", "b=2"), ("X-Text", "\xd0\x9d\xff"))
    body = bytes(range(256)) * 100
    async with opened(Handler(Response(418, headers, body))) as ingress, connected(ingress.address) as client:
        got = await client.ask(request())
    assert (got.status, got.body) == (418, body)
    assert got.headers == [*headers, ("content-length", "25600")]


@pytest.mark.parametrize("status", [204, 304])
async def test_a_response_that_has_no_body_has_none(opened: Opening, status: int) -> None:
    """Nor a length; and the connection goes on, also when a body was configured for it."""
    handle = Handler(Response(status, (("X-A", "1"),), b"ERROR_SQL"))
    async with opened(handle) as ingress, connected(ingress.address) as client:
        first, second = await client.ask(request()), await client.ask(request())
    assert first.headers == second.headers == [("X-A", "1")]


async def test_the_answer_to_head_has_a_length_and_no_body(opened: Opening) -> None:
    """The arm's own length where it is known; the connection goes on in step."""
    handle = Handler(
        Response(200, (HTML, ("content-length", "1234"))),
        Response(200, (HTML,), b"ERROR_SQL"),
        Response(200, (), b"x"),
    )
    async with opened(handle) as ingress, connected(ingress.address) as client:
        first = await client.ask(request(method="HEAD"), head=True)
        second = await client.ask(request(method="HEAD"), head=True)
        third = await client.ask(request())
    assert first.header("content-length") == ["1234"]
    assert second.header("content-length") == ["9"]
    assert third.body == b"x"


async def test_a_connection_is_used_again(opened: Opening) -> None:
    """Keep-alive: many calls on one connection, one after the other and also sent at once."""
    handle = Handler()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        for _ in range(5):
            assert (await client.ask(request())).header("connection") == []
        await client.send(request() * 3)
        assert [(await client.get()).status for _ in range(3)] == [200, 200, 200]
        assert ingress.connections == 1
    assert len(handle.asked) == 8


@pytest.mark.parametrize("line", ["Connection: close", "connection: Close", "Connection: foo, close"])
async def test_close_is_echoed(opened: Opening, line: str) -> None:
    """A client that asked for it is told that the connection closes, and it does."""
    async with opened(Handler()) as ingress, connected(ingress.address) as client:
        got = await client.ask(request("getBalance", line))
        assert got.header("connection") == ["close"]
        assert await client.is_closed()


async def test_http_1_0_is_served_and_closed(opened: Opening) -> None:
    """Old clients end at the end of the connection."""
    async with opened(Handler()) as ingress, connected(ingress.address) as client:
        got = await client.ask(f"GET {PATH}?action=a HTTP/1.0\r\n\r\n".encode())
        assert got.body == b"ACCESS_BALANCE:17.15"
        assert await client.is_closed()


async def test_a_handler_that_fails_is_answered(opened: Opening, caplog: pytest.LogCaptureFixture) -> None:
    """A defect behind the hook is never let on to the reverse target; the next call is served."""

    async def broken(_: Request) -> Response:
        raise ZeroDivisionError

    async with opened(broken) as ingress, connected(ingress.address) as client:
        got, again = await client.ask(request()), await client.ask(request())
    for one in (got, again):
        assert (one.status, one.body, one.header("x-canary-error")) == (200, b"ERROR_SQL", ["internal"])
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("headers", [(("X-Odd", "\u043d\u0435\u0442"),), (("X-\u043d", "1"),)])
async def test_a_response_that_cannot_be_written_is_answered(opened: Opening, headers: Any) -> None:
    """Also what goes wrong after the gateway stays behind the hook."""
    async with opened(Handler(Response(200, headers, b"x"))) as ingress, connected(ingress.address) as client:
        got = await client.ask(request())
    assert (got.status, got.header("x-canary-error")) == (200, ["internal"])


async def test_a_client_that_goes_away_stops_nothing(opened: Opening) -> None:
    """A purchase under way is finished and can be bound although nobody waits for it; other clients are served."""
    handle = Held()
    async with opened(handle) as ingress, connected(ingress.address) as other:
        async with connected(ingress.address) as client:
            await client.send(request("getNumber"))
            await until(lambda: handle.asked)
        await until(lambda: ingress.connections == 1)
        assert handle.in_flight == 1
        handle.release.set()
        await until(lambda: handle.in_flight == 0)
        assert (await other.ask(request())).status == 200


# --- requests that are none -----------------------------------------------------------------------------------------


BAD = {
    "no http": b"hello\r\n\r\n",
    "only a method": b"GET\r\n\r\n",
    "no version": f"GET {PATH}\r\n\r\n".encode(),
    "binary": bytes(range(1, 256)) + b"\r\n\r\n",
    "bad header": f"GET {PATH} HTTP/1.1\r\nHost a\r\n\r\n".encode(),
    "space in a header's name": f"GET {PATH} HTTP/1.1\r\nX Y: a\r\n\r\n".encode(),
    "two lengths": f"POST {PATH} HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na".encode(),
    "length and chunks": (
        f"POST {PATH} HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()
    ),
    "bad length": f"POST {PATH} HTTP/1.1\r\nContent-Length: x\r\n\r\na".encode(),
    "broken chunk": f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
    "trailers": f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n".encode(),
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "connect": b"CONNECT sms-activate.org:443 HTTP/1.1\r\nHost: sms-activate.org\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_what_is_no_request_is_refused_and_the_next_is_served(opened: Opening, bad: bytes) -> None:
    """Refused with 400 or closed, never passed on, never a 5xx; the next client and call are served."""
    handle = Handler()
    async with opened(handle) as ingress:
        async with connected(ingress.address) as client:
            await client.send(bad)
            client.writer.write_eof()
            answer = await client.reader.read()
        assert answer == b"" or answer.split(b" ")[1].startswith(b"4")
        async with connected(ingress.address) as client:
            assert (await client.ask(request())).status == 200
    assert len(handle.asked) == 1


async def test_a_half_request_is_no_call(opened: Opening) -> None:
    """A client that closes in the middle of its request has asked nothing."""
    handle = Handler()
    whole = request("getNumber", method="POST", body=b"a=1")
    async with opened(handle) as ingress:
        for length in (10, len(whole) - 10, len(whole) - 1):
            async with connected(ingress.address) as client:
                await client.send(whole[:length])
        await until(lambda: ingress.connections == 0)
    assert handle.asked == []


async def test_a_flood_is_taken_or_refused(opened: Opening) -> None:
    """Very long queries, header values, many headers and long bodies reach the gateway whole, or get a 4xx."""
    handle, size = Handler(), 2**20
    junk = "x" * size
    many = "".join(f"X-{n}: 1\r\n" for n in range(size // 256))
    async with opened(handle) as ingress:
        for raw in (
            f"GET {PATH}?action=a&x={junk} HTTP/1.1\r\nHost: a\r\n\r\n",
            f"GET {PATH}?action=a HTTP/1.1\r\nHost: a\r\nX-Long: {junk}\r\n\r\n",
            f"GET {PATH}?action=a HTTP/1.1\r\nHost: a\r\n{many}\r\n",
            f"POST {PATH}?action=a HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{junk}",
            f"POST {PATH}?action=a HTTP/1.1\r\nHost: a\r\nContent-Length: {64 * size}\r\n\r\n",
        ):
            async with connected(ingress.address) as client:
                await client.send(raw.encode())
                if f"{64 * size}" in raw:
                    assert (await client.reader.readuntil(b"\r\n")).split(b" ")[1] == b"413"
                else:
                    assert (await client.get()).status == 200
    assert len(handle.asked) == 4


# --- start and end ------------------------------------------------------------------------------------------------


async def test_an_occupied_port_is_said_in_a_sentence(made: Making) -> None:
    """Which address, why, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ingress = made("127.0.0.1", port, Handler())
        with pytest.raises(IngressError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use.*--listen"):
            await ingress.start()
        await ingress.stop()


async def test_an_address_that_is_not_ours_is_said_in_a_sentence(made: Making) -> None:
    """A host that this machine does not have."""
    ingress = made("192.0.2.1", 8080, Handler())
    with pytest.raises(IngressError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        await ingress.start()
    await ingress.stop()


async def test_a_drain_finishes_what_is_in_flight(opened: Opening) -> None:
    """New connections are refused at once; calls under way are answered, and their clients are told to go."""
    handle = Held()
    async with (
        opened(handle) as ingress,
        connected(ingress.address) as client,
        connected(ingress.address) as idle,
    ):
        await idle.send(request())
        await client.send(request("getNumber"))
        await until(lambda: len(handle.asked) == 2)
        address = ingress.address
        draining = asyncio.create_task(ingress.drain(lambda: handle.in_flight, 20.0))
        await until(lambda: _refused(address))
        assert not draining.done()
        handle.release.set()
        got = await client.get()
        assert (got.status, got.header("connection")) == (200, ["close"])
        assert await draining
        assert await client.is_closed()


def _refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_a_call_on_an_open_connection_is_answered_during_a_drain(opened: Opening) -> None:
    """A client with a kept connection gets its answer and the word to come back on another."""
    handle = Held()
    handle.release.set()
    async with opened(handle) as ingress, connected(ingress.address) as kept:
        assert (await kept.ask(request())).header("connection") == []
        handle.release.clear()
        async with connected(ingress.address) as slow:
            await slow.send(request())
            await until(lambda: handle.in_flight == 1)
            draining = asyncio.create_task(ingress.drain(lambda: handle.in_flight, 20.0))
            await asyncio.sleep(0)
            await kept.send(request())
            await until(lambda: handle.in_flight == 2)
            handle.release.set()
            assert (await kept.get()).header("connection") == ["close"]
            assert await draining


async def test_a_drain_waits_for_a_client_that_reads_slowly(opened: Opening) -> None:
    """An answer that is larger than the sockets' buffers is not cut off half way."""
    body = b"x" * (16 * 2**20)
    handle = Handler(Response(200, (HTML,), body))
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.send(request())
        await until(lambda: handle.asked)
        stopping = asyncio.create_task(_stopped(ingress))
        await asyncio.sleep(0.3)
        assert not stopping.done()
        got = await client.get()
        assert await stopping
        assert len(got.body) == len(body)


async def _stopped(ingress: AnyIngress) -> bool:
    drained = await ingress.drain(lambda: 0, 20.0)
    await ingress.stop()
    return drained


async def test_a_drain_ends_at_its_deadline(opened: Opening) -> None:
    """A call that never ends does not hold up the stop for ever, and the caller is told."""
    handle = Held()
    async with opened(handle) as ingress, connected(ingress.address) as client:
        await client.send(request())
        await until(lambda: handle.asked)
        assert not await ingress.drain(lambda: handle.in_flight, 0.1)
        handle.release.set()


async def test_what_never_started_can_be_ended(made: Making) -> None:
    """An end after a start that failed elsewhere is no second failure."""
    ingress = made("127.0.0.1", 0, Handler())
    assert await ingress.drain(lambda: 0, 1.0)
    await ingress.stop()
