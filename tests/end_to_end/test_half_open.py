"""The way to an arm goes silent while connections to it stand: a firewall forgot them, or the far end has no power."""

from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from tests.forwarder import Forwarder
from tests.rig import rig
from tests.upstreams import ScriptedUpstream

pytestmark = pytest.mark.end_to_end

TIMEOUT = 0.6
SLOW = 2.0
"""Seconds by which a busy machine may be late."""


async def test_a_half_open_connection_costs_its_timeout_and_no_second_purchase(tmp_path: Path) -> None:
    """Calls on it fail after the arm's timeout, a purchase counts as lost and is not sent again; when the way is mended
    the next call gets through at once, on a connection of its own."""
    async with ScriptedUpstream() as new:
        await _story(tmp_path, new)


async def _story(tmp_path: Path, new: ScriptedUpstream) -> None:
    with Forwarder(urlsplit(new.url).port or 0) as way:
        url = new.url.replace(str(urlsplit(new.url).port), str(way.port))
        arm = {"timeout": f"{TIMEOUT}s"}
        async with rig(tmp_path, rollout={"weight": 1.0}, urls=(None, url), new=arm) as gateway:
            new.answers(getNumber="ACCESS_NUMBER:7:79", getStatus="STATUS_WAIT_CODE")
            assert await gateway.says("getNumber", service="tg", country="6") == "ACCESS_NUMBER:7:79"
            way.cut()
            began = monotonic()
            for call in (
                {"action": "getNumber", "service": "tg", "country": "6"},
                {"action": "getStatus", "id": "7"},
            ):
                answer = await gateway.ask(**call)
                assert answer.body == b"ERROR_SQL"
                assert answer.header("x-canary-error") in {"timeout", "connect"}
            assert monotonic() - began < 2 * TIMEOUT + SLOW
            assert gateway.count("lost_purchases") == 1
            assert gateway.old.heard == [], "it may have been bought: nobody else is asked for it"
            way.mend()
            assert await gateway.says("getStatus", id="7") == "STATUS_WAIT_CODE"
            assert len(new.of("getNumber")) <= 2, "what was on its way arrives once at most"
