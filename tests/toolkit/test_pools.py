"""Asking politely, and never with a side effect outside a sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from canary.core.actions import CATALOGUE
from canary.core.model import Arm, Outcome
from canary.core.policy.model import HeaderValue
from canary.gateway.config import load, resolve
from canary.toolkit.pools import HARMLESS, Asker, Pace, SideEffectError, opened
from tests.factories import NEW_KEY
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, says

SANDBOX = HeaderValue(name="X-Sandbox-Mode", value="1")


@pytest.fixture
async def new() -> AsyncIterator[ScriptedUpstream]:
    """The arm that is asked."""
    async with ScriptedUpstream() as upstream:
        upstream.answers(getBalance="ACCESS_BALANCE:1.50", getNumber="ACCESS_NUMBER:7:79990001122")
        yield upstream


@pytest.fixture
async def asker(new: ScriptedUpstream, tmp_path: Path) -> AsyncIterator[Asker]:
    """Asks it, with a sandbox at hand."""
    loaded = load(written(tmp_path, policy(new.url, new.url)))
    async with opened(loaded, resolve(loaded, ENVIRON), (Arm.NEW,)) as arms:
        yield Asker(arms, Arm.NEW, Pace(1000), SANDBOX)


async def test_a_call_carries_the_policys_key_and_a_name(asker: Asker, new: ScriptedUpstream) -> None:
    """A provider that refuses unnamed clients is asked by name."""
    asked = await asker.ask("getPrices", {"service": "tg"})
    assert asked.arm is Arm.NEW
    [heard] = new.heard
    assert heard.params == {"action": "getPrices", "service": "tg", "api_key": NEW_KEY}
    assert heard.header("user-agent")[0].startswith("canary/")
    assert heard.header("x-sandbox-mode") == []


@pytest.mark.parametrize("action", [one.name for one in CATALOGUE if one.effect not in HARMLESS] + ["noSuch"])
async def test_nothing_with_a_side_effect_leaves_without_its_sandbox(
    action: str, asker: Asker, new: ScriptedUpstream
) -> None:
    """A purchase, a write or an action that nobody knows is a defect of the caller, and nothing is sent."""
    with pytest.raises(SideEffectError):
        await asker.ask(action, {"id": "7"})
    assert new.heard == []


async def test_in_the_sandbox_it_carries_the_sandboxs_header(asker: Asker, new: ScriptedUpstream) -> None:
    """The provider's own, as the profile has it."""
    await asker.ask("getNumber", {}, sandbox=True)
    assert new.heard[0].header("x-sandbox-mode") == ["1"]


async def test_no_sandbox_is_no_permission(new: ScriptedUpstream, tmp_path: Path) -> None:
    """Asked for, but the profile names no header."""
    loaded = load(written(tmp_path, policy(new.url, new.url)))
    async with opened(loaded, resolve(loaded, ENVIRON), (Arm.NEW,)) as arms:
        with pytest.raises(SideEffectError):
            await Asker(arms, Arm.NEW, Pace(1000)).ask("getNumber", {}, sandbox=True)


async def test_a_throttled_read_is_asked_again_when_its_time_has_come(
    asker: Asker, new: ScriptedUpstream
) -> None:
    """After the provider's own Retry-After, once."""
    new.next.append(says("RATE_LIMIT", 429, Retry_After="0"))
    asked = await asker.ask("getBalance", {})
    assert asked.exchange.reply.outcome is Outcome.OK
    assert (asker.limited, len(new.heard)) == (1, 2)


async def test_a_throttled_purchase_is_not_repeated(asker: Asker, new: ScriptedUpstream) -> None:
    """A purchase is sent once, whatever came of it."""
    new.next.append(says("RATE_LIMIT", 429, Retry_After="0"))
    asked = await asker.ask("getNumber", {}, sandbox=True)
    assert asked.exchange.reply.outcome is Outcome.LIMIT
    assert len(new.heard) == 1


async def test_the_pace_spaces_calls() -> None:
    """Ten at fifty a second take nine gaps at least."""
    pace, began = Pace(50), monotonic()
    for _ in range(10):
        await pace.turn()
    assert monotonic() - began >= 9 / 50


async def test_a_rest_holds_all_turns_back() -> None:
    """Nobody asks before it is over."""
    pace, began = Pace(1000), monotonic()
    pace.rest(0.05)
    await pace.turn()
    assert monotonic() - began >= 0.05
