"""One pool per arm: what is sent, how often, and what a failure is called."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
import trustme
from aiohttp.client_proto import ResponseHandler

from canary.core.model import Failure, Headers
from canary.gateway import upstream as module
from canary.gateway.upstream import Sent, Upstream, end_to_end
from tests.factories import PATH
from tests.upstreams import (
    Heard,
    Play,
    ScriptedUpstream,
    Wire,
    chunked,
    closes,
    hangs,
    huge,
    nobody,
    raw,
    resets,
    response,
    says,
    trickles,
    url_of,
    waits_for,
)
from tests.waiting import until

LONG = 20.0
"""A timeout that no test reaches."""


@pytest.fixture
async def arm() -> AsyncIterator[ScriptedUpstream]:
    """An upstream that answers OK."""
    async with ScriptedUpstream(otherwise=says("OK")) as upstream:
        yield upstream


@asynccontextmanager
async def pool(url: str, headers: Headers = (), **changes: object) -> AsyncIterator[Upstream]:
    """A started pool."""
    fields = {"timeout": LONG, "max_in_flight": 8, **changes}
    upstream = Upstream(url, headers, **fields)  # type: ignore[arg-type]
    await upstream.start()
    try:
        yield upstream
    finally:
        await upstream.close()


def idle_in(upstream: Upstream) -> list[ResponseHandler]:
    """The connections that wait for a call."""
    connector = upstream._pool._connector
    assert connector is not None
    return [protocol for kept in connector._conns.values() for protocol, _ in kept]


async def send(upstream: Upstream, query: str = "action=getNumber", **changes: object) -> Sent:
    """One request, by default a purchase."""
    fields = {"method": "GET", "headers": (), "body": b"", "repeatable": False, **changes}
    return await upstream.send(query=query, **fields)  # type: ignore[arg-type]


# --- once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [closes(), resets()], ids=["closed", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_purchase_on_a_broken_connection_is_not_repeated(
    arm: ScriptedUpstream, fate: Play, method: str
) -> None:
    """A warm connection that dies under a purchase: one request on the wire, and a failure."""
    arm.next.extend([says("warm"), fate])
    async with pool(arm.url) as upstream:
        await send(upstream)
        sent = await send(upstream, method=method)
    assert sent.failure is Failure.RESET
    assert [one.connection for one in arm.heard] == [1, 1]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_read_on_a_broken_connection_is_repeated_once(arm: ScriptedUpstream, method: str) -> None:
    """A read may be sent again on a fresh connection, and then the client never hears of it."""
    arm.next.extend([says("warm"), closes()])
    async with pool(arm.url) as upstream:
        await send(upstream, "action=getPrices", method=method, repeatable=True)
        sent = await send(upstream, "action=getPrices", method=method, repeatable=True)
    assert sent.response is not None
    assert sent.response.body == b"OK"
    assert [one.connection for one in arm.heard] == [1, 1, 2]


async def test_a_read_that_breaks_twice_is_a_failure(arm: ScriptedUpstream) -> None:
    """The repeat is one, not many."""
    arm.next.extend([closes(), closes(), closes()])
    async with pool(arm.url) as upstream:
        sent = await send(upstream, "action=getPrices", repeatable=True)
    assert sent.failure is Failure.RESET
    assert len(arm.heard) == 2


async def test_a_repeated_read_has_no_more_time_than_one(arm: ScriptedUpstream) -> None:
    """The time that its first try took is gone."""

    async def breaks_late(wire: Wire, heard: Heard) -> None:
        await asyncio.sleep(0.8)
        await closes()(wire, heard)

    arm.next.extend([breaks_late, hangs])
    started = monotonic()
    async with pool(arm.url, timeout=1.0) as upstream:
        sent = await send(upstream, "action=getPrices", repeatable=True)
    assert sent.failure is Failure.TIMEOUT
    assert monotonic() - started < 1.7
    assert len(arm.heard) == 2


async def test_what_comes_after_an_answer_is_no_answer_to_the_next_call(arm: ScriptedUpstream) -> None:
    """A connection on which more came than was asked for is not used again."""
    arm.next.append(raw(response("ACCESS_NUMBER:1:7") + response("ACCESS_NUMBER:2:7")))
    async with pool(arm.url) as upstream:
        await send(upstream)
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.body == b"OK"
    assert [one.connection for one in arm.heard] == [1, 2]


async def test_what_comes_on_an_idle_connection_is_no_answer_to_the_next_call(arm: ScriptedUpstream) -> None:
    """A number that nobody asked for would be sold twice."""
    release, came = asyncio.Event(), asyncio.Event()

    async def says_more(wire: Wire, heard: Heard) -> None:
        await wire.send(response("ACCESS_NUMBER:1:7"))
        await release.wait()
        await wire.send(response("ACCESS_NUMBER:2:7"))
        came.set()

    arm.next.append(says_more)
    async with pool(arm.url) as upstream:
        await send(upstream)
        release.set()
        await came.wait()
        await until(lambda: any(idle.should_close for idle in idle_in(upstream)))
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.body == b"OK"
    assert [one.connection for one in arm.heard] == [1, 2]


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_keeps_its_connection(arm: ScriptedUpstream, status: int) -> None:
    """Nothing is waited for after it."""
    arm.next.append(raw(f"HTTP/1.1 {status} X\r\n\r\n".encode()))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
        await send(upstream)
    assert sent.response is not None
    assert (sent.response.status, sent.response.body) == (status, b"")
    assert [one.connection for one in arm.heard] == [1, 1]


async def test_an_idle_connection_that_was_closed_is_not_used(arm: ScriptedUpstream) -> None:
    """A connection that the upstream closed while it lay idle costs a purchase nothing."""
    arm.next.append(closes(response("warm")))
    async with pool(arm.url) as upstream:
        await send(upstream)
        await arm.has_no_connection()
        await asyncio.sleep(0.01)  # the pool reads the end of its connection
        sent = await send(upstream)
    assert sent.failure is None
    assert [one.connection for one in arm.heard] == [1, 2]


# --- failures ------------------------------------------------------------------------------------------------


async def test_a_refused_connection_is_a_connect_failure() -> None:
    """Nobody listens: nothing was sent."""
    with nobody() as sock:
        async with pool(url_of(sock)) as upstream:
            assert (await send(upstream)).failure is Failure.CONNECT


async def test_an_unknown_host_is_a_connect_failure() -> None:
    """A name that cannot be resolved: nothing was sent."""
    async with pool(f"http://no-such-host.invalid{PATH}") as upstream:
        assert (await send(upstream)).failure is Failure.CONNECT


async def test_a_connection_that_is_never_accepted_is_a_connect_failure() -> None:
    """A listener whose queue is full: the connect timeout runs out, nothing was sent."""
    with nobody() as sock:
        sock.listen(0)
        fillers = [await _knock(sock.getsockname()) for _ in range(3)]
        async with pool(url_of(sock), timeout=0.3) as upstream:
            sent = await send(upstream)
        for task in fillers:
            task.cancel()
    assert sent.failure is Failure.CONNECT


async def _knock(address: tuple[str, int]) -> asyncio.Task[object]:
    task = asyncio.create_task(asyncio.open_connection(*address))
    await asyncio.sleep(0.01)
    return task


@pytest.mark.parametrize(
    ("play", "failure"),
    [
        (closes(), Failure.RESET),
        (resets(), Failure.RESET),
        (closes(b"HTTP/1.1 200 OK\r\nContent-Le"), Failure.RESET),
        (closes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nACCESS"), Failure.RESET),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nACCESS"), Failure.RESET),
        (closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nAC"), Failure.RESET),
        (closes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), Failure.RESET),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), Failure.RESET),
        (hangs, Failure.TIMEOUT),
    ],
    ids=[
        "fin",
        "rst",
        "half a head",
        "half a body",
        "half and rst",
        "half a chunk",
        "ssh",
        "bad length",
        "hang",
    ],
)
async def test_an_answer_that_never_came_whole_is_a_failure(
    arm: ScriptedUpstream, play: Play, failure: Failure
) -> None:
    """Whatever broke after the request was sent counts as sent, once."""
    arm.next.append(play)
    async with pool(arm.url, timeout=0.5 if failure is Failure.TIMEOUT else LONG) as upstream:
        sent = await send(upstream)
    assert (sent.response, sent.failure) == (None, failure)
    assert len(arm.heard) == 1


async def test_a_slow_answer_is_cut_off_as_a_whole(arm: ScriptedUpstream) -> None:
    """Bytes that keep coming do not extend the timeout: it is for the whole exchange."""

    async def drips(wire: object, heard: object) -> None:
        while True:
            await wire.send(b"HTTP/1.1 200 OK\r\n" if not sent_yet else b"X-Drip: 1\r\n")  # type: ignore[attr-defined]
            sent_yet.append(True)
            await asyncio.sleep(0.02)

    sent_yet: list[bool] = []
    arm.next.append(drips)
    async with pool(arm.url, timeout=0.3) as upstream:
        assert (await send(upstream)).failure is Failure.TIMEOUT


@pytest.mark.parametrize("declared", [True, False])
async def test_an_endless_answer_is_too_large(
    arm: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    """100 MB are not kept in memory, whether the length was announced or not; the pool works on."""
    monkeypatch.setattr(module, "MAX_BODY", 2**20)
    arm.next.append(huge(100 * 2**20, declared))
    async with pool(arm.url) as upstream:
        assert (await send(upstream)).failure is Failure.TOO_LARGE
        assert (await send(upstream)).failure is None


async def test_a_full_pool_is_saturated_and_sends_nothing(arm: ScriptedUpstream) -> None:
    """A call that found no free connection in time never left, and is told apart from one that failed."""
    release = asyncio.Event()
    arm.next.append(waits_for(release, says("late")))
    async with pool(arm.url, timeout=0.6, max_in_flight=1) as upstream:
        first = asyncio.create_task(send(upstream))
        await arm.has_heard(1)
        assert (await send(upstream)).failure is Failure.SATURATED
        release.set()
        await first
    assert len(arm.heard) == 1


async def test_a_call_that_waited_for_a_connection_is_sent(arm: ScriptedUpstream) -> None:
    """Waiting for a free connection is no failure, and is measured apart from the answer."""
    release = asyncio.Event()
    arm.next.append(waits_for(release, says("first")))
    async with pool(arm.url, max_in_flight=1) as upstream:
        first = asyncio.create_task(send(upstream))
        await arm.has_heard(1)
        second = asyncio.create_task(send(upstream))
        await asyncio.sleep(0.1)
        release.set()
        assert (await first).failure is None
        sent = await second
    assert sent.failure is None
    assert sent.connect >= 0.1
    assert arm.connections == 1


async def test_the_number_in_flight_is_known(arm: ScriptedUpstream) -> None:
    """It rises while a call is out and falls when it is back, whatever became of it."""
    release = asyncio.Event()
    arm.next.extend([waits_for(release, says("late")), closes()])
    async with pool(arm.url) as upstream:
        first = asyncio.create_task(send(upstream))
        await arm.has_heard(1)
        assert upstream.in_flight == 1
        release.set()
        await first
        await send(upstream)
        assert upstream.in_flight == 0


# --- time ----------------------------------------------------------------------------------------------------


async def test_setting_up_a_connection_is_no_part_of_the_latency(arm: ScriptedUpstream) -> None:
    """The first call pays for the connection, apart from its latency; the next pays nothing."""
    async with pool(arm.url) as upstream:
        first, second = await send(upstream), await send(upstream)
        assert first.connect > 0
        assert second.connect == 0
        assert first.latency > 0
        assert second.latency > 0
        assert upstream.connections_opened == 1


async def test_a_failed_set_up_is_no_latency() -> None:
    """Time spent on a connection that never came to be is set-up, not the arm's answering time."""
    with nobody() as sock:
        sock.listen(0)
        fillers = [await _knock(sock.getsockname()) for _ in range(3)]
        async with pool(url_of(sock), timeout=0.3) as upstream:
            sent = await send(upstream)
        for task in fillers:
            task.cancel()
    assert sent.connect >= 0.1
    assert sent.latency == 0


async def test_latency_runs_to_the_last_byte(arm: ScriptedUpstream) -> None:
    """A head that comes at once and a body that does not: the body counts."""
    pause = 0.15

    async def slow_body(wire: object, heard: object) -> None:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO")  # type: ignore[attr-defined]
        await asyncio.sleep(pause)
        await wire.send(b"K")  # type: ignore[attr-defined]

    arm.next.append(slow_body)
    started = monotonic()
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert pause <= sent.latency <= monotonic() - started


# --- TLS -----------------------------------------------------------------------------------------------------


def _authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context, folder / "ca.pem"


async def test_an_untrusted_certificate_is_a_connect_failure(tmp_path: Path) -> None:
    """An upstream that cannot prove who it is gets nothing: no request, no key."""
    context, _ = _authority(tmp_path)
    async with ScriptedUpstream(context) as arm, pool(arm.url) as upstream:
        assert (await send(upstream)).failure is Failure.CONNECT
        assert arm.heard == []


async def test_a_certificate_authority_can_be_trusted_by_file(tmp_path: Path) -> None:
    """``ca`` of an arm names an authority beside the system's."""
    context, ca_file = _authority(tmp_path)
    async with (
        ScriptedUpstream(context, otherwise=says("OK")) as arm,
        pool(arm.url, ca_file=ca_file) as upstream,
    ):
        first, second = await send(upstream), await send(upstream)
        assert (first.failure, second.failure) == (None, None)
        assert second.connect == 0


async def test_plain_http_behind_an_https_url_is_a_connect_failure(arm: ScriptedUpstream) -> None:
    """A handshake that fails has sent nothing."""
    async with pool(arm.url.replace("http:", "https:"), timeout=0.5) as upstream:
        assert (await send(upstream)).failure is Failure.CONNECT


# --- bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "action=getNumber&api_key=k&service=tg",
        "service=tg&action=getNumber&&x&=y&a=b=c",
        "a=%41%2f%2F%zz&b=+%20%2B&c=%D0%9D",
        "a=[1]&b={x}|y^z`&c=\"q\"&d='q'&e=~!*();:@$,/?",
        "a=1#b=2&c=3",
        "",
    ],
)
async def test_a_query_goes_out_as_it_is_written(arm: ScriptedUpstream, query: str) -> None:
    """Nothing is decoded, encoded, sorted or cut."""
    async with pool(arm.url) as upstream:
        await send(upstream, query)
    assert arm.heard[0].target == (f"{PATH}?{query}" if query else PATH)


@pytest.mark.parametrize("path", ["/", "/stubs/rent.php", "/a%2Fb/%41/c;d=1/", "/caf\xe9", "/a//b/../c"])
async def test_another_path_goes_out_as_it_is_written(arm: ScriptedUpstream, path: str) -> None:
    """A request beside the endpoint keeps its path; bytes that no request line may hold are escaped."""
    async with pool(arm.url) as upstream:
        await send(upstream, "a=1", path=path)
    assert arm.heard[0].target == path.replace("\xe9", "%E9") + "?a=1"


async def test_end_to_end_headers_pass_in_their_order_and_case(arm: ScriptedUpstream) -> None:
    """The client's headers arrive as it wrote them, repeated ones too; nothing is added but a Host."""
    headers = (
        ("user-AGENT", "PHP/5.2 (odd)"),
        ("X-Twice", "1"),
        ("accept-encoding", "gzip, br"),
        ("X-Twice", "2"),
        ("Cookie", "PHPSESSID=abc; a=b"),
        ("X-Empty", ""),
    )
    async with pool(arm.url) as upstream:
        await send(upstream, headers=headers)
    assert arm.heard[0].headers == (("Host", f"127.0.0.1:{arm.port}"), *headers)


async def test_hop_by_hop_headers_stay_behind(arm: ScriptedUpstream) -> None:
    """What concerns one connection only, named by Connection or known to be such, goes no further."""
    headers = (
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic abc"),
        ("TE", "trailers"),
        ("Upgrade", "h2c"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("Host", "sms-activate.org"),
        ("X-Kept", "1"),
    )
    async with pool(arm.url) as upstream:
        await send(upstream, headers=headers)
    assert arm.heard[0].headers == (("Host", f"127.0.0.1:{arm.port}"), ("X-Kept", "1"))
    assert end_to_end(headers) == (("X-Kept", "1"),)


async def test_the_arms_headers_replace_the_clients(arm: ScriptedUpstream) -> None:
    """A header from the policy is there once, whatever the client sent under that name."""
    async with pool(arm.url, (("X-Sandbox-Mode", "1"),)) as upstream:
        await send(upstream, headers=(("x-sandbox-mode", "0"), ("X-Other", "2")))
    assert arm.heard[0].header("x-sandbox-mode") == ["1"]
    assert arm.heard[0].header("x-other") == ["2"]


async def test_an_arm_may_be_called_by_another_name(arm: ScriptedUpstream) -> None:
    """A Host from the policy takes the place of the address's."""
    async with pool(arm.url, (("Host", "api.example"),)) as upstream:
        await send(upstream)
    assert arm.heard[0].header("host") == ["api.example"]


async def test_no_header_begins_another(arm: ScriptedUpstream) -> None:
    """Neither a name nor a value ends its line."""
    odd = (("X-A\r\nX-B", "1"), ("X-C", "1\r\nX-D: 2"))
    async with pool(arm.url) as upstream:
        await send(upstream, headers=odd)
    assert {name for name, _ in arm.heard[0].headers}.isdisjoint({"X-B", "X-D"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\xd0\x9d\xd0\xb5\xd1\x82", "\xd0\x9d\xd0\xb5\xd1\x82"),  # UTF-8 as it came
        ("a\x01b\x7fc", "a b c"),  # RFC 9110 section 5.5: a recipient may put a space for a control
        ("tab\there", "tab\there"),
    ],
)
async def test_an_odd_header_value_is_sent(arm: ScriptedUpstream, value: str, expected: str) -> None:
    """Bytes beyond ASCII arrive as they came, and a control character stops no call."""
    async with pool(arm.url) as upstream:
        sent = await send(upstream, headers=(("X-Odd", value),))
    assert sent.failure is None
    assert arm.heard[0].header("x-odd") == [expected]


@pytest.mark.parametrize(
    ("method", "body", "content_type"),
    [
        ("POST", b"", "application/octet-stream"),
        ("POST", b"action=getNumber&x=%41+\xff\x00", "application/x-www-form-urlencoded"),
        ("POST", b"a=1", None),
        ("PUT", b"{}", "application/json"),
        ("GET", b"body=of+a+get", None),
    ],
)
async def test_a_body_passes_with_its_length(
    arm: ScriptedUpstream, method: str, body: bytes, content_type: str | None
) -> None:
    """The body's bytes, its length, and no content type that the client did not send."""
    headers = (("Content-Type", content_type),) if content_type else ()
    async with pool(arm.url) as upstream:
        await send(upstream, method=method, headers=headers, body=body)
    [heard] = arm.heard
    assert (heard.method, heard.body) == (method, body)
    assert heard.header("content-length") == [str(len(body))]
    assert heard.header("content-type") == ([content_type] if content_type else [])


@pytest.mark.parametrize("size", [0, 1, 2**20])
async def test_a_reply_comes_back_byte_for_byte(arm: ScriptedUpstream, size: int) -> None:
    """Status, headers in their order and case, and every byte of the body."""
    headers = (("Server", "nginx"), ("set-COOKIE", "a=1"), ("Set-Cookie", "b=2"), ("X-Text", "\xd0\x9d"))
    body = bytes(i % 256 for i in range(size))
    arm.next.append(raw(response(body, 418, headers)))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert (sent.response.status, sent.response.headers, sent.response.body) == (418, headers, body)


@pytest.mark.parametrize(
    "wire",
    [
        chunked(b"ACCESS_NUMBER:1:79584123456"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nACCESS_NUMBER:1:79584123456",
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\nACCESS_NUMBER:1:79584123456",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        + response("ACCESS_NUMBER:1:79584123456", headers=(("Content-Type", "text/html"),)),
    ],
    ids=["chunked", "until close", "http/1.0", "early hints"],
)
async def test_every_framing_is_understood(arm: ScriptedUpstream, wire: bytes) -> None:
    """However the end of the body is told, the body is the same and its framing stays behind."""
    arm.next.append(closes(wire))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.body == b"ACCESS_NUMBER:1:79584123456"
    assert sent.response.headers == (("Content-Type", "text/html"),)


async def test_an_answer_in_single_bytes_is_whole(arm: ScriptedUpstream) -> None:
    """Packets of one byte make the same reply."""
    arm.next.append(trickles(response("STATUS_OK:12:345")))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.body == b"STATUS_OK:12:345"


async def test_a_long_header_is_no_failure(arm: ScriptedUpstream) -> None:
    """A number that was bought is not lost over a long Content-Security-Policy."""
    policy = "default-src 'self' " * 1500
    arm.next.append(says("ACCESS_NUMBER:1:7", Content_Security_Policy=policy.strip()))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.header("content-security-policy") == policy.strip()


async def test_a_compressed_body_stays_compressed(arm: ScriptedUpstream) -> None:
    """The client gets the coded bytes and the header that names the coding."""
    coded = gzip.compress(b"STATUS_WAIT_CODE")
    arm.next.append(says(coded, Content_Encoding="gzip"))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert sent.response.body == coded
    assert sent.response.header("content-encoding") == "gzip"


async def test_a_redirect_is_passed_on_and_not_followed(arm: ScriptedUpstream) -> None:
    """A redirect is the client's to follow: following it would send the key somewhere else."""
    arm.next.append(says("", 302, Location="http://elsewhere.invalid/"))
    async with pool(arm.url) as upstream:
        sent = await send(upstream)
    assert sent.response is not None
    assert (sent.response.status, sent.response.header("location")) == (302, "http://elsewhere.invalid/")
    assert len(arm.heard) == 1


async def test_cookies_are_the_clients_affair(arm: ScriptedUpstream) -> None:
    """A cookie set for one client is not sent along with another's call, and a malformed one stops nothing."""
    arm.next.append(says("OK", Set_Cookie='sid="secret;\\'))
    async with pool(arm.url) as upstream:
        first = await send(upstream)
        await send(upstream)
    assert first.failure is None
    assert arm.heard[1].header("cookie") == []


async def test_a_head_reply_keeps_the_length_that_it_announces(arm: ScriptedUpstream) -> None:
    """The length in a reply to HEAD is that of the body that GET would have brought."""
    arm.next.append(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"))
    async with pool(arm.url) as upstream:
        sent = await send(upstream, method="HEAD")
        again = await send(upstream)
    assert sent.response is not None
    assert (sent.response.body, sent.response.header("content-length")) == (b"", "1234")
    assert again.failure is None
