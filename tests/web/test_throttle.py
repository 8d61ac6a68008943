"""How often an address may be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.web.throttle import AT_ONCE, EVERY, MOST, Throttle, TooMany
from tests.factories import FakeClock

HERE, THERE = "192.0.2.7", "192.0.2.8"


def drained(clock: FakeClock, address: str = HERE) -> Throttle:
    """A throttle under which an address was wrong as often as it may."""
    throttle = Throttle(clock)
    for _ in range(AT_ONCE):
        throttle.check(address)
        throttle.wrong(address)
    return throttle


def test_a_few_in_a_row_then_one_in_a_while() -> None:
    """After ten the address waits as long as it is told, is wrong once more, and waits again."""
    clock = FakeClock()
    throttle = drained(clock)
    for _ in range(3):
        with pytest.raises(TooMany, match="try again in 10 s") as refused:
            throttle.check(HERE)
        clock.advance(refused.value.wait)
        throttle.check(HERE)
        throttle.wrong(HERE)


def test_others_are_not_concerned() -> None:
    """Only the address that was wrong waits."""
    drained(FakeClock()).check(THERE)


def test_being_turned_away_costs_nothing() -> None:
    """However often it knocks meanwhile: nobody is kept out for ever."""
    clock = FakeClock()
    throttle = drained(clock)
    for _ in range(1000):
        with pytest.raises(TooMany):
            throttle.check(HERE)
    clock.advance(EVERY)
    throttle.check(HERE)


@given(st.lists(st.floats(0, 120), max_size=200))
def test_no_rhythm_gets_more(pauses: list[float]) -> None:
    """Whatever the pauses: ten at once, and one per ten seconds."""
    clock = FakeClock()
    throttle = Throttle(clock)
    tried = 0
    for pause in pauses:
        clock.advance(pause)
        try:
            throttle.check(HERE)
        except TooMany:
            continue
        throttle.wrong(HERE)
        tried += 1
    assert tried <= AT_ONCE + sum(pauses) / EVERY + 1


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", False),
        (None, None, True),
    ],
)
def test_an_ipv6_network_is_one_address(first: str, second: str, same: bool) -> None:
    """Whoever has one of 2^64 addresses has them all; IPv4 hosts stay apart."""
    throttle = drained(FakeClock(), first)
    if not same:
        throttle.check(second)
        return
    with pytest.raises(TooMany):
        throttle.check(second)


def test_memory_has_an_end() -> None:
    """Of endless addresses the ones longest at rest are forgotten."""
    throttle = Throttle(FakeClock())
    for number in range(2 * MOST):
        throttle.wrong(f"host-{number}")
    assert len(throttle._spent) == MOST
