"""The dashboard over HTTP: its parts, signing in, and the live stream."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from canary.store.store import Store
from canary.web.board import EVENTS
from canary.web.dashboard import CHARTS, FILES, HEADERS, STATIC
from canary.web.live import MOST
from canary.web.sessions import MARK
from tests.factories import FakeClock
from tests.web.serving import NAME, TOKEN, Client, broken, serving

JSON_HEADERS = {MARK: "1", "content-type": "application/json"}


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next event of a stream."""
    name = (await answer.content.readline()).decode().removeprefix("event: ").strip()
    data = json.loads((await answer.content.readline()).decode().removeprefix("data: "))
    assert await answer.content.readline() == b"\n"
    return name, data


# --- the page -----------------------------------------------------------------------------------------------------


async def test_the_page_runs_nothing_from_outside(client: Client) -> None:
    """A strict policy: no script, style or connection but this server's, no inline script, in no frame."""
    status, page, answer = await client.ask("GET", "/")
    assert status == 200
    assert "<!doctype html>" in page
    policy = answer.headers["content-security-policy"]
    assert policy == HEADERS["content-security-policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]* src=\"/static/)|https?://|\son\w+=|style=", page)


async def test_every_part_of_the_page_is_served(client: Client) -> None:
    """What the page and its modules refer to is there, checked by each browser anew."""
    page = (await client.get("/"))[1]
    wanted = set(re.findall(r'(?:src|href)="/static/([^"]+)"', page))
    for module in STATIC.glob("*.js"):
        wanted |= set(re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8")))
    assert wanted == FILES - {"index.html"} | {CHARTS}
    for name in wanted - {CHARTS}:
        status, _, answer = await client.ask("GET", f"/static/{name}")
        assert (status, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_the_chart_library_comes_from_its_package(client: Client, coding: str) -> None:
    """Packed for those who can unpack it, and kept by the browser for a day."""
    status, text, answer = await client.ask("GET", f"/static/{CHARTS}", headers={"accept-encoding": coding})
    assert status == 200
    assert "plotly.js" in text[:200]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "max-age=86400"


@pytest.mark.parametrize("path", ["/static/..%2fadmin.py", "/static/nothing.js", "/static/", "/static"])
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    """Files beside the page's own are not to be had."""
    assert (await client.get(path))[0] == 404


def test_nothing_of_others_is_copied_here() -> None:
    """The page's own files are few and short; libraries come from their packages."""
    for file in STATIC.iterdir():
        assert len(file.read_text(encoding="utf-8").splitlines()) < 400, file.name
        assert file.stat().st_size < 30_000, file.name


# --- signing in ---------------------------------------------------------------------------------------------------


async def test_signing_in_opens_reading_and_acting(store: Store, clock: FakeClock) -> None:
    """From afar nothing can be read; with the token's cookie everything, and with the page's mark also acted."""
    async with (
        serving(store, clock, host="0.0.0.0") as far,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        client = Client(browser, far.url.replace("127.0.0.1", "localhost"))
        assert (await client.get("/session"))[1] == {"may_read": False, "may_act": False}
        assert (await client.get("/api/v1/board"))[0] == 401
        status, body, answer = await client.ask("POST", "/login", json={"token": TOKEN})
        assert (status, body) == (200, {"may_read": True, "may_act": True})
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=Strict" in answer.headers["set-cookie"]
        assert (await client.get("/api/v1/board"))[0] == 200
        assert (await client.get("/session", headers={MARK: "1"}))[1] == {"may_read": True, "may_act": True}
        assert (await client.ask("POST", "/api/v1/pause"))[0] == 401
        assert (await client.ask("POST", "/api/v1/pause", headers={MARK: "1"}))[0] == 200
        await client.ask("POST", "/logout")
        assert (await client.get("/api/v1/board"))[0] == 401


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "кириллица"])
async def test_a_wrong_token_signs_nobody_in(client: Client, token: str) -> None:
    """Refused with a sentence that says where the right one is, and without a cookie."""
    status, body, answer = await client.ask("POST", "/login", json={"token": token})
    assert status == 401
    assert "CANARY_ADMIN_TOKEN" in body["error"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("proto", ["https", "http"])
async def test_behind_https_the_cookie_stays_on_https(client: Client, proto: str) -> None:
    """A proxy that ends TLS says so, and the cookie is then sent over HTTPS alone."""
    headers = {"x-forwarded-proto": proto}
    _, _, answer = await client.ask("POST", "/login", json={"token": TOKEN}, headers=headers)
    assert ("Secure" in answer.headers["set-cookie"]) is (proto == "https")


# --- data ---------------------------------------------------------------------------------------------------------


async def test_the_board_holds_the_status(client: Client) -> None:
    """What is shown is the status itself, with what may be done now."""
    status = (await client.get("/api/v1/status"))[1]
    board = (await client.get("/api/v1/board"))[1]
    assert board["status"] == status
    assert set(board["events"]) == {"pause", "promote", "rollback"} <= set(EVENTS)
    assert [stage["name"] for stage in board["stages"]] == ["canary", "half", "cutover"]


async def test_a_broken_store_is_a_sentence(client: Client, state: Path) -> None:
    """Board and history answer 503 with the reason."""
    broken(state)
    for path in ("/api/v1/board", "/api/v1/history"):
        status, body = await client.get(path)
        if path == "/api/v1/board":
            assert (status, str(state) in body["error"]) == (503, True)
        else:
            assert (status, body) == (200, {"at": [], "metrics": {}})


# --- the stream ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def stream(client: Client) -> AsyncIterator[aiohttp.ClientResponse]:
    """The live stream, opened."""
    async with aiohttp.ClientSession() as session, session.get(f"{client.url}/api/v1/live") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        yield answer


async def test_the_stream_begins_with_the_board_and_follows_it(
    client: Client, stream: aiohttp.ClientResponse
) -> None:
    """The first board comes at once, and what is done here is shown at once."""
    name, board = await next_event(stream)
    assert (name, board["status"]["state"]) == ("board", "running")
    await client.act("pause")
    while board["status"]["state"] != "paused":
        name, board = await next_event(stream)
    assert name == "board"


async def test_trouble_is_told_and_passes(stream: aiohttp.ClientResponse, state: Path) -> None:
    """A store that does not answer is an event of its own; the stream goes on."""
    await next_event(stream)
    broken(state)
    name = "board"
    while name == "board":
        name, body = await next_event(stream)
    assert (name, str(state) in body["error"]) == ("trouble", True)
    assert (await next_event(stream))[0] == "trouble"


async def test_a_stop_ends_the_streams(store: Store, clock: FakeClock) -> None:
    """The server does not wait for browsers that watch."""
    async with aiohttp.ClientSession() as session:
        async with serving(store, clock) as client:
            answer = await session.get(f"{client.url}/api/v1/live")
            await next_event(answer)
            loop = asyncio.get_running_loop()
            began = loop.time()
        assert loop.time() - began < 10
        while not answer.content.at_eof():
            await answer.content.readline()


async def test_too_many_browsers_are_refused(client: Client) -> None:
    """There is an end to how many may watch, and it is a sentence."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for _ in range(MOST):
            answer = await session.get(f"{client.url}/api/v1/live")
            assert answer.status == 200
        answer = await session.get(f"{client.url}/api/v1/live")
        assert answer.status == 503
        assert "too many" in (await answer.json())["error"]


async def test_one_reader_serves_all(client: Client, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten browsers cost the store no more than one."""
    reads = 0
    look = store.lease_counts

    def counted(name: str) -> Any:
        nonlocal reads
        reads += name == NAME
        return look(name)

    monkeypatch.setattr(store, "lease_counts", counted)
    async with aiohttp.ClientSession() as session:
        answers = [await session.get(f"{client.url}/api/v1/live") for _ in range(10)]
        for answer in answers:
            await next_event(answer)
        for answer in answers:
            answer.close()
    # a board reads the counts twice; each newcomer may cause one reading, and most share one
    assert reads <= 2 * 11
