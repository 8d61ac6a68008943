"""Responses and request lines as bytes."""

import pytest

from canary.core.model import Response
from canary.thin.wire import ascii_line, path_and_query, refusal, written


@pytest.mark.parametrize(
    ("response", "method", "close", "expected"),
    [
        (
            Response(200, (("A", "1"),), b"x"),
            "GET",
            False,
            b"HTTP/1.1 200 OK\r\nA: 1\r\ncontent-length: 1\r\n\r\nx",
        ),
        (
            Response(200, (), b""),
            "GET",
            True,
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        (Response(204, (), b"x"), "GET", False, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (Response(299, (), b""), "GET", False, b"HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n"),
        (Response(200, (), b"xy"), "HEAD", False, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
        (
            Response(200, (("Content-Length", "77"),)),
            "HEAD",
            False,
            b"HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n",
        ),
    ],
)
def test_a_response_is_written_whole(response: Response, method: str, close: bool, expected: bytes) -> None:
    """Headers as they are, a length where one is due, a body where one may be."""
    assert written(response, method, close=close) == expected


def test_a_header_that_is_no_bytes_is_an_error() -> None:
    """Nothing is guessed about how it should look on the wire."""
    with pytest.raises(UnicodeEncodeError):
        written(Response(200, (("X", "\u0438"),)), "GET", close=False)


def test_a_refusal_ends_the_connection() -> None:
    """A status, no body, and the word that it is the last."""
    assert refusal(413).startswith(b"HTTP/1.1 413 ")
    assert refusal(413).endswith(b"content-length: 0\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /\xd0\x9d?x=\xff HTTP/1.1\r\nA: \xe9\r\n", b"GET /%D0%9D?x=%FF HTTP/1.1\r\nA: \xe9\r\n"),
        (b"GET /\xff", b"GET /%FF"),
        (b"", b""),
    ],
)
def test_only_the_first_line_becomes_ascii(data: bytes, expected: bytes) -> None:
    """Escapes in the request line, whether it is whole or not; headers and body stay."""
    assert ascii_line(data) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a/b?c=d?e#f", ("/a/b", "c=d?e#f")),
        ("/a", ("/a", "")),
        ("*", ("*", "")),
        ("http://host:80/a/b?c", ("/a/b", "c")),
        ("http://host", ("/", "")),
        ("/a?u=http://b/c", ("/a", "u=http://b/c")),
    ],
)
def test_a_request_line_is_taken_apart(url: str, expected: tuple[str, str]) -> None:
    """Path and query, with and without a scheme and host before them."""
    assert path_and_query(url) == expected
