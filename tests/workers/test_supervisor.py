"""Workers kept at work, whatever becomes of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canary.workers import supervisor as module
from canary.workers.worker import Worker, WorkerError
from tests.waiting import until
from tests.workers.crew import Crew


@pytest.fixture
async def crew(tmp_path: Path) -> AsyncIterator[Crew]:
    """Two workers that serve."""
    running = Crew(tmp_path)
    await running.supervisor.start()
    yield running
    await running.supervisor.stop()


async def test_each_worker_tells_its_own_facts(crew: Crew) -> None:
    """They are numbered, are processes of their own, and answer each question anew."""
    first = await crew.supervisor.facts()
    again = await crew.supervisor.facts(anew=True)
    assert sorted(one["number"] for one in first) == [0, 1]
    assert len({one["pid"] for one in first} | {os.getpid()}) == 3
    assert all(later["asked"] > one["asked"] for one, later in zip(first, again, strict=True))
    assert [one["refreshed"] for one in first + again] == [0, 0, 1, 1]


async def test_workers_hear_each_other_and_their_successors_too(crew: Crew) -> None:
    """What one tells reaches the other, also one that has taken a dead one's place."""
    first, second = crew.supervisor.alive
    await first.ask(anew=True)
    await until_told(second, [first.pid])
    os.kill(first.pid, signal.SIGKILL)
    await until(lambda: crew.supervisor.replaced == 1 and len(crew.supervisor.alive) == 2)
    await second.ask(anew=True)
    [successor] = [one for one in crew.supervisor.alive if one is not second]
    await until_told(successor, [second.pid])


async def until_told(worker: Worker, pids: list[int]) -> None:
    """Ask a worker until it has heard that, and no more."""
    async with asyncio.timeout(20):
        while worker.facts is None or worker.facts["heard"] != pids:
            await worker.ask()


async def test_a_killed_worker_is_replaced(crew: Crew) -> None:
    """Another one serves in its place, its last facts are handed on once, and it is counted."""
    victim, other = await crew.supervisor.facts()
    os.kill(victim["pid"], signal.SIGKILL)
    await until(lambda: crew.supervisor.replaced == 1 and len(crew.supervisor.alive) == 2)
    now = await crew.supervisor.facts()
    assert sorted(one["number"] for one in now) == [0, 1]
    assert other["pid"] in {one["pid"] for one in now}
    assert [one["pid"] for one in crew.buried] == [victim["pid"]]


async def test_a_worker_that_hangs_is_killed_and_replaced(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says nothing for long holds its clients for nothing."""
    monkeypatch.setattr(module, "SILENCE", 0.5)
    monkeypatch.setattr("canary.workers.worker.ANSWER", 0.2)
    (crew.folder / "hang").touch()
    await until(lambda: crew.supervisor.replaced and len(crew.supervisor.alive) == 2)


async def test_a_worker_that_cannot_be_replaced_is_tried_again_after_a_pause(
    crew: Crew, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its place stays empty for longer and longer; the others serve; it is filled when that is possible."""
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds in module.PAUSES and seconds != module.EVERY:
            pauses.append(seconds)
            seconds = 0.0
        await real(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    broken = crew.folder / "broken"
    broken.write_text("the disk is gone")
    victim, other = crew.supervisor.alive
    os.kill(victim.pid, signal.SIGKILL)
    await until(lambda: caplog.text.count("cannot be replaced yet: the disk is gone") > 1)
    assert [one["pid"] for one in await crew.supervisor.facts()] == [other.pid]
    broken.unlink()
    await until(lambda: len(crew.supervisor.alive) == 2)
    assert pauses[:2] == [0.0, 1.0]  # half a second is the watch's own pace too
    assert list(module.PAUSES) == sorted(module.PAUSES)


async def test_a_start_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    """The sentence of the worker that could not begin is the error, and the others end."""
    (tmp_path / "broken").write_text("no such disk")
    crew = Crew(tmp_path)
    with pytest.raises(WorkerError, match="no such disk"):
        await crew.supervisor.start()
    for pid in crew.said("started"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


async def test_a_stop_lets_each_worker_finish(tmp_path: Path) -> None:
    """All are asked to end, their last facts are handed on, and none is taken for dead."""
    crew = Crew(tmp_path)
    await crew.supervisor.start()
    pids = {one["pid"] for one in await crew.supervisor.facts()}
    await crew.supervisor.stop()
    assert {int(pid) for pid in crew.said("stopping")} == pids
    assert {one["pid"] for one in crew.buried} == pids
    assert crew.supervisor.replaced == 0


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of the drain holds for all."""
    crew = Crew(tmp_path)
    (tmp_path / "stubborn").touch()
    monkeypatch.setattr(module, "FLUSH", -19.8)
    await crew.supervisor.start()
    await asyncio.wait_for(crew.supervisor.stop(), 20)
    assert crew.supervisor.alive == []
