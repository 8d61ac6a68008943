"""One warm connection pool per arm: sends a request once and says what came back, timed at the pool."""

import asyncio
import contextlib
import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from canary.core.model import NOTHING_SENT, Failure, Headers, Response
from canary.core.protocol.rewrite import ascii_only
from canary.gateway.pool import Answer, Pool, TooLargeError, Way

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a reply that are taken as a rule; a longer one is a failure of the arm (``too_large``)."""

# Between two hops only (RFC 9110 section 7.6.1), or set anew by whoever writes the message.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods whose request says nothing of a body that it does not have (RFC 9110 section 8.6)."""


def end_to_end(headers: Headers) -> Headers:
    """The headers that travel past this hop, those named by ``Connection`` left out too."""
    lower = [name.lower() for name, _ in headers]
    dropped: Set[str] = HOP_BY_HOP
    if "connection" in lower:
        lines = [value for name, (_, value) in zip(lower, headers, strict=True) if name == "connection"]
        dropped = HOP_BY_HOP.union(token.strip().lower() for line in lines for token in line.split(","))
    return tuple([header for name, header in zip(lower, headers, strict=True) if name not in dropped])


_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _writable(value: str) -> str:
    """A header value in such characters that the client's bytes are on the wire once it is written as UTF-8.

    A space stands for a control character (RFC 9110 section 5.5): none may end a line.
    """
    if value.isascii():
        return value if value.isprintable() else _CONTROLS.sub(" ", value)
    with contextlib.suppress(UnicodeError):  # bytes of another charset become the same letters in UTF-8
        value = value.encode("latin-1").decode("utf-8")
    return _CONTROLS.sub(" ", value)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one request: a response or a failure, never both.

    ``latency``: seconds from an open connection to the last byte, 0 when there was none; ``connect``: seconds of
    waiting for one.
    """

    response: Response | None
    failure: Failure | None
    latency: float
    connect: float


class Upstream:
    """The pool of one arm.

    Args:
        url: the arm's endpoint, without a query.
        headers: added to every request, replacing the client's of the same name.
        timeout: seconds for the whole exchange.
        max_in_flight: connections at most; further calls wait for one within the connect timeout.
        ca_file: a certificate authority to trust beside the system's (PEM).
        max_body: bytes of a reply that are taken, ``MAX_BODY`` by default.
    """

    def __init__(
        self,
        url: str,
        headers: Headers,
        timeout: float,
        max_in_flight: int,
        ca_file: Path | None = None,
        max_body: int | None = None,
    ) -> None:
        self._url = URL(url)
        self._pool = Pool(self._url, timeout, max_in_flight, ca_file)
        self._headers = tuple((name, _writable(value)) for name, value in headers)
        self._replaced = frozenset(name.lower() for name, _ in headers)
        # a client says the same of itself with every call
        self._written = lru_cache(maxsize=512)(self._write)
        self._timeout = timeout
        self._most = max_body or MAX_BODY
        self.in_flight = 0
        self.connections_opened = 0

    async def start(self) -> None:
        """Open the pool; connections are made when first needed and then kept.

        Raises:
            OSError: the CA file cannot be read.
        """
        await self._pool.start()

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def send(
        self,
        method: str,
        query: str,
        headers: Headers,
        body: bytes,
        *,
        path: str | None = None,
        repeatable: bool,
    ) -> Sent:
        """Send one request, at most once unless ``repeatable`` (a read whose connection broke).

        Args:
            path: replaces the endpoint's for calls beside it.
        """
        way, started = Way(), monotonic()
        bodiless = method == "HEAD"
        self.in_flight += 1
        try:
            message = self._message(method, self._target(query, path), headers, body)
            async with asyncio.timeout(self._timeout):
                answer = await self._exchange(message, way, bodiless, repeatable)
            response = Response(answer.status, _passed_on(answer.headers, bodiless=bodiless), answer.content)
            return self._sent(started, way, response, None)
        except Exception as error:
            return self._sent(started, way, None, _failure(error, way))
        finally:
            self.in_flight -= 1

    async def _exchange(self, message: bytes, way: Way, bodiless: bool, repeatable: bool) -> Answer:
        try:
            return await self._pool.exchange(message, way, bodiless=bodiless, most=self._most)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not repeatable or isinstance(error, aiohttp.ClientConnectorError):
                raise
        return await self._pool.exchange(message, way, bodiless=bodiless, most=self._most)

    def _target(self, query: str, path: str | None) -> str:
        """The endpoint, or ``path`` instead of it, with ``query`` as written; nothing in either ends the line."""
        place = self._url.raw_path if path is None else f"/{ascii_only(path).removeprefix('/')}"
        return f"{place}?{ascii_only(query)}" if query else place

    def _message(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        line, written = f"{method} {target} HTTP/1.1\r\n".encode(), self._written(headers)
        if not body and method in _WITHOUT_BODY:
            return b"%b%b\r\n" % (line, written)
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (line, written, len(body), body)

    def _write(self, headers: Headers) -> bytes:
        """The client's headers and the arm's, as they go on the wire."""
        kept = [
            (_writable(n), _writable(v)) for n, v in end_to_end(headers) if n.lower() not in self._replaced
        ]
        if "host" not in self._replaced:
            kept.insert(0, ("Host", self._pool.host))
        return "".join(f"{name}: {value}\r\n" for name, value in (*kept, *self._headers)).encode()

    def _sent(self, started: float, way: Way, response: Response | None, failure: Failure | None) -> Sent:
        self.connections_opened += way.created
        elapsed = monotonic() - started
        connect = elapsed if failure in NOTHING_SENT else way.connect
        return Sent(response, failure, elapsed - connect, connect)


def _passed_on(headers: tuple[tuple[bytes, bytes], ...], *, bodiless: bool) -> Headers:
    """A reply's headers that travel past this hop."""
    kept = []
    for raw, value in headers:
        name, travels = _named(raw)
        if travels:
            kept.append((name, value.decode("latin-1")))
        elif name.lower() == "connection" and value.lower() not in _PLAIN:
            return _slowly(headers, bodiless)
    return tuple(kept) if not bodiless else _slowly(headers, bodiless)


def _slowly(headers: tuple[tuple[bytes, bytes], ...], bodiless: bool) -> Headers:
    """The headers where ``Connection`` names some of them, or where there is no body to count."""
    raw = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    kept = end_to_end(raw)
    if not bodiless:
        return kept
    # of a body that stays away the length cannot be counted again
    return (*kept, *(h for h in raw if h[0].lower() == "content-length"))


_PLAIN = frozenset({b"close", b"keep-alive"})


@lru_cache(maxsize=1024)
def _named(raw: bytes) -> tuple[str, bool]:
    """A header's name, and whether it travels past this hop unless ``Connection`` says otherwise."""
    name = raw.decode("latin-1")
    return name, name.lower() not in HOP_BY_HOP


def _failure(error: Exception, way: Way) -> Failure:
    if way.waiting:
        return Failure.SATURATED
    for kinds, failure in _FAILURES:
        if isinstance(error, kinds):
            return failure
    raise error


# The first row that fits; what is in none is a defect of ours and is raised.
_FAILURES: tuple[tuple[tuple[type[Exception], ...], Failure], ...] = (
    ((aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError), Failure.CONNECT),
    ((TooLargeError,), Failure.TOO_LARGE),
    ((TimeoutError,), Failure.TIMEOUT),
    ((aiohttp.ClientError, HttpProcessingError, OSError), Failure.RESET),
)
