"""What HTTP/1.1 puts on the wire, as far as the parser does not know it."""

import re
from functools import lru_cache

from canary.core.model import Response
from canary.gateway.ingress import BODILESS, REASONS

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def written(response: Response, method: str, *, close: bool) -> bytes:
    """The whole response: its headers in order and case, its length added unless it is there or none is due.

    Args:
        close: tell the client not to use its connection again.

    Raises:
        UnicodeEncodeError: a header has a character that is no byte.
    """
    bodiless = response.status in BODILESS
    lines = [_status_line(response.status)]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers]
    if not bodiless and not (method == "HEAD" and response.header("content-length")):
        lines.append(f"content-length: {len(response.body)}\r\n")
    lines.append("connection: close\r\n\r\n" if close else "\r\n")
    head = "".join(lines).encode("latin-1")
    return head if bodiless or method == "HEAD" else head + response.body


def refusal(status: int) -> bytes:
    """The last answer on a connection whose request is none that can be answered."""
    return written(Response(status), "GET", close=True)


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n"


_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def ascii_line(data: bytes) -> bytes:
    """``data`` with its first line in ASCII: the parser takes no other bytes there, but clients send them.

    They become the percent escapes that an arm is sent in any case.
    """
    line, end, rest = data.partition(b"\r\n")
    return _BEYOND_ASCII.sub(lambda found: b"%%%02X" % found[0][0], line) + end + rest


def path_and_query(url: str) -> tuple[str, str]:
    """Both parts of what a request line names; some clients write it with scheme and host, as to a proxy."""
    path, _, query = url.partition("?")
    if not path.startswith("/") and "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path, query
