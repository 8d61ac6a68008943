"""``canary gate``: the exit code that a pipeline goes by."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from canary.cli import gate as module
from canary.control.operator import Operator
from canary.core.stage import Event
from canary.store.store import Store
from tests.cli.night import Said, canary, canary_beside
from tests.factories import FakeClock
from tests.web.serving import NAME, begun, broken, serving
from tests.web.test_gate import found


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The state of a rollout that begins, in the working directory."""
    monkeypatch.chdir(tmp_path)
    opened = Store(tmp_path / ".canary" / "t.db")
    begun(opened, FakeClock())
    yield opened
    opened.close()


def look(store: Store, kind: str, **metrics: str) -> None:
    """The controller's last look."""
    store.beat(NAME, time.time(), {"kind": kind, "reasons": ["because"], "metrics": found(**metrics)})


@pytest.mark.parametrize(
    ("kind", "metrics", "code"),
    [
        ("advance", {"acquire": "pass"}, 0),
        ("rollback", {"acquire": "harm"}, 1),
        ("hold", {"acquire": "undecided"}, 3),
        ("hold", {"acquire": "no_data"}, 4),
    ],
)
def test_the_exit_code_is_the_answer(store: Store, kind: str, metrics: dict[str, str], code: int) -> None:
    """0 cleared, 1 harm, 3 undecided, 4 no data; one sentence on stdout."""
    look(store, kind, **metrics)
    said = canary("gate")
    assert said.code == code
    assert said.out.endswith("t is running in stage canary; because\n")
    assert said.err == ""


def test_json_is_for_scripts(store: Store) -> None:
    """Outcome, code, sentence and where the rollout stands."""
    look(store, "advance", acquire="pass")
    said = json.loads(canary("gate", "--json").out)
    assert (said["outcome"], said["code"]) == ("cleared", 0)
    assert said["sentence"] == "cleared: t is running in stage canary; because"
    assert (said["name"], said["stage"], said["state"], said["weight"]) == ("t", "canary", "running", 0.05)
    assert said["verdict"] == {"kind": "advance", "reasons": ["because"]}


async def test_a_harness_is_asked_at_its_address(store: Store) -> None:
    """With --admin the answer is the harness's."""
    look(store, "advance", acquire="pass")
    async with serving(store, time.time) as client:
        assert (await canary_beside(["gate", "--admin", client.url])).code == 0


@pytest.mark.parametrize(
    ("stage", "code", "sentence"),
    [
        ("canary", 0, "cleared: t is running in stage half; it has left stage canary\n"),
        ("half", 0, "cleared: t is running in stage half; because\n"),
        ("cutover", 3, "undecided: t is running in stage half; it has not reached stage cutover\n"),
    ],
)
async def test_a_stage_can_be_asked_for(store: Store, stage: str, code: int, sentence: str) -> None:
    """Cleared once it is, or was left; the store and the harness say the same."""
    Operator.of_store(store, NAME, time.time).act(Event.PROMOTE, "me")
    look(store, "advance", acquire="pass")
    async with serving(store, time.time) as client:
        there = await canary_beside(["gate", "--stage", stage, "--admin", client.url])
    here = canary("gate", "--stage", stage)
    assert (here.code, here.out) == (code, sentence)
    assert (there.code, there.out) == (code, sentence)


async def test_a_stage_that_there_is_not_is_a_mistake(store: Store) -> None:
    """It is said at once, also when it should wait."""
    async with serving(store, time.time) as client:
        there = await canary_beside(["gate", "--wait", "24h", "--stage", "late", "--admin", client.url])
    here = canary("gate", "--wait", "24h", "--stage", "late")
    for said in (here, there):
        assert (said.code, said.out) == (2, "")
        assert "there is no stage 'late'; the policy has canary, half, cutover" in said.err


@pytest.mark.parametrize(
    "words", [["--admin", "http://127.0.0.1:9"], ["--state", "none.db"], ["--name", "x"]]
)
def test_what_cannot_be_looked_at_is_no_data(store: Store, words: list[str]) -> None:
    """A dead harness, a missing state and an unknown rollout exit 4 with the reason on stderr."""
    said = canary("gate", *words)
    assert (said.code, said.out) == (4, "")
    assert said.err.startswith("no data: ")
    as_json = json.loads(canary("gate", "--json", *words).out)
    assert (as_json["outcome"], as_json["code"], as_json["state"]) == ("no_data", 4, None)


def test_a_broken_store_is_no_data(store: Store, tmp_path: Path) -> None:
    """A state that cannot be read decides nothing."""
    broken(tmp_path / ".canary" / "t.db")
    assert canary("gate").code == 4


@pytest.mark.parametrize(
    "words",
    [["--admin", "x:y"], ["--admin", "http://127.0.0.1:9", "--state", "t.db"], ["--wait", "soon"]],
)
def test_a_mistake_is_no_answer(store: Store, words: list[str]) -> None:
    """A call that makes no sense exits 2 at once, also when it should wait."""
    assert canary("gate", "--wait", "24h", *words).code == 2


class Time:
    """A time that passes only while the gate sleeps, and what happens meanwhile, one step per sleep."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._steps = list(steps)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if self._steps:
            self._steps.pop(0)()


def waiting(monkeypatch: pytest.MonkeyPatch, wait: str, *steps: Callable[[], object]) -> tuple[Said, Time]:
    """The gate with --wait, while ``steps`` happen."""
    passing = Time(*steps)
    monkeypatch.setattr(module, "sleep", passing.sleep)
    monkeypatch.setattr(module, "monotonic", lambda: passing.now)
    return canary("gate", "--wait", wait), passing


def test_waiting_ends_with_an_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks again until the stage is cleared, and not longer."""
    look(store, "hold", acquire="no_data")
    said, passing = waiting(
        monkeypatch,
        "1h",
        lambda: look(store, "hold", acquire="undecided"),
        lambda: Operator.of_store(store, NAME, time.time).act(Event.PROMOTE, "me"),
    )
    assert said.code == 0
    assert said.out == "cleared: t is running in stage half; it has left stage canary\n"
    assert len(passing.slept) == 2


def test_waiting_ends_with_harm(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback ends the wait too."""
    look(store, "hold", acquire="undecided")
    said, _ = waiting(
        monkeypatch, "1h", lambda: Operator.of_store(store, NAME, time.time).act(Event.ROLLBACK, "me")
    )
    assert said.code == 1
    assert said.out.startswith("harm: t is rolled back in stage canary")


def test_waiting_ends_when_the_time_is_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecided until the last moment is undecided."""
    look(store, "hold", acquire="undecided")
    said, passing = waiting(monkeypatch, "2500ms")
    assert said.code == 3
    assert passing.now == 2.5


def test_waiting_outlasts_a_harness_that_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipeline may be faster than the harness that it waits for."""
    monkeypatch.chdir(tmp_path)

    def start() -> None:
        store = Store(tmp_path / ".canary" / "t.db")
        begun(store, FakeClock())
        look(store, "advance", acquire="pass")
        store.close()

    said, _ = waiting(monkeypatch, "10s", start)
    assert said.code == 0
