"""Who is let in, over real sockets, and what being wrong costs."""

import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from canary.store.store import Store
from canary.web.sessions import MARK
from canary.web.throttle import AT_ONCE
from tests.factories import FakeClock
from tests.web.serving import GATE_TOKEN, NAME, TOKEN, Client, serving

WRONG = {"authorization": "Bearer not-the-token"}
RIGHT = {"authorization": f"Bearer {TOKEN}"}
GATE = {"authorization": f"Bearer {GATE_TOKEN}"}


@pytest.fixture
async def far(store: Store, clock: FakeClock) -> AsyncIterator[Client]:
    """A server that can be reached from other machines."""
    async with serving(store, clock, host="0.0.0.0") as asking:
        yield asking


async def drain(client: Client) -> None:
    """Be wrong as often as one may."""
    for _ in range(AT_ONCE):
        assert (await client.get("/api/v1/status", headers=WRONG))[0] == 401


async def test_guessing_is_slowed_down(far: Client, clock: FakeClock) -> None:
    """After ten wrong tokens no token is looked at, also not to sign in, until Retry-After has passed."""
    await drain(far)
    for path in ("/api/v1/status", "/session"):
        status, body, answer = await far.ask("GET", path, headers=RIGHT)
        assert (status, answer.headers["retry-after"]) == (429, "10")
        assert "too many wrong tokens" in body["error"]
    assert (await far.ask("POST", "/login", json={"token": TOKEN}))[0] == 429
    assert (await far.act("pause"))[0] == 429
    clock.advance(10)
    assert (await far.act("pause"))[0] == 200


async def test_sign_ins_count_too(far: Client) -> None:
    """The sign-in page is no way round."""
    for _ in range(AT_ONCE):
        assert (await far.ask("POST", "/login", json={"token": "guess"}))[0] == 401
    assert (await far.ask("POST", "/login", json={"token": TOKEN}))[0] == 429
    assert (await far.get("/api/v1/status", headers=RIGHT))[0] == 429


async def test_a_forged_cookie_counts_and_is_forgotten(far: Client) -> None:
    """A seal is made from the token, so it is a guess too; a browser with an old one is told to drop it."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        client = Client(browser, far.url)
        _, _, answer = await client.ask("POST", "/login", json={"token": TOKEN})
        (name,) = answer.cookies
    for turn in range(AT_ONCE + 1):
        headers = {"cookie": f"{name}=99999999999.{turn}"}
        status, _, answer = await far.ask("GET", "/api/v1/status", headers=headers)
        assert status == (401 if turn < AT_ONCE else 429)
        assert turn == AT_ONCE or answer.cookies[name]["max-age"] == "0"


async def test_what_is_no_guess_costs_nothing(far: Client, clock: FakeClock) -> None:
    """No token at all, the gate's token where it opens nothing, a cookie without the page's mark: refused, no more."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        client = Client(browser, far.url)
        await client.ask("POST", "/login", json={"token": TOKEN})
        for _ in range(AT_ONCE + 1):
            assert (await far.get("/api/v1/status"))[0] == 401
            assert (await far.get("/api/v1/status", headers=GATE))[0] == 401
            assert (await client.ask("POST", "/api/v1/pause"))[0] == 401
        assert (await client.ask("POST", "/api/v1/pause", headers={MARK: "1"}))[0] == 200
    assert (await far.get("/api/v1/status", headers=RIGHT))[0] == 200


async def test_reading_here_is_never_slowed_down(client: Client) -> None:
    """On the machine itself reads need no token, so a wrong one beside them does no harm."""
    for _ in range(2 * AT_ONCE):
        assert (await client.get("/api/v1/status", headers=WRONG))[0] == 200


async def test_refusals_are_told_without_the_token(far: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A line and a metric each, with the address and never with what was given."""
    with caplog.at_level(logging.WARNING):
        await drain(far)
        await far.get("/api/v1/status", headers=RIGHT)
    assert "from 127.0.0.1 showed a wrong token" in caplog.text
    assert "was not looked at: too many wrong tokens" in caplog.text
    assert "not-the-token" not in caplog.text
    assert TOKEN not in caplog.text
    text = (await far.get("/metrics"))[1]
    assert 'canary_refused_tokens_total{why="wrong"} 10.0' in text
    assert 'canary_refused_tokens_total{why="too_many"} 1.0' in text


async def test_the_gate_s_token_opens_the_gate_alone(far: Client, store: Store) -> None:
    """It stands in other controllers' settings, so it reads one answer and can do nothing."""
    assert (await far.get("/api/v1/gate", headers=GATE))[0] == 200
    assert (await far.get("/api/v1/gate"))[0] == 401
    for path in ("/api/v1/status", "/api/v1/board", "/api/v1/decisions"):
        assert (await far.get(path, headers=GATE))[0] == 401
    assert (await far.act("rollback", GATE_TOKEN))[0] == 401
    assert (await far.ask("POST", "/login", json={"token": GATE_TOKEN}))[0] == 401
    assert store.decisions(NAME) == []
