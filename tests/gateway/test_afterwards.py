"""Things taken in later, many at a time."""

import asyncio
import logging

import pytest

from canary.gateway.afterwards import Afterwards
from tests.waiting import until


def taking() -> tuple[Afterwards[[int]], list[int]]:
    """One that writes numbers down, and what it wrote; it cannot take in a zero."""
    taken: list[int] = []

    def take_in(number: int) -> None:
        assert 1 / number
        taken.append(number)

    return Afterwards(take_in), taken


async def test_things_are_taken_in_later_in_their_order() -> None:
    """Nothing is taken in while it is put; all of it soon after, and what is put then too."""
    afterwards, taken = taking()
    for number in (1, 2, 3):
        afterwards.put(number)
    await asyncio.sleep(0)
    assert taken == []
    await until(lambda: taken == [1, 2, 3])
    afterwards.put(4)
    await until(lambda: taken == [1, 2, 3, 4])


async def test_catching_up_takes_in_at_once() -> None:
    """What waits is taken in now, and not a second time."""
    afterwards, taken = taking()
    afterwards.put(1)
    afterwards.catch_up()
    afterwards.put(2)
    await until(lambda: taken == [1, 2])


async def test_one_that_cannot_be_taken_in_concerns_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """A defect is logged; what was put after it is taken in."""
    afterwards, taken = taking()
    for number in (1, 0, 2):
        afterwards.put(number)
    with caplog.at_level(logging.ERROR):
        afterwards.catch_up()
    assert taken == [1, 2]
    assert "ZeroDivisionError" in caplog.text
