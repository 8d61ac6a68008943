"""The admin server over real sockets."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.control.operator import Operator
from canary.core.stage import Event
from canary.store.store import Store
from canary.web import admin as admin_module
from canary.web.admin import DECISIONS, Admin, AdminError
from canary.web.board import EVENTS
from canary.web.operations import MAX_REASON
from tests.factories import FakeClock
from tests.web.serving import NAME, TOKEN, Client, broken, hands, serving

READS = ("/api/v1/status", "/api/v1/verdict", "/api/v1/decisions")


async def test_it_is_alive_and_ready(client: Client) -> None:
    """Health and readiness are open and say so."""
    assert await client.get("/healthz") == (200, {"alive": True})
    assert await client.get("/readyz") == (200, {"ready": True, "reasons": []})


async def test_it_is_alive_but_not_ready_without_a_store(client: Client, state: Path) -> None:
    """A store that does not answer is told by readiness, with the reason; the process still lives."""
    broken(state)
    status, body = await client.get("/readyz")
    assert status == 503
    assert not body["ready"]
    assert str(state) in body["reasons"][0]
    assert (await client.get("/healthz"))[0] == 200


async def test_a_rollout_can_be_steered(client: Client, store: Store) -> None:
    """Each operator event answers the status after it, and is on the record with actor and reason."""
    steps = [
        ("pause", "paused", "canary"),
        ("resume", "running", "canary"),
        ("promote", "running", "half"),
        ("rollback", "rolled_back", "half"),
    ]
    for event, state, stage in steps:
        status, body = await client.act(event, json={"reason": f"because {event}", "actor": "ada@host (cli)"})
        assert (status, body["state"], body["stage"]) == (200, state, stage)
    assert body["weight"] == 0
    rows = store.decisions(NAME)
    assert [(row.event, row.reason) for row in rows] == [(e, f"because {e}") for e, _, _ in steps]
    assert {row.actor for row in rows} == {"ada@host (cli) from 127.0.0.1"}


async def test_approval_enters_the_stage_that_waits(client: Client, store: Store, clock: FakeClock) -> None:
    """A rollout that awaits approval goes on when approved."""
    operator = Operator.of_store(store, NAME, clock)
    operator.act(Event.ADVANCE, "controller")
    operator.act(Event.ADVANCE, "controller")
    assert (await client.get("/api/v1/status"))[1]["state"] == "awaiting_approval"
    status, body = await client.act("approve")
    assert (status, body["state"], body["stage"], body["safe_arm"]) == (200, "running", "cutover", "new")


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x"])
@pytest.mark.parametrize("event", EVENTS)
async def test_nobody_writes_without_the_token(
    client: Client, store: Store, event: str, token: str | None
) -> None:
    """A missing or wrong token changes nothing and is answered with the remedy."""
    status, body = await client.act(event, token, json={"reason": "x"})
    assert status == 401
    assert "CANARY_ADMIN_TOKEN" in body["error"]
    assert store.decisions(NAME) == []


async def test_no_spelling_of_a_path_gets_past_the_token(client: Client, store: Store) -> None:
    """The token is asked for however the path is written."""
    for path in ("/api/v1/rollback", "/%61pi/v1/rollback", "//api/v1/rollback", "/api/../api/v1/rollback"):
        status, _, _ = await client.ask("POST", path)
        assert status in {401, 404}
    assert store.decisions(NAME) == []


@pytest.mark.parametrize("path", READS)
async def test_reads_are_open_on_this_machine_alone(
    client: Client, store: Store, clock: FakeClock, path: str
) -> None:
    """Without the token a loopback server answers reads, but not under another site's name; others never do."""
    assert (await client.get(path))[0] == 200
    assert (await client.get(path, headers={"host": "evil.example"}))[0] == 401
    async with serving(store, clock, host="0.0.0.0") as outside:
        assert (await outside.get(path))[0] == 401
        assert (await outside.get(path, headers={"authorization": f"Bearer {TOKEN}"}))[0] == 200
        for open_path in ("/healthz", "/readyz", "/metrics"):
            assert (await outside.get(open_path))[0] == 200


async def test_an_illegal_event_is_refused_each_time_alike(client: Client, store: Store) -> None:
    """What the state does not allow is a conflict that names the state and what is possible; nothing changes."""
    first = await client.act("resume")
    assert first == await client.act("resume")
    status, body = first
    assert status == 409
    assert body["error"].startswith("resume is not possible while the rollout is running; possible now: ")
    assert store.decisions(NAME) == []


async def test_a_second_rollback_changes_nothing_but_the_record(client: Client, store: Store) -> None:
    """Rollback is legal again and again."""
    assert await client.act("rollback") == await client.act("rollback")
    assert [row.event for row in store.decisions(NAME)] == ["rollback", "rollback"]


async def test_rollbacks_at_the_same_moment_all_succeed(
    client: Client, store: Store, clock: FakeClock
) -> None:
    """Rollbacks that race through two servers each get their answer and their row."""
    async with serving(store, clock) as other:
        answers = await asyncio.gather(
            *(place.act("rollback") for place in (client, other) for _ in range(5))
        )
    assert {status for status, _ in answers} == {200}
    assert {body["state"] for _, body in answers} == {"rolled_back"}
    assert len(store.decisions(NAME)) == 10
    rollout = store.rollout(NAME)
    assert rollout is not None
    assert rollout.revision == 10


@pytest.mark.parametrize("path", READS)
async def test_a_dead_store_is_said_so(client: Client, state: Path, path: str) -> None:
    """Reads and events answer 503 with a sentence when the store does not answer."""
    broken(state)
    for status, body in (await client.get(path), await client.act("rollback")):
        assert status == 503
        assert str(state) in body["error"]


class Hanging:
    """A store of which one read does not come back until it is released."""

    def __init__(self, store: Store, method: str) -> None:
        self._store = store
        self._method = method
        self.name = store.name
        self.release = threading.Event()

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            return lambda *args: self.release.wait() and getattr(self._store, name)(*args)
        return getattr(self._store, name)


@pytest.fixture
def hanging(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """A store whose lease counts hang, and a server that is not patient."""
    monkeypatch.setattr(admin_module, "PATIENCE", 0.05)
    stuck = Hanging(store, "lease_counts")
    yield stuck
    stuck.release.set()


async def test_reads_that_hang_do_not_hold_up_a_rollback(
    hanging: Hanging, store: Store, clock: FakeClock
) -> None:
    """A rollback is carried out while every reader waits, and its answer says not to repeat it."""
    async with serving(hanging, clock, act=Operator.of_store(store, NAME, clock).act) as client:
        answers = await asyncio.gather(*(client.get("/api/v1/status") for _ in range(8)))
        assert {status for status, _ in answers} == {503}
        assert "did not answer within" in answers[0][1]["error"]
        status, body = await client.act("rollback")
        assert status == 503
        assert body["error"].startswith("rollback was carried out, do not repeat it")
        assert (await client.get("/metrics"))[0] == 200
        hanging.release.set()
    rollout = store.rollout(NAME)
    assert rollout is not None
    assert rollout.state == "rolled_back"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"json": {"reason": "stock fell"}}, "stock fell"),
        ({"data": {"reason": "stock fell"}}, "stock fell"),
        ({"data": '{"reason": "no content type"}'}, "no content type"),
        ({"json": {}}, ""),
        ({}, ""),
        ({"json": {"reason": None}}, ""),
        ({"json": {"reason": "a\nb\x00c\x1b[31m"}}, "a b c [31m"),
        ({"data": b'{"reason": "half \\ud800 a pair"}'}, "half   a pair"),
        ({"json": {"reason": "x" * (MAX_REASON + 1)}}, "x" * (MAX_REASON - 1) + "…"),
    ],
)
async def test_a_reason_may_come_as_json_form_or_not_at_all(
    client: Client, store: Store, sent: dict[str, Any], reason: str
) -> None:
    """However it comes, it is kept readable; a long one is cut and stops no rollback."""
    assert (await client.act("rollback", **sent))[0] == 200
    assert store.decisions(NAME)[-1].reason == reason


@pytest.mark.parametrize(
    "data", [b"[1]", b"{", b"plain words", b"\xff\xfe", b'{"reason": ["list"]}', b"[" * 16000]
)
async def test_an_unreadable_body_is_refused(client: Client, store: Store, data: bytes) -> None:
    """A body that is neither JSON nor form says what was expected, and changes nothing."""
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    status, body, _ = await client.ask("POST", "/api/v1/pause", data=data, headers=headers)
    assert status == 400
    assert 'expected {"reason": "..."}' in body["error"]
    assert store.decisions(NAME) == []


async def test_a_body_without_end_is_refused(client: Client, store: Store) -> None:
    """A body that is too long is not read to its end."""
    status, body = await client.act("pause", data=b"x" * 100_000)
    assert status == 413
    assert "send a short reason" in body["error"]
    assert store.decisions(NAME) == []


async def test_unknown_paths_and_methods_are_json_too(client: Client) -> None:
    """There is nothing but what the docstring lists, and no event by GET."""
    assert (await client.get("/nothing"))[0] == 404
    assert "error" in (await client.get("/nothing"))[1]
    status, _, answer = await client.ask("GET", "/api/v1/rollback")
    assert (status, answer.headers["allow"]) == (405, "POST")
    assert (await client.act("destroy"))[0] == 404


async def test_decisions_come_oldest_first(client: Client) -> None:
    """All decisions, or the last ones, with states and times as plain values."""
    for event in ("pause", "resume", "rollback"):
        await client.act(event)
    _, rows = await client.get("/api/v1/decisions")
    assert [row["event"] for row in rows] == ["pause", "resume", "rollback"]
    assert (rows[2]["before"], rows[2]["after"], rows[2]["weight"]) == ("running", "rolled_back", 0.0)
    _, last = await client.get("/api/v1/decisions?limit=1")
    assert last == rows[2:]


@pytest.mark.parametrize("limit", ["0", "-1", "x", str(DECISIONS + 1), ""])
async def test_a_limit_that_is_none_is_refused(client: Client, limit: str) -> None:
    """A limit is a number from 1 on."""
    status, body = await client.get("/api/v1/decisions", params={"limit": limit})
    assert status == 400
    assert f"from 1 to {DECISIONS}" in body["error"]


async def test_the_verdict_is_the_controllers_last(client: Client, store: Store, clock: FakeClock) -> None:
    """Before the first verdict it holds and says why; afterwards it is what the controller left."""
    _, before = await client.get("/api/v1/verdict")
    assert (before["kind"], before["metrics"]) == ("hold", {})
    verdict = {"kind": "rollback", "reasons": ["lease_success: harm"], "metrics": {}}
    store.beat(NAME, clock(), verdict)
    assert await client.get("/api/v1/verdict") == (200, verdict)


async def test_answers_stay_out_of_caches(client: Client) -> None:
    """No answer is kept by a browser or proxy, and none is guessed to be a page."""
    for path in ("/api/v1/status", "/metrics", "/nothing"):
        _, _, answer = await client.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_defect_is_answered_without_its_text(store: Store, clock: FakeClock) -> None:
    """An unforeseen error is logged and answered with a sentence that holds nothing of it."""

    def act(*_args: object) -> Any:
        raise RuntimeError("inner secret")

    async with serving(store, clock, act=act) as client:
        status, body = await client.act("pause")
    assert status == 500
    assert body == {"error": "the admin server failed; its log says why"}


async def test_an_address_in_use_is_said_with_the_remedy(
    client: Client, store: Store, clock: FakeClock
) -> None:
    """A taken address is one sentence, and a server that never listened can be stopped."""
    port = int(client.url.rpartition(":")[2])
    second = Admin(
        store,
        NAME,
        hands(store, NAME, clock),
        token=TOKEN,
        host="127.0.0.1",
        port=port,
        proxies=None,
        clock=clock,
    )
    with pytest.raises(AdminError) as caught:
        await second.start()
    await second.stop()
    assert str(caught.value) == (
        f"the admin server cannot listen on 127.0.0.1:{port} (address already in use); "
        "free that address, or choose another with --admin HOST:PORT"
    )


@pytest.mark.parametrize(("leads", "here", "shown"), [(True, "leading", "1.0"), (False, "standby", "0.0")])
async def test_a_controller_says_whether_it_leads(
    store: Store, clock: FakeClock, leads: bool, here: str, shown: str
) -> None:
    """Of several, one does; the status and the metrics of each tell its part."""
    async with serving(store, clock, leads=lambda: leads) as client:
        _, status = await client.get("/api/v1/status")
        _, text = await client.get("/metrics")
    assert status["controller"]["here"] == here
    assert f"canary_controller_leads {shown}" in text


async def test_without_a_controller_nothing_is_said_of_it(client: Client) -> None:
    """A proxy alone knows the controller by its heartbeat only."""
    _, status = await client.get("/api/v1/status")
    _, text = await client.get("/metrics")
    assert status["controller"].keys() == {"heartbeat_age"}
    assert "\ncanary_controller_leads" not in text
