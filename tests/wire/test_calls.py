"""Calls through either ingress and the gateway over raw sockets: every reply form, byte for byte, on both arms."""

import asyncio
import gzip
import logging
import select
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest

from canary.core.model import Arm
from tests.clients import Client, Got, connected, request
from tests.core.protocol.samples import SAMPLES, Sample
from tests.factories import CLIENT_KEY, NEW_KEY, OLD_KEY, PATH, tlease, tpurchase
from tests.upstreams import Heard, Pairs, Play, Wire, chunked, closes, raw, response, says
from tests.waiting import until
from tests.wire.conftest import Serving

AFTER_CUTOVER = {"weight": 1.0, "safe_arm": Arm.NEW}
SIDES = {Arm.OLD: {}, Arm.NEW: AFTER_CUTOVER}


# --- every reply form ---------------------------------------------------------------------------------------------

FRAMES: dict[str, Callable[[bytes, int, Pairs], bytes]] = {
    "counted": response,
    "packed": lambda body, status, headers: response(
        gzip.compress(body, mtime=0), status, (*headers, ("Content-Encoding", "gzip"))
    ),
    "chunked": lambda body, status, headers: chunked(body, 5, headers).replace(
        b" 200 OK", b" %d OK" % status, 1
    ),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("arm", Arm)
async def test_every_documented_reply_passes_byte_for_byte(
    served: Serving, tmp_path: Path, arm: Arm, frame: str
) -> None:
    """Each sample's status, headers and body, counted, packed and in chunks; nothing is added but the arm's name."""
    async with (
        served(tmp_path, rollout=SIDES[arm]) as (gateway, ingress),
        connected(ingress.address) as client,
    ):
        upstream = gateway.arm(arm)
        for sample in SAMPLES:
            headers = (
                ("Server", "nginx"),
                ("content-TYPE", sample.content_type),
                *(("Set-Cookie", c) for c in "ab"),
            )
            framed = FRAMES[
                "counted" if sample.status == 204 else frame
            ]  # without a body there is nothing to frame
            wire = framed(sample.body, sample.status, headers)
            upstream.otherwise = raw(wire)
            got = await client.ask(_call_of(sample))
            assert _seen(got) == _expected(wire, arm), sample.name
            assert upstream.heard[-1].action == sample.action
        assert gateway.count("internal_errors") == 0


def _call_of(sample: Sample) -> bytes:
    return request(sample.action, **{name: quote(value) for name, value in sample.params.items()})


def _seen(got: Got) -> tuple[int, list[tuple[str, str]], bytes]:
    return got.status, [h for h in got.headers if h[0] != "content-length"], got.body


def _expected(wire: bytes, arm: Arm) -> tuple[int, list[tuple[str, str]], bytes]:
    """What a client should see of an upstream's bytes."""
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines[1:])]
    if ("Transfer-Encoding", "chunked") in headers:
        body = _unchunked(body)
    hop = {"content-length", "transfer-encoding"}
    status = int(lines[0].split(" ")[1])
    kept = [*(h for h in headers if h[0].lower() not in hop), ("x-canary-arm", arm.value)]
    return status, kept, b"" if status in {204, 304} else body


def _unchunked(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]


@pytest.mark.parametrize(
    "status", [200, 201, 204, 206, 301, 304, 400, 401, 402, 403, 404, 409, 422, 429, 500, 503]
)
async def test_every_status_passes(served: Serving, tmp_path: Path, status: int) -> None:
    """A status of the arm's is the client's, and the connection goes on after it."""
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        body = b"" if status in {204, 304} else b"SERVER_ERROR"
        gateway.old.otherwise = raw(
            b"HTTP/1.1 %d X\r\nX-A: 1\r\n\r\n" % status if not body else response(body, status)
        )
        for _ in range(2):
            got = await client.ask(request("getPrices"))
            assert (got.status, got.body) == (status, body)


async def test_the_arms_name_can_be_turned_off(served: Serving, tmp_path: Path) -> None:
    """Then the headers are the upstream's and no other but the length."""
    async with (
        served(tmp_path, arm_header=False) as (gateway, ingress),
        connected(ingress.address) as client,
    ):
        gateway.old.otherwise = raw(response("OK", headers=(("A", "1"),)))
        assert (await client.ask(request())).headers == [("A", "1"), ("content-length", "2")]


async def test_head_is_asked_and_answered_as_head(served: Serving, tmp_path: Path) -> None:
    """The arm gets a HEAD, the client the arm's headers with the length, and the connection goes on."""
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        gateway.old.next.append(
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\nContent-Encoding: gzip\r\n\r\n")
        )
        got = await client.ask(request("getPrices", method="HEAD"), head=True)
        assert got.header("content-length") == ["77"]
        assert gateway.old.heard[0].method == "HEAD"
        assert (await client.ask(request("getPrices"))).body == b"BAD_ACTION"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/x-www-form-urlencoded"])
async def test_a_post_with_everything_in_the_query_passes(
    served: Serving, tmp_path: Path, content_type: str
) -> None:
    """As aiosmsactivate and npm's sms-activate send it: parameters in the query, an empty body."""
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        await client.ask(request("getNumber", f"Content-Type: {content_type}", method="POST", service="tg"))
        [heard] = gateway.old.heard
    assert (heard.method, heard.body) == ("POST", b"")
    assert heard.query == f"api_key={OLD_KEY}&action=getNumber&service=tg"
    assert heard.header("content-type") == [content_type]
    assert heard.header("content-length") == ["0"]


async def test_a_post_with_a_form_passes(served: Serving, tmp_path: Path) -> None:
    """Parameters in the body: understood, followed to the lease's arm, and only the key replaced."""
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        gateway.store.bind(gateway.name, [(tpurchase(), [tlease(arm=Arm.NEW, id="7")])])
        form = f"action=setStatus&api_key={CLIENT_KEY}&id=7&status=8&x=%7e+".encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        await client.ask(f"{head}Content-Length: {len(form)}\r\n\r\n".encode() + form)
        [heard] = gateway.new.heard
    assert heard.body == form.replace(CLIENT_KEY.encode(), NEW_KEY.encode())


async def test_the_rest_of_a_request_reaches_the_arm_as_it_was(served: Serving, tmp_path: Path) -> None:
    """Query and headers byte for byte, but for the key and what belongs to the connection."""
    query = f"ref=%7E&api_key={CLIENT_KEY}&action=getNumber&&service=tg&x=[1]|y#f"
    lines = ["user-AGENT: PHP/5", "X-Twice: 1", "accept-encoding: gzip", "X-Twice: 2", "Cookie: a=1"]
    head = [
        f"GET {PATH}?{query} HTTP/1.1",
        "Host: sms-activate.org",
        "Connection: keep-alive",
        *lines,
        "",
        "",
    ]
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        await client.ask("\r\n".join(head).encode())
        [heard] = gateway.old.heard
        assert heard.query == query.replace(CLIENT_KEY, OLD_KEY)
        assert [f"{n}: {v}" for n, v in heard.headers[1:]] == lines
        assert heard.headers[0] == ("Host", f"127.0.0.1:{gateway.old.port}")


# --- order --------------------------------------------------------------------------------------------------------


async def test_the_binding_is_on_disk_before_a_byte_of_the_number_is_sent(
    served: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During the commit the client has nothing; when its bytes arrive another connection finds the lease."""
    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        real, entered, leave = gateway.store.bind, Event(), Event()

        def held(*args: Any) -> Any:
            entered.set()
            leave.wait(20)
            return real(*args)

        monkeypatch.setattr(gateway.store, "bind", held)
        gateway.old.answers(getNumber="ACCESS_NUMBER:7:79")
        await client.send(request("getNumber"))
        await until(entered.is_set)
        await asyncio.sleep(0.05)
        assert _unread(client) == b""
        assert _leases(gateway.state) == []
        leave.set()
        got = await client.get()
        assert _leases(gateway.state) == [("old", "7")]
        assert got.body == b"ACCESS_NUMBER:7:79"


def _unread(client: Client) -> bytes:
    return bytes(client.reader._buffer)  # type: ignore[attr-defined]


def _leases(state: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(state) as connection:
        return connection.execute("SELECT arm, visible_id FROM leases").fetchall()


async def test_a_shadow_copy_is_sent_after_the_client_is_served(served: Serving, tmp_path: Path) -> None:
    """When the copy arrives at new, the answer lies in the client's socket already, also on warm connections."""
    reached: list[bool] = []

    async def note(wire: Wire, heard: Heard) -> None:
        socket = client.writer.get_extra_info("socket")
        reached.append(bool(_unread(client) or select.select([socket.fileno()], [], [], 0)[0]))
        await wire.send(response("{}"))

    async with (
        served(tmp_path, rollout={"shadow": 1.0}, shadow={"noise": 0}) as (gateway, ingress),
        connected(ingress.address) as client,
    ):
        gateway.new.otherwise = note
        for n in range(1, 11):
            await client.send(request("getPrices"))
            await gateway.new.has_heard(n)
            await client.get()
        await until(lambda: len(reached) == 10)
    assert reached == [True] * 10


async def test_a_purchase_is_bound_although_its_client_went_away(served: Serving, tmp_path: Path) -> None:
    """Nobody waits any more, but the number was bought: it is followed like any other."""
    release = asyncio.Event()

    async def late(wire: Wire, heard: Heard) -> None:
        await release.wait()
        await wire.send(response("ACCESS_NUMBER:7:79"))

    async with served(tmp_path) as (gateway, ingress):
        gateway.old.answers(getNumber=late)
        async with connected(ingress.address) as client:
            await client.send(request("getNumber"))
            await gateway.old.has_heard(1)
        await until(lambda: ingress.connections == 0)
        release.set()
        await until(lambda: _leases(gateway.state))
    assert len(gateway.old.heard) == 1


async def test_a_drain_waits_for_a_purchase_to_be_bound_and_shown(served: Serving, tmp_path: Path) -> None:
    """A stop in the middle of a purchase loses nothing."""
    release = asyncio.Event()

    async def late(wire: Wire, heard: Heard) -> None:
        await release.wait()
        await wire.send(response("ACCESS_NUMBER:7:79"))

    async with served(tmp_path) as (gateway, ingress), connected(ingress.address) as client:
        gateway.old.answers(getNumber=late)
        await client.send(request("getNumber"))
        await gateway.old.has_heard(1)
        draining = asyncio.create_task(ingress.drain(lambda: gateway.service.gateway.in_flight, 20))
        await asyncio.sleep(0.05)
        release.set()
        assert await draining
        await ingress.stop()
        assert (await client.get()).body == b"ACCESS_NUMBER:7:79"
        assert _leases(gateway.state) == [("old", "7")]


# --- many at once -------------------------------------------------------------------------------------------------


async def test_many_clients_at_once_each_get_their_own_answer(served: Serving, tmp_path: Path) -> None:
    """Each call's answer goes to the client that asked, each purchase is sent once, each lease stays on its arm."""

    def numbers(first: int) -> Play:
        counter = iter(range(first, first + 10_000))

        async def play(wire: Wire, heard: Heard) -> None:
            await wire.send(response(f"ACCESS_NUMBER:{next(counter)}:79"))

        return play

    async def echo(wire: Wire, heard: Heard) -> None:
        await wire.send(response(f"STATUS_OK:{heard.params['id']}"))

    async def life(address: tuple[str, int]) -> str:
        async with connected(address) as client:
            bought = await client.ask(request("getNumber"))
            number = bought.body.decode().split(":")[1]
            for _ in range(3):
                polled = await client.ask(request("getStatus", id=number))
                assert polled.body.decode() == f"STATUS_OK:{number}"
                assert polled.header("x-canary-arm") == bought.header("x-canary-arm")
            return number

    async with served(tmp_path, rollout={"weight": 0.5}) as (gateway, ingress):
        for upstream, first in ((gateway.old, 1000), (gateway.new, 50_000)):
            upstream.answers(getNumber=numbers(first), getStatus=echo)
        seen = await asyncio.gather(*(life(ingress.address) for _ in range(40)))
        bought = len(gateway.old.of("getNumber")) + len(gateway.new.of("getNumber"))
        assert gateway.new.of("getStatus")
    assert len(set(seen)) == 40
    assert bought == 40


# --- secrets ------------------------------------------------------------------------------------------------------


async def test_no_key_is_in_any_log_line_or_answer(
    served: Serving, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything logged at any level, mitmproxy's own lines too, and every byte that a client gets."""
    caplog.set_level(logging.DEBUG)
    got = b""
    async with served(tmp_path, rollout={"weight": 0.5, "shadow": 1.0}) as (gateway, ingress):
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        gateway.old.answers(getNumber="ACCESS_NUMBER:7:79", getPrices="{}", getStatus=closes())
        gateway.new.answers(getNumber=closes(), getPrices=says("junk", Content_Encoding="gzip"))
        async with connected(ingress.address) as client:
            for action in ("getNumber", "getNumber", "getNumber", "getPrices", "getStatus", "nonsense"):
                answer = await client.ask(request(action, f"X-ApiKey: {CLIENT_KEY}", id="7"))
                got += answer.head + answer.body
        whole = request("getNumber", method="POST", body=b"a=1")
        line, lone = f"GET /?api_key={CLIENT_KEY} x y\r\n\r\n", f"X-ApiKey: {CLIENT_KEY}"
        bad = [whole[:60], whole[:-1], line.encode(), lone.encode()]
        for data in bad:
            async with connected(ingress.address) as client:
                await client.send(data)
                client.writer.write_eof()
                await client.reader.read()
        await until(lambda: ingress.connections == 0)
    if kind == "mitmproxy":
        assert "client disconnect" in caplog.text
    for key in (CLIENT_KEY, OLD_KEY, NEW_KEY):
        assert key not in caplog.text
        assert key.encode() not in got
