"""Recorded traffic sent to new: what is sent, what never is, and what is found."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from canary.core.actions import CATALOGUE
from canary.core.compare.judge import Exemption
from canary.core.compare.traits import Aspect
from canary.core.model import Arm, Effect, Response
from canary.core.recording import Recorded
from canary.gateway.config import load, resolve
from canary.toolkit.pools import Pace, opened
from canary.toolkit.replay import Replay, Replayer
from tests.factories import NEW_KEY, NOW, treq
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, closes, says

BALANCE = "ACCESS_BALANCE:1.50"


def recorded(action: str, body: str = BALANCE, *, arm: str = "", error: str = "", **params: str) -> Recorded:
    """An exchange with old."""
    named = {"x-canary-arm": arm, "x-canary-error": error}
    headers = (("content-type", "text/html"), *((name, value) for name, value in named.items() if value))
    return Recorded(treq(action, **params), Response(200, headers, body.encode()), NOW)


@asynccontextmanager
async def replaying(
    folder: Path, unsupported: frozenset[str] = frozenset()
) -> AsyncIterator[tuple[Replayer, ScriptedUpstream]]:
    """A replayer and the new that it asks."""
    async with ScriptedUpstream() as new:
        new.answers(getBalance=BALANCE)
        loaded = load(written(folder, policy(new.url, new.url)))
        async with opened(loaded, resolve(loaded, ENVIRON), (Arm.NEW,)) as arms:
            yield Replayer(arms, Pace(1000), unsupported), new


async def run(replayer: Replayer, *traffic: Recorded, exemptions: tuple[Exemption, ...] = ()) -> Replay:
    """Replay it."""
    return await replayer.run(iter(traffic), exemptions)


async def test_reads_are_sent_with_news_key(tmp_path: Path) -> None:
    """As they were recorded, but for the key."""
    async with replaying(tmp_path) as (replayer, new):
        found = await run(replayer, recorded("getBalance"), recorded("getPrices", "{}", service="tg"))
        assert found.sent.calls == 2
        heard = {one.action: one.params for one in new.heard}
        assert heard["getPrices"] == {"action": "getPrices", "service": "tg", "api_key": NEW_KEY}


async def test_nothing_with_a_side_effect_is_ever_sent(tmp_path: Path) -> None:
    """No purchase, no call about a lease, no action that nobody knows; each is counted."""
    risky = [one.name for one in CATALOGUE if one.effect not in {Effect.GLOBAL_READ, Effect.ACCOUNT_READ}]
    async with replaying(tmp_path) as (replayer, new):
        found = await run(replayer, *(recorded(name, "BAD_ID", id="7") for name in [*risky, "noSuch", ""]))
        assert new.heard == []
        assert found.sent.calls == 0
        assert found.sent.skipped.total() == len(risky) + 2
        assert {"purchases", "lease reads", "lease writes", "unknowns"} == {*found.sent.skipped}


async def test_differences_are_those_of_the_shadow_comparison(tmp_path: Path) -> None:
    """Enough cases to be sure, with what they break."""
    async with replaying(tmp_path) as (replayer, new):
        new.answers(getBalance=f"{BALANCE}\n")
        found = await run(replayer, *[recorded("getBalance")] * 3)
        [one] = found.findings.differences
        assert (one.action, one.kind, one.count) == ("getBalance", Aspect.WHITESPACE, 3)
        assert found.findings.looked_at == 3


async def test_declared_exceptions_are_left_out(tmp_path: Path) -> None:
    """Those of the policy."""
    async with replaying(tmp_path) as (replayer, new):
        new.answers(getBalance=f"{BALANCE}\n")
        excused = (Exemption(kind=Aspect.WHITESPACE),)
        found = await run(replayer, *[recorded("getBalance")] * 3, exemptions=excused)
        assert found.findings.differences == ()


async def test_recorded_purchases_tell_what_new_cannot_serve(tmp_path: Path) -> None:
    """They are not sent, but that they are in use is known."""
    async with replaying(tmp_path, frozenset({"getRentNumber"})) as (replayer, _):
        found = await run(replayer, recorded("getRentNumber", "NO_NUMBERS"))
        assert [one.action for one in found.findings.unmapped] == ["getRentNumber"]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Recorded(treq("getBalance"), None, NOW), "without an answer of old"),
        (recorded("getBalance", "ERROR_SQL", error="timeout"), "without an answer of old"),
        (recorded("getBalance", arm="new"), "answered by new"),
    ],
)
async def test_what_old_did_not_answer_is_not_compared(tmp_path: Path, one: Recorded, why: str) -> None:
    """There is nothing to hold new against."""
    async with replaying(tmp_path) as (replayer, new):
        found = await run(replayer, one)
        assert dict(found.sent.skipped) == {why: 1}
        assert new.heard == []


async def test_an_answer_that_does_not_come_is_counted(tmp_path: Path) -> None:
    """And the rest is sent all the same."""
    async with replaying(tmp_path) as (replayer, new):
        new.answers(getPrices=closes())
        found = await run(replayer, recorded("getPrices", "{}"), recorded("getBalance"))
        assert (found.sent.calls, found.sent.failed) == (2, 1)


async def test_a_throttled_new_is_given_time(tmp_path: Path) -> None:
    """The pace rests for as long as it asks, and the call is not repeated."""
    async with replaying(tmp_path) as (replayer, new):
        new.answers(getPrices=says("RATE_LIMIT", 429, Retry_After="0"))
        found = await run(replayer, recorded("getPrices", "{}"), recorded("getBalance"))
        assert found.sent.calls == len(new.heard) == 2
        assert found.findings.differences == ()


async def test_a_file_is_read_as_it_is_needed(tmp_path: Path) -> None:
    """A recording of days need not fit into memory: no more is read ahead than can be under way."""
    read = 0

    def traffic() -> Iterator[Recorded]:
        nonlocal read
        for _ in range(500):
            read += 1
            yield recorded("getBalance")

    async with replaying(tmp_path) as (replayer, new):
        ahead: list[int] = []
        replayer._tell = lambda sent: ahead.append(read - sent.calls)
        await replayer.run(traffic())
        assert len(new.heard) == 500
        assert max(ahead) <= 8
