"""What every ingress shares."""

import errno
import socket

from canary.gateway.ingress import cannot_listen, drained, words_of


def test_a_taken_address_is_said_with_the_remedy() -> None:
    """Address, reason and what to do, without a library's advice."""
    error = cannot_listen("127.0.0.1", 80, OSError(errno.EADDRINUSE, "long advice"))
    assert str(error) == (
        "cannot listen on 127.0.0.1:80: Address already in use; choose another address with --listen"
    )


def test_a_name_that_cannot_be_found_keeps_its_words() -> None:
    """A resolver's numbers are not the system's."""
    assert words_of(socket.gaierror(-2, "Name or service not known")) == "Name or service not known"
    assert words_of(ValueError("no key")) == "no key"


async def test_a_drain_ends_with_the_last_call_or_in_time() -> None:
    """It tells which."""
    left = iter([2, 1, 0])
    assert await drained(lambda: next(left), [], 20.0)
    assert not await drained(lambda: 1, [], 0.05)
