"""The load generator's reader of replies."""

import pytest

from bench.wire import Answer, Target, WireError, read_answer

HEAD = b"HTTP/1.1 200 OK\r\nX-Canary-Arm: new\r\nContent-Length: 9\r\n"


@pytest.mark.parametrize(("more", "closes"), [(b"", False), (b"connection: close\r\n", True)])
def test_a_whole_reply_is_read(more: bytes, closes: bool) -> None:
    """Status, serving arm, body, and whether the connection ends with it."""
    assert read_answer(HEAD + more + b"\r\nSTATUS_OK") == Answer(200, "new", b"STATUS_OK", closes)


@pytest.mark.parametrize("cut", [10, len(HEAD), len(HEAD) + 2, len(HEAD) + 10])
def test_a_reply_is_waited_for(cut: int) -> None:
    """A reply that is not whole is none yet, wherever it is cut."""
    assert read_answer((HEAD + b"\r\nSTATUS_OK")[:cut]) is None


@pytest.mark.parametrize("data", [b"HTTP/1.1 200 OK\r\n\r\n", HEAD + b"\r\nSTATUS_OK+", b"hello\r\n\r\n"])
def test_what_is_no_single_reply_is_an_error(data: bytes) -> None:
    """Without a length, with more than one reply, or no HTTP at all: counted as an error, not as a call."""
    with pytest.raises(WireError):
        read_answer(data)


def test_a_close_client_says_so() -> None:
    """The request asks for the connection to be closed when it is a close client's."""
    target = Target(8080)
    assert b"\r\nConnection: close\r\n" in target.request("action=getBalance", close=True)
    assert b"\r\nConnection: keep-alive\r\n" in target.request("action=getBalance", close=False)
