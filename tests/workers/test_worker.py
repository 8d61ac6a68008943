"""One worker as its supervisor sees it."""

from pathlib import Path

import pytest

from canary.workers import worker as module
from canary.workers.job import Job
from canary.workers.siblings import Line
from canary.workers.worker import Worker, WorkerError, how_it_ended
from tests.workers.crew import begin


def test_an_end_is_told_in_words() -> None:
    """A signal has a name."""
    assert how_it_ended(0) == "exit code 0"
    assert how_it_ended(-9) == "SIGKILL"


async def test_a_worker_that_is_never_ready_is_given_up(
    tmp_path: Path, lines: tuple[Line, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed, and the error says for how long it was waited for."""
    monkeypatch.setattr(module, "START", 0.01)
    with pytest.raises(WorkerError, match=r"worker 0 was not ready within 0\.01 s"):
        await Worker.begin(0, Job(begin, tmp_path), [], lines)


async def test_a_question_to_a_dead_worker_waits_for_nothing(tmp_path: Path, lines: tuple[Line, ...]) -> None:
    """What it said last stays."""
    worker = await Worker.begin(0, Job(begin, tmp_path), [], lines)
    await worker.ask()
    before = worker.facts
    await worker.kill()
    await worker.ask()
    assert worker.facts == before
