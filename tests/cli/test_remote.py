"""What can go wrong between an operator and an admin API."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from canary.cli import remote
from canary.cli.errors import UsageError
from canary.cli.remote import RemoteAdmin
from canary.core.stage import Event

TOKEN = "token-1234"

type Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def answering(answer: Answer, heard: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server that answers each request with these bytes, or hangs up when there are none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(request)
        reply = answer(request)
        if reply is not None:
            writer.write(reply)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def reply(status: str, body: str, *headers: str) -> bytes:
    """A whole HTTP response."""
    lines = (f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers, "", body)
    return "\r\n".join(lines).encode()


async def refusal(url: str) -> str:
    """The sentence with which a rollback at ``url`` ends."""
    with pytest.raises(UsageError) as caught:
        await asyncio.to_thread(RemoteAdmin(url, TOKEN).act, Event.ROLLBACK, "ada", "x")
    assert TOKEN not in str(caught.value)
    return str(caught.value)


async def test_an_admin_that_is_dead_is_said_with_the_way_around_it() -> None:
    """A refused connection names the store as the other way."""
    async with answering(lambda _: None) as url:
        pass
    sentence = await refusal(url)
    assert (
        sentence == f"no harness answers at {url} (Connection refused); act on its store with --state instead"
    )


async def test_an_answer_that_was_lost_may_have_been_an_act() -> None:
    """When the connection breaks after the request, the operator is told to look first."""
    async with answering(lambda _: None) as url:
        sentence = await refusal(url)
    assert sentence.startswith(f"the answer of {url} was lost (")
    assert "before you repeat anything" in sentence


async def test_an_answer_that_never_comes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness that hangs does not hang the operator."""
    monkeypatch.setattr(remote, "TIMEOUT", 0.05)
    release = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        sentence = await refusal(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        release.set()
    assert "was lost (timed out)" in sentence


@pytest.mark.parametrize(
    "answer",
    [
        reply("200 OK", "<html>"),
        reply("200 OK", "[]"),
        reply("200 OK", '{"hello": 1}'),
        reply("404 Not Found", "nothing"),
        reply("500 Oops", '{"error": '),
    ],
)
async def test_something_else_behind_the_address_is_noticed(answer: bytes) -> None:
    """A server that is no harness is said to be none."""
    async with answering(lambda _: answer) as url:
        assert "as no harness would" in await refusal(url)


async def test_a_refusal_is_passed_on_in_its_own_words() -> None:
    """The admin API's sentence reaches the operator."""
    async with answering(lambda _: reply("409 Conflict", '{"error": "rollback is tired"}')) as url:
        assert await refusal(url) == "rollback is tired"


async def test_the_token_is_sent_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a redirect nor a proxy of the environment gets the token."""
    elsewhere: list[bytes] = []
    async with answering(lambda _: reply("200 OK", "{}"), elsewhere) as thief:
        monkeypatch.setenv("http_proxy", thief)
        async with answering(lambda _: reply("302 Found", "", f"location: {thief}/x")) as url:
            assert "answered 302" in await refusal(url)
    assert elsewhere == []


async def test_the_token_and_the_reason_are_sent() -> None:
    """An event is a POST with the bearer token; the status comes back."""
    heard: list[bytes] = []
    async with answering(lambda _: reply("200 OK", '{"safe_arm": "old"}'), heard) as url:
        after = await asyncio.to_thread(RemoteAdmin(url + "/", TOKEN).act, Event.PAUSE, "ada", "x")
    assert after == {"safe_arm": "old"}
    assert heard[0].startswith(b"POST /api/v1/pause HTTP/1.1\r\n")
    assert f"Bearer {TOKEN}".encode() in heard[0]


@pytest.mark.parametrize(
    "url", ["", "ftp://a", "file:///etc/passwd", "http://", "http://[", "a:b:c", "http://a:0"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Only http and https addresses are asked."""
    with pytest.raises(UsageError, match="is no address; expected a URL such as"):
        RemoteAdmin(url, None)
