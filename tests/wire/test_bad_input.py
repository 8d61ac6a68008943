"""Whatever is sent to a running harness: answered or refused, never with a 5xx of ours, and the next call is served."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clients import request
from tests.factories import CLIENT_KEY, PATH
from tests.rig import Rig
from tests.upstreams import says
from tests.wire.serving import serving


@dataclass
class Running:
    """A harness in a thread of its own, to be reached over its socket."""

    address: tuple[str, int]
    gateway: Rig

    def exchange(self, data: bytes, *, then: int = socket.SHUT_WR) -> bytes:
        """Everything that comes back for these bytes until the connection is closed."""
        with socket.create_connection(self.address, timeout=20) as sock:
            try:
                sock.sendall(data)
                sock.shutdown(then)
            except OSError:
                pass  # refused while it was still being sent
            return _all_of(sock)

    def answer(self, data: bytes) -> bytes:
        """The status line that comes back for one whole request."""
        with socket.create_connection(self.address, timeout=20) as sock:
            sock.sendall(data)
            with sock.makefile("rb") as file:
                return file.readline()

    def serves(self) -> bool:
        """Whether an ordinary call is answered."""
        return self.answer(request("getBalance")).startswith(b"HTTP/1.1 200")


def _all_of(sock: socket.socket) -> bytes:
    whole = b""
    try:
        while data := sock.recv(65536):
            whole += data
    except ConnectionResetError:
        pass
    return whole


@pytest.fixture(scope="module")
def running(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One harness for all examples."""
    folder = tmp_path_factory.mktemp("running")
    begun: Future[Running] = Future()
    loop, end = asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        async with serving(folder, kind, rollout={"weight": 0.5, "shadow": 0.5}) as (gateway, ingress):
            for upstream in (gateway.old, gateway.new):
                upstream.otherwise = says("NO_ACTIVATION")
            begun.set_result(Running(ingress.address, gateway))
            await end.wait()

    def run() -> None:
        try:
            loop.run_until_complete(main())
        except Exception as error:
            begun.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield begun.result(20)
    loop.call_soon_threadsafe(end.set)
    thread.join(20)
    loop.close()


# Bytes that a request line can hold, with a taste for what means something.
KEY = CLIENT_KEY.encode()
WORDS = st.sampled_from(
    b"action=getNumber action=getStatus action= action=getRentNumber action[]=getNumber id=7 id=7,8,9 activationId=%31 "
    b"status=8 orderId=1 service[]=a service=\xd0\x9d & && = % %zz %00 %0d%0a + # ? api_key= \xff\xfe".split(
        b" "
    )
)
VISIBLE = st.binary(max_size=20).map(lambda raw: bytes(b for b in raw if b > 0x20 and b != 0x7F))
QUERIES = st.lists(st.one_of(WORDS, VISIBLE, st.just(b"api_key=" + KEY)), max_size=12).map(b"&".join)
PATHS = st.sampled_from(
    [PATH.encode(), b"/handler_api.php", b"/compat/handler_api.php", b"/", b"/x/%2e%2e/\xe9", b"*"]
)
METHODS = st.sampled_from(
    [b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"get", b"G@T", b"\xd0"]
)
NAMES = st.sampled_from(
    b"X-ApiKey Authorization Cookie Content-Type Accept-Encoding X-Odd Connection Host Content-Encoding Expect Upgrade "
    b"TE If-None-Match Range X\xd0Y".split(b" ")
)
VALUES = st.one_of(
    st.sampled_from([b"", b"ApiKey " + KEY, b"close", b"keep-alive, X-Odd", b"gzip", b"h2c", b"trailers"]),
    st.binary(max_size=30).map(lambda raw: raw.translate(None, b"\r\n")),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@given(METHODS, PATHS, QUERIES, HEADERS, st.binary(max_size=60))
def test_any_request_is_answered(
    running: Running,
    method: bytes,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    """Any method, path, query, headers and body that HTTP can frame: an answer of the arm's, or a clear 4xx."""
    lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
    head = b"%s %s?%s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n" % (
        method,
        path,
        query,
        lines,
        len(body),
    )
    status = running.answer(head + body).split(b" ")[1]
    assert status in {b"200", b"100"} or status.startswith(b"4")
    assert running.gateway.count("internal_errors") == 0
    assert running.serves()


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(running: Running, data: bytes) -> None:
    """Bytes that are no request: refused or closed, and the next client is served."""
    _refused(running.exchange(data))
    assert running.serves()


@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_damaged_request_is_survived(running: Running, at: int, byte: int, cut: bool) -> None:
    """One byte changed anywhere, or the end cut off."""
    whole = bytearray(request("getNumber", "Content-Type: x", method="POST", body=b"a=1&b=2", service="tg"))
    at %= len(whole)
    whole[at] = byte
    _refused(running.exchange(bytes(whole[:at] if cut else whole)))
    assert running.serves()


@given(
    st.lists(
        st.sampled_from(
            [b"0\r\n", b"3\r\nabc\r\n", b"zz\r\n", b"-1\r\n", b"\r\n", b"5;x=y\r\nhello\r\n", b"f" * 20]
        )
    )
)
def test_broken_chunks_are_survived(running: Running, chunks: list[bytes]) -> None:
    """A body in chunks of any kind."""
    head = f"POST {PATH}?action=getBalance HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    _refused(running.exchange(head + b"".join(chunks)))
    assert running.serves()


def _refused(answer: bytes) -> None:
    """Nothing, answers of the arm, or a 4xx: no 5xx of ours."""
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1."):
            status = line.split(b" ")[1]
            assert status in {b"200", b"100"} or status.startswith(b"4")


def test_a_query_of_a_megabyte_goes_to_the_safe_arm(running: Running) -> None:
    """Passed on unread with the arm's key, counted, and the next call is served."""
    before = running.gateway.count("malformed_calls")
    query = f"action=getNumber&api_key={CLIENT_KEY}&x={'y' * 2**20}"
    assert b"200" in running.answer(f"GET {PATH}?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    heard = running.gateway.old.heard[-1]
    assert len(heard.query) > 2**20
    assert CLIENT_KEY not in heard.query
    assert running.gateway.count("malformed_calls") == before + 1
    assert running.serves()


def test_slow_clients_hold_up_nobody(running: Running) -> None:
    """Fifty clients that send half a request and wait; others are served meanwhile."""
    slow = [socket.create_connection(running.address, timeout=20) for _ in range(50)]
    for sock in slow:
        sock.sendall(request("getNumber")[:30])
    assert running.serves()
    for sock in slow:
        sock.sendall(request("getNumber")[30:])
    assert all(sock.recv(20).startswith(b"HTTP/1.1 200") for sock in slow)
    for sock in slow:
        sock.close()


def test_nothing_is_left_in_flight(running: Running) -> None:
    """After all of it no call is open and no defect was met."""
    assert running.serves()
    assert running.gateway.service.gateway.in_flight == 0
    assert running.gateway.count("internal_errors") == 0
    assert Path(running.gateway.state).exists()
