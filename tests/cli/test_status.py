"""``canary status``."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from canary.cli.screen import ago, show_status
from canary.store.store import Store
from canary.web.status import status_of
from tests.cli.night import canary, canary_beside
from tests.factories import NOW, FakeClock
from tests.web.serving import NAME, begun, serving

METRICS = {
    "lease_success": {
        "verdict": "pass",
        "old": {"n": 400, "value": 0.851},
        "new": {"n": 21, "value": 0.9},
        "difference": 0.049,
        "interval": [-0.1, 0.2],
        "margin": 0.02,
        "evidence": 3.5,
    },
    "latency_p95": {
        "verdict": "no_data",
        "old": {"n": 400, "value": 0.42},
        "new": {"n": 0, "value": None},
        "difference": None,
        "interval": None,
        "margin": 1.25,
        "evidence": None,
    },
}


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A judged rollout's status; its store is the one in the working directory."""
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / ".canary" / "t.db")
    begun(store, FakeClock())
    store.beat(NAME, NOW, {"kind": "hold", "reasons": ["new is [young]"], "metrics": METRICS})
    counters = {"shadow_sent": 5, "hazard_early_finish": 3, "webhooks": 4, "webhooks_forwarded": 3}
    store.flush(NAME, "p", leases_changed=[], purchases=[], tallies={}, counters=counters)
    found = status_of(store, NAME, NOW + 2)
    store.close()
    return found


def test_json_is_the_status_as_designed(status: dict[str, Any]) -> None:
    """A script gets the same object from the store as from the admin API."""
    shown = json.loads(canary("status", "--json").out)
    assert shown.pop("controller")["heartbeat_age"] > 0
    assert shown == {key: value for key, value in status.items() if key != "controller"}


async def test_a_running_harness_shows_the_same(status: dict[str, Any], tmp_path: Path) -> None:
    """With --admin the status is the harness's, and needs no token on the same machine."""
    store = Store(tmp_path / ".canary" / "t.db")
    async with serving(store, FakeClock(NOW + 2)) as client:
        said = await canary_beside(["status", "--json", "--admin", client.url])
    store.close()
    assert json.loads(said.out) == status


def test_a_pipe_gets_plain_words(status: dict[str, Any]) -> None:
    """Without a terminal there is no colour, no frame and no wrapping; every number is there."""
    out = canary("status").out
    assert out.isascii()
    assert "\x1b" not in out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0].startswith("t: running in stage canary, 5% of new leases go to new, safe arm old, since ")
    assert "verdict: hold (new is [young])" in lines
    assert "lease_success pass 85.10% 400 90.00% 21 0.049 [-0.1, 0.2] 0.02" in lines
    assert "latency_p95 no_data 0.420s 400 - 0 - - 1.25" in lines
    assert "new 0 0 0 0 -" in lines
    assert "shadow: 5 sent, 0 dropped, 0 differences, 0 spent" in lines
    assert "hazards: early_finish 3" in lines
    assert "webhooks: 4 received, 3 taken by the client, 0 waiting" in lines


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_colour(status: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the state stands out."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    show_status(status, screen, NOW)
    assert "\x1b[" in screen.getvalue()


@pytest.mark.parametrize(("age", "said"), [(None, "last seen: never"), (3600.0, "last seen: 1h ago")])
def test_a_missing_controller_is_pointed_out(status: dict[str, Any], age: float | None, said: str) -> None:
    """When nobody watches the canary the screen says so, and where new leases go."""
    screen = io.StringIO()
    show_status({**status, "controller": {"heartbeat_age": age}}, screen, NOW)
    assert said in screen.getvalue()
    assert "new leases go to the safe arm" in screen.getvalue()
    screen = io.StringIO()
    show_status(status, screen, NOW)
    assert "last seen" not in screen.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (-3, "0s"), (59, "59s"), (3600, "1h"), (12000, "3h 20m"), (90061, "1d 1h")],
)
def test_durations_are_two_units_long(seconds: float, words: str) -> None:
    """The largest two units of a duration."""
    assert ago(seconds) == words
