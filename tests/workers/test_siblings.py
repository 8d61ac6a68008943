"""What workers tell each other, whichever of them listens."""

import asyncio
from collections.abc import Iterator

import pytest

from canary.workers.siblings import Lines
from tests.waiting import until
from tests.workers.crew import siblings

LONG = "x" * 10_000


@pytest.fixture
def lines() -> Iterator[Lines]:
    """One to each of three workers."""
    between = Lines(3)
    yield between
    between.close()


async def test_what_one_tells_all_the_others_hear(lines: Lines) -> None:
    """In order, whole, and not the one who told it."""
    heard: dict[int, list[object]] = {0: [], 1: [], 2: []}
    workers = [siblings(number, lines) for number in heard]
    for number, one in enumerate(workers):
        one.listen(heard[number].append)
    workers[1].tell(["a", LONG])
    workers[1].tell("b")
    await until(lambda: len(heard[0]) == len(heard[2]) == 2)
    assert heard == {0: [["a", LONG], "b"], 1: [], 2: [["a", LONG], "b"]}


async def test_who_does_not_listen_holds_nobody_up(lines: Lines) -> None:
    """A full line takes no more, what is on it is heard later, and from then on it takes messages again."""
    first, second = siblings(0, lines), siblings(1, lines)
    heard: list[str] = []
    for number in range(1000):
        first.tell(f"{number} {LONG}")
    first.tell("x" * 10_000_000)
    second.listen(lambda message: heard.append(message.split()[0]))
    await until(lambda: bool(heard))
    await asyncio.sleep(0)
    first.tell("at last")
    await until(lambda: heard[-1] == "at")
    assert heard[:-1] == [str(number) for number in range(len(heard) - 1)]
    assert 0 < len(heard) < 1000


async def test_a_successor_hears_what_was_told_meanwhile(lines: Lines) -> None:
    """A worker that is replaced leaves its line to the next one."""
    siblings(1, lines).tell("before it was there")
    heard: list[str] = []
    siblings(0, lines).listen(heard.append)
    await until(lambda: heard == ["before it was there"])
