"""``canary watch``."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from canary.cli import watch as module
from canary.store.store import Store
from tests.cli.night import canary, canary_beside
from tests.factories import NOW, FakeClock
from tests.web.serving import NAME, begun, broken, serving

LOOK = "t: running in stage canary, 5% of new leases go to new, safe arm old, verdict hold\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store in the working directory, with a rollout that was looked at once."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".canary" / "t.db"
    store = Store(path)
    begun(store, FakeClock())
    store.beat(NAME, NOW, {"kind": "hold", "reasons": ["new is [young]"], "metrics": {}})
    store.close()
    return path


def meanwhile(monkeypatch: pytest.MonkeyPatch, *happens: Any) -> None:
    """Let one thing happen in each pause between two looks."""
    pending = list(happens)
    monkeypatch.setattr(module, "sleep", lambda _seconds: pending and pending.pop(0)())


def nothing() -> None:
    """Nothing happens."""


def test_in_a_pipe_only_changes_are_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line at the beginning and one for each change, however often it looks."""
    meanwhile(monkeypatch, nothing, lambda: canary("rollback", "--reason", "x"), nothing)
    said = canary("watch", "--times", "4")
    after = "t: rolled back in stage canary, 0% of new leases go to new, safe arm old, verdict rollback\n"
    assert (said.code, said.out) == (0, LOOK + after)


def test_a_look_that_fails_does_not_end_the_watch(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that stops to answer is told once, and looked at again."""
    meanwhile(monkeypatch, lambda: broken(state), nothing)
    said = canary("watch", "--times", "3")
    assert said.code == 0
    first, second = said.out.splitlines()
    assert first + "\n" == LOOK
    assert second.startswith("not fresh: ")
    assert str(state.name) in second


def test_a_mistake_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong from the beginning is a sentence and exit code 2."""
    monkeypatch.chdir(tmp_path)
    said = canary("watch", "--times", "1")
    assert said.code == 2
    assert "there is no state below .canary/" in said.err


async def test_a_running_harness_is_watched_too(state: Path) -> None:
    """With --admin the status comes from the harness."""
    store = Store(state)
    async with serving(store, FakeClock()) as client:
        said = await canary_beside(["watch", "--admin", client.url, "--times", "1"])
    store.close()
    assert (said.code, said.out) == (0, LOOK)


def test_on_a_terminal_the_screen_is_kept(state: Path) -> None:
    """The whole status, on the terminal's other screen, so that what was there before comes back."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "canary", "watch", "--times", "1"]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    with subprocess.Popen(command, stdout=theirs, cwd=state.parents[1], env=environ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(ours)
    text = shown.decode()
    assert "\x1b[?1049h" in text
    assert "new is [young]" in text
    assert "\x1b[?1049l" in text
