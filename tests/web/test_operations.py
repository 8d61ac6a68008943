"""Acknowledging, and the switch of shadow leases, through the admin API."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from canary.core.model import Arm
from canary.store.store import Store
from canary.web.sessions import MARK
from tests.factories import FakeClock
from tests.story import NAME as TOLD
from tests.story import Story
from tests.web.serving import NAME, TOKEN, Client, broken, serving

WRITES = ("ack", "shadow/stop", "shadow/start")


@pytest.fixture
def differing(store: Store, clock: FakeClock) -> Store:
    """A store in which getStatus of new has parts that old's has not."""
    story = Story(store, now=clock())
    story.answers("getStatus", {Arm.OLD: "STATUS_WAIT_CODE", Arm.NEW: "STATUS_WAIT_CODE:0"})
    return store


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("token", [None, "wrong"])
async def test_nobody_writes_without_the_token(
    client: Client, store: Store, path: str, token: str | None
) -> None:
    """As for the events: nothing is changed, and the remedy is told."""
    status, body = await client.act(path, token, json={"reason": "x", "action": "getStatus"})
    assert status == 401
    assert "CANARY_ADMIN_TOKEN" in body["error"]
    assert store.decisions(NAME) == []


@pytest.mark.parametrize("path", WRITES)
async def test_another_site_cannot_make_a_browser_write(client: Client, store: Store, path: str) -> None:
    """A cookie alone is not enough, the page's mark has to come with it."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        signed_in = Client(browser, client.url)
        assert (await signed_in.ask("POST", "/login", json={"token": TOKEN}))[0] == 200
        body = {"reason": "x", "action": "getStatus"}
        assert (await signed_in.ask("POST", f"/api/v1/{path}", json=body))[0] == 401
        marked = await signed_in.ask("POST", f"/api/v1/{path}", json=body, headers={MARK: "1"})
        assert marked[0] == (409 if path == "ack" else 200)


async def test_a_difference_is_acknowledged(differing: Store, clock: FakeClock) -> None:
    """It is on the record with who and why, no longer counts, and cannot be acknowledged twice."""
    async with serving(differing, clock, name=TOLD) as client:
        assert len((await client.get("/api/v1/board"))[1]["differences"]) == 1
        said = {"action": "getstatus", "kind": "parts", "reason": "we split at the colon", "actor": "ada"}
        status, body = await client.act("ack", json=said)
        assert (status, body["acknowledged"][0]["action"]) == (200, "getStatus")
        board = (await client.get("/api/v1/board"))[1]
        assert (board["differences"], board["acknowledged"]) == ([], 1)
        acks = (await client.get("/api/v1/acks"))[1]
        assert [one["actor"] for one in acks["acknowledged"]] == ["ada from 127.0.0.1"]
        assert acks["open"] == []
        status, body = await client.act("ack", json=said)
        assert (status, "no finding is open" in body["error"]) == (409, True)
    last = differing.decisions(TOLD)[-1]
    assert (last.event, last.reason, last.actor) == ("ack", "we split at the colon", "ada from 127.0.0.1")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"reason": "x"}, "action is missing"),
        ({"action": "getStatus"}, "reason is missing"),
        ({"action": "getStatus", "reason": "  "}, "reason is missing"),
        ({"action": "getStatus", "kind": "colour", "reason": "x"}, "kind is 'colour'; expected one of"),
        ({"action": ["getStatus"], "reason": "x"}, "action is no text"),
    ],
)
async def test_an_ack_says_what_and_why(client: Client, said: dict[str, Any], error: str) -> None:
    """A mistake is one sentence."""
    status, body = await client.act("ack", json=said)
    assert status == 400
    assert error in body["error"]


async def test_shadow_leases_are_stopped_and_go_on(client: Client, store: Store) -> None:
    """Each turn of the switch is on the record, and answers how things stand."""
    assert (await client.get("/api/v1/shadow"))[1]["by"] is None
    status, body = await client.act("shadow/stop", json={"reason": "too dear", "actor": "ada"})
    assert (status, body["stopped"], body["by"]["reason"]) == (200, True, "too dear")
    assert store.shadow_book(NAME).switch().stopped
    assert (await client.act("shadow/start"))[1]["stopped"] is False
    assert [one.event for one in store.decisions(NAME)] == ["shadow_stop", "shadow_start"]
    assert (await client.act("shadow/pause"))[0] == 404


async def test_a_dead_store_is_said_so(client: Client, state: Path) -> None:
    """503 with a sentence."""
    broken(state)
    for path in WRITES:
        status, body = await client.act(path, json={"action": "getStatus", "reason": "x"})
        assert status == 503
        assert str(state) in body["error"]
