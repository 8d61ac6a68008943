"""Delivering to one address."""

import asyncio
import logging
import threading

import pytest

from canary.notify import courier as module
from canary.notify.courier import WAITING, Courier
from canary.notify.message import Message
from tests.waiting import until


def told(title: str) -> Message:
    return Message(title, "", "info")


class Address:
    """Takes a message after so many refusals, or never while it is held."""

    def __init__(self, refusals: int = 0, error: Exception | None = None) -> None:
        self.taken: list[str] = []
        self.tries = 0
        self._refusals = refusals
        self._error = error
        self.held = threading.Event()
        self.held.set()

    def __call__(self, message: Message) -> bool:
        assert self.held.wait(20)
        self.tries += 1
        if self.tries <= self._refusals:
            if self._error:
                raise self._error
            return False
        self.taken.append(message.title)
        return True


async def test_messages_arrive_in_order() -> None:
    """One after the other, as they were given."""
    address = Address()
    courier = Courier("notify.0", address)
    courier.start()
    for title in "abc":
        courier.take(told(title))
    await courier.stop()
    assert address.taken == ["a", "b", "c"]


@pytest.mark.parametrize("error", [None, OSError("https://hooks.example/secret")])
async def test_what_is_refused_is_tried_again(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal or an exception is no end, and the address is not in the log."""
    address = Address(2, error)
    courier = Courier("notify.0", address, pauses=(0, 0))
    courier.start()
    courier.take(told("a"))
    await courier.stop()
    assert (address.taken, address.tries) == (["a"], 3)
    assert "secret" not in caplog.text


async def test_what_is_never_taken_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """After the last try the log says so, and the next message has its turn."""
    address = Address(3)
    courier = Courier("notify.0", address, pauses=(0, 0))
    courier.start()
    courier.take(told("lost"))
    courier.take(told("next"))
    await courier.stop()
    assert address.taken == ["next"]
    assert "notify.0 did not take 'lost'; it was given up" in caplog.text


async def test_giving_never_waits_and_never_grows(caplog: pytest.LogCaptureFixture) -> None:
    """An address that hangs costs nothing but its own oldest messages."""
    address = Address()
    address.held.clear()
    courier = Courier("notify.0", address)
    courier.start()
    await asyncio.sleep(0)
    for number in range(WAITING + 5):
        courier.take(told(f"m{number}"))
    with caplog.at_level(logging.CRITICAL):
        assert courier._waiting.qsize() <= WAITING
    address.held.set()
    await until(lambda: f"m{WAITING + 4}" in address.taken)
    await courier.stop()
    assert len(address.taken) >= WAITING
    assert address.taken[-1] == f"m{WAITING + 4}"


async def test_a_stop_waits_only_briefly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be delivered at the end is given up, and said."""
    monkeypatch.setattr(module, "PARTING", 0.01)
    address = Address(10)
    courier = Courier("notify.0", address, pauses=(60,))
    courier.start()
    courier.take(told("a"))
    courier.take(told("b"))
    await until(lambda: address.tries)
    await courier.stop()
    assert "'b'" in caplog.text
    await courier.stop()


async def test_one_that_was_never_started_can_be_stopped() -> None:
    """A start that fails halfway stops everything."""
    await Courier("notify.0", Address()).stop()
