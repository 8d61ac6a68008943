"""One worker as its own process sees it."""

import asyncio
import os
import signal
from pathlib import Path

from canary.workers.job import Job
from canary.workers.siblings import Line
from canary.workers.worker import Worker
from tests.waiting import until
from tests.workers.crew import begin


async def test_it_ends_by_itself_when_its_supervisor_is_gone(tmp_path: Path, lines: tuple[Line, ...]) -> None:
    """Its end of the channel reads the end of file: what is in flight is finished, and no orphan stays."""
    worker = await Worker.begin(0, Job(begin, tmp_path), [], lines)
    worker._channel.close()
    assert await asyncio.wait_for(worker.ended(), 20) == "exit code 0"
    assert "stopping" in (tmp_path / "log").read_text(encoding="utf-8")


async def test_ctrl_c_is_left_to_the_supervisor(tmp_path: Path, lines: tuple[Line, ...]) -> None:
    """A terminal sends SIGINT to all processes; the supervisor says when each of them ends."""
    worker = await Worker.begin(0, Job(begin, tmp_path), [], lines)
    os.kill(worker.pid, signal.SIGINT)
    await worker.ask()
    assert worker.facts["pid"] == worker.pid
    worker.terminate()
    assert await worker.ended() == "exit code 0"


async def test_last_words_arrive(tmp_path: Path, lines: tuple[Line, ...]) -> None:
    """What a worker knows at its very end is told without a question."""
    worker = await Worker.begin(0, Job(begin, tmp_path), [], lines)
    worker.terminate()
    await worker.ended()
    await until(lambda: worker.facts is not None)
    assert worker.facts["asked"] == 1
