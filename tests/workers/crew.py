"""Work for workers that tests tell what to do, by files: they are other processes."""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from canary.workers.job import Job
from canary.workers.siblings import Lines, Siblings
from canary.workers.supervisor import Supervisor


class ToldError(Exception):
    """What a worker was told to fail with."""


@dataclass
class Toy:
    """Counts how often it was asked."""

    number: int
    folder: Path
    asked: int = 0
    refreshed: int = 0
    siblings: Siblings | None = None
    heard: list[int] = field(default_factory=list)

    async def start(self) -> None:
        """Fail when there is a file that says why."""
        self.say("started")
        broken = self.folder / "broken"
        if broken.exists():
            raise ToldError(broken.read_text(encoding="utf-8"))
        assert self.siblings is not None, "a worker has siblings"
        self.siblings.listen(self.heard.append)

    async def facts(self) -> dict[str, Any]:
        """Who it is and how often it was asked; it hangs when it is told to."""
        if (self.folder / "hang").exists():
            (self.folder / "hang").unlink()
            signal.pause()
        self.asked += 1
        counts = {"asked": self.asked, "refreshed": self.refreshed, "heard": self.heard}
        return {"number": self.number, "pid": os.getpid(), **counts}

    async def refresh(self) -> None:
        """Tell the siblings."""
        self.refreshed += 1
        if self.siblings is not None:
            self.siblings.tell(os.getpid())

    async def stop(self) -> None:
        """At once, or never."""
        self.say("stopping")
        if (self.folder / "stubborn").exists():
            await asyncio.Event().wait()

    def say(self, word: str) -> None:
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            log.write(f"{word} {self.number} {os.getpid()}\n")


def begin(number: int, folder: Path, siblings: Siblings) -> Toy:
    """The work of one worker."""
    return Toy(number, folder, siblings=siblings)


def siblings(number: int, lines: Lines) -> Siblings:
    """What a worker makes of the lines, which are its own copies in another process."""
    return Siblings.of(number, [(os.dup(hears), os.dup(speaks)) for hears, speaks in lines.descriptors])


@dataclass
class Crew:
    """A supervisor of toys."""

    folder: Path
    buried: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        job = Job(begin, self.folder, (ToldError,))
        self.supervisor = Supervisor(2, job, inherit=[], drain=20.0, buried=self.buried.append)

    def said(self, word: str) -> list[str]:
        """Who said it, by pid."""
        lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        return [line.split()[2] for line in lines if line.split()[0] == word]
