"""An arm that is down, refuses or hangs: what clients get, who is blamed, and that nothing is bought twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end import state
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, policy

pytestmark = pytest.mark.end_to_end

HALF = [{"name": "half", "weight": "50%", "hold": "24h"}]
CUT_OVER = [
    {"name": "half", "weight": "50%", "hold": "24h"},
    {"name": "cutover", "weight": "100%", "hold": "24h"},
]
HEALTHY = Behaviour(minimum_hold=0, deposit="100000")
HANGING, PATIENT = {"timeout": "3s"}, {"timeout": "30s"}
TRIES = 40  # at 50 % both arms are drawn among so many


def down(how: str) -> Behaviour:
    """A provider that refuses connections, or takes them and never answers."""
    return HEALTHY.model_copy(
        update={"refuse": True} if how == "refuses" else {"hang": 1.0, "carried_out": 0.0}
    )


@pytest.mark.parametrize(("how", "error"), [("refuses", "connect"), ("hangs", "timeout")])
async def test_old_is_down_at_the_start(
    tmp_path: Path, ingress: tuple[str, str], how: str, error: str
) -> None:
    """The harness starts all the same: what is bound for new is served, what old should serve is answered within
    its timeout and never moved to new behind the policy's back, and old is used again once it is back."""
    async with (
        Provider(down(how), seed="old") as old,
        Provider(HEALTHY, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF, old=HANGING), ingress) as harness,
        Client(harness.url) as client,
    ):
        answers = await asyncio.gather(*(client.buy() for _ in range(TRIES)), client.call("getBalance"))
        served = [answer for answer in answers if answer.bought]
        assert {answer.arm for answer in served} == {"new"}
        unserved = [answer for answer in answers if not answer.bought]
        assert {(a.status, a.text, a.arm, a.error) for a in unserved} == {(200, "ERROR_SQL", "old", error)}
        assert len(new.books.leases) == len(served)
        checked = await client.status_of(served[0])
        assert (checked.text, checked.arm) == ("STATUS_WAIT_CODE", "new")
        await old.change(refuse=False, hang=0)
        await client.buy_from("old", "new")


async def test_old_is_down_after_the_cutover(tmp_path: Path) -> None:
    """After the cutover new is the safe arm: the dead old one is missed by nobody but its own open leases."""
    async with (
        Provider(HEALTHY, seed="old") as old,
        Provider(HEALTHY, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=CUT_OVER)) as harness,
        Client(harness.url) as client,
    ):
        lease = (await client.buy_from("old"))["old"]
        for _ in CUT_OVER:
            await harness.act("promote")
        await old.change(refuse=True)
        await harness.kill()
        await harness.start()
        answers = await asyncio.gather(*(client.buy() for _ in range(TRIES)), client.call("getBalance"))
        assert {(answer.arm, answer.error) for answer in answers} == {("new", "")}
        orphan = await client.status_of(lease)
        assert (orphan.text, orphan.arm, orphan.error) == ("ERROR_SQL", "old", "connect")
        assert new.books.foreign == 0


async def test_new_refuses_connections(tmp_path: Path, ingress: tuple[str, str]) -> None:
    """No purchase fails: those that nothing could be sent for are served by old, and held against new."""
    async with (
        Provider(HEALTHY, seed="old") as old,
        Provider(HEALTHY, seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF), ingress) as harness,
        Client(harness.url) as client,
    ):
        lease = (await client.buy_from("new"))["new"]
        await new.change(refuse=True)
        answers = [await client.buy() for _ in range(TRIES)]
        assert all(answer.bought for answer in answers)
        assert {(answer.arm, answer.error) for answer in answers} == {("old", "")}
        orphan = await client.status_of(lease)
        assert (orphan.text, orphan.arm, orphan.error) == ("ERROR_SQL", "new", "connect")
        samples = await harness.samples()
        assert await harness.stop() == 0
        assert old.books.foreign == 0, "a lease of new is not asked for at old"
    rows = state.rows(
        harness.state, "SELECT arm, assigned_arm, failure, outcome FROM purchases WHERE spilled"
    )
    assert set(rows) == {("old", "new", "connect", "ok")}
    assert 0 < len(rows) < TRIES
    assert samples["canary_spillovers_total"] == len(rows)
    assert samples['canary_calls_total{action="getNumber",arm="new",outcome="provider"}'] == len(rows)


async def test_without_spillover_a_refused_purchase_fails(tmp_path: Path) -> None:
    """A policy may forbid spillover: what was drawn for new is then answered like any failure."""
    async with (
        Provider(HEALTHY, seed="old") as old,
        Provider(down("refuses"), seed="new") as new,
        Harness(tmp_path, policy(old.url, new.url, stages=HALF, spillover=False)) as harness,
        Client(harness.url) as client,
    ):
        answers = [await client.buy() for _ in range(TRIES)]
        failed = [answer for answer in answers if not answer.bought]
        assert {(a.text, a.arm, a.error) for a in failed} == {("ERROR_SQL", "new", "connect")}
        assert len(old.books.leases) == TRIES - len(failed)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, (200, "ERROR_SQL")),
        ({"upstream_failure": {"status": 503, "body": "NO_CONNECTION"}}, (503, "NO_CONNECTION")),
    ],
    ids=["default", "configured"],
)
async def test_new_hangs(
    tmp_path: Path, ingress: tuple[str, str], words: dict[str, Any], expected: tuple[int, str]
) -> None:
    """The client gets the configured answer when new's timeout is over; the number may have been bought, so the
    purchase is sent to nobody again."""
    async with (
        Provider(HEALTHY, seed="old") as old,
        Provider(HEALTHY, seed="new") as new,
        Harness(
            tmp_path, policy(old.url, new.url, stages=HALF, new=HANGING, old=PATIENT, **words), ingress
        ) as harness,
        Client(harness.url) as client,
    ):
        await new.change(hang=1.0, carried_out=1.0, faults_on="getNumber")
        answers = await asyncio.gather(*(client.buy() for _ in range(TRIES)))
        hung = [answer for answer in answers if not answer.bought]
        assert {(a.status, a.text, a.arm, a.error) for a in hung} == {(*expected, "new", "timeout")}
        assert all(3 <= answer.took < 30 for answer in hung), "new's timeout, not old's"
        samples = await harness.samples()
        assert await harness.stop() == 0
        assert old.books.by_action["getNumber"] + new.books.by_action["getNumber"] == TRIES
        assert old.books.repeated + new.books.repeated == {}
        assert new.books.lost == len(hung) > 0
    assert samples["canary_lost_purchases_total"] == len(hung)
    rows = state.rows(
        harness.state, "SELECT arm, assigned_arm, spilled, failure FROM purchases WHERE failure <> ''"
    )
    assert rows == [("new", "new", 0, "timeout")] * len(hung)
