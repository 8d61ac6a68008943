"""One warm connection pool per arm: sends a request once and says what came back, timed at the pool."""

import contextlib
import re
import ssl
from collections.abc import Set
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from time import monotonic

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.tracing import Trace
from multidict import CIMultiDict
from yarl import URL

from canary.core.model import NOTHING_SENT, Failure, Headers, Response
from canary.core.protocol.rewrite import ascii_only

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a reply that are taken as a rule; a longer one is a failure of the arm (``too_large``)."""

MAX_HEADER = 64 * 1024
"""Bytes that one header of a reply may have; aiohttp's own 8 KB would lose a number over a long policy header."""

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

_REPEATED = 500
"""Characters of the longest query that is worth keeping."""

_SKIP_AUTO = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


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
    """A header value in such characters that aiohttp, which writes UTF-8, puts the client's bytes on the wire.

    It refuses control characters; a space may stand for one (RFC 9110 section 5.5).
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


class AnswerLostError(Exception):
    """The connection broke after the request may have been sent."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep the HTTP library from repeating a request on a fresh connection when a pooled one broke.

    It does so for every GET, and a GET buys a number here. An error of another type ends its retry loop.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise AnswerLostError(str(error)) from error


@dataclass(slots=True)
class _Timing:
    """How one request came by its connection."""

    waiting: bool = False  # for a free slot of the pool: nothing was sent
    created: bool = False
    connect: float = 0.0


_timing: ContextVar[_Timing] = ContextVar("_timing")


class _Connector(aiohttp.TCPConnector):
    """A pool that fills in the ``_Timing`` of the request at hand; aiohttp's own tracing costs far more."""

    async def _wait_for_available_connection(self, key: ConnectionKey, traces: list[Trace]) -> None:
        timing, began = _timing.get(), monotonic()
        timing.waiting = True
        await super()._wait_for_available_connection(key, traces)
        timing.waiting = False
        timing.connect += monotonic() - began

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        timing, began = _timing.get(), monotonic()
        timing.created = True
        connection = await super()._create_connection(req, traces, timeout)
        timing.connect += monotonic() - began
        return connection


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
        self._headers = tuple((name, _writable(value)) for name, value in headers)
        # a client says the same of itself with every call, and polls a lease with the same words
        self._merged = lru_cache(maxsize=512)(self._merge)
        self._known_target = lru_cache(maxsize=1024)(self._target)
        self._replaced = frozenset(name.lower() for name, _ in headers)
        self._timeout = aiohttp.ClientTimeout(
            total=timeout, connect=max(timeout * 0.9, timeout - 1), sock_connect=min(10.0, timeout / 2)
        )
        self._limit = max_in_flight
        self._ca_file = ca_file
        self._max_body = max_body or MAX_BODY
        self._session: aiohttp.ClientSession | None = None
        self.in_flight = 0
        self.connections_opened = 0

    async def start(self) -> None:
        """Open the pool; connections are made when first needed and then kept.

        Raises:
            OSError: the CA file cannot be read.
        """
        connector = _Connector(
            limit=self._limit,
            keepalive_timeout=60,
            ttl_dns_cache=30,
            ssl=_trusting(self._ca_file),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=self._timeout,
            skip_auto_headers=_SKIP_AUTO,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def target(self, query: str, path: str | None = None) -> URL:
        """The endpoint with ``query`` as written; ``path`` replaces the endpoint's for calls beside it."""
        find = self._known_target if len(query) <= _REPEATED else self._target
        return find(query, path)

    def _target(self, query: str, path: str | None) -> URL:
        return URL.build(
            scheme=self._url.scheme,
            authority=self._url.raw_authority,
            path=self._url.raw_path if path is None else f"/{ascii_only(path).removeprefix('/')}",
            query_string=query,
            encoded=True,
        )

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
        """Send one request, at most once unless ``repeatable`` (a read, on a pooled connection that broke)."""
        assert self._session is not None, "the pool is not started"
        timing = _Timing()
        _timing.set(timing)
        started = monotonic()
        self.in_flight += 1
        try:
            async with self._session.request(
                method,
                self.target(query, path),
                headers=self._merged(headers),
                data=body or None,
                allow_redirects=False,
                middlewares=() if repeatable else (_send_once,),
            ) as answer:
                content = await _read(answer, self._max_body)
            response = Response(answer.status, _raw_headers(answer), content)
            return self._sent(started, timing, response, None)
        except Exception as error:
            return self._sent(started, timing, None, _failure(error, timing))
        finally:
            self.in_flight -= 1

    def _sent(
        self, started: float, timing: _Timing, response: Response | None, failure: Failure | None
    ) -> Sent:
        self.connections_opened += timing.created
        elapsed = monotonic() - started
        connect = elapsed if failure in NOTHING_SENT else timing.connect
        return Sent(response, failure, elapsed - connect, connect)

    def _merge(self, headers: Headers) -> "CIMultiDict[str]":
        kept = [(n, _writable(v)) for n, v in end_to_end(headers) if n.lower() not in self._replaced]
        return CIMultiDict([*kept, *self._headers])


@cache
def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates to trust, the same for all pools: reading the system's takes longer than all else at the start."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


class _TooLargeError(Exception):
    """The reply has more bytes than are taken."""


async def _read(answer: aiohttp.ClientResponse, most: int) -> bytes:
    declared = answer.content_length
    if declared is not None and (declared <= most or answer.method == "HEAD"):
        return await answer.read()
    if declared is not None:
        raise _TooLargeError
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > most:
            raise _TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def _raw_headers(answer: aiohttp.ClientResponse) -> Headers:
    kept = []
    for raw, value in answer.raw_headers:
        name, travels = _named(raw)
        if travels:
            kept.append((name, value.decode("latin-1")))
        elif name.lower() == "connection" and value.lower() not in _PLAIN:
            return _slowly(answer)
    return tuple(kept) if answer.method != "HEAD" else _slowly(answer)


def _slowly(answer: aiohttp.ClientResponse) -> Headers:
    """The headers where ``Connection`` names some of them, or where there is no body to count."""
    raw = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers)
    kept = end_to_end(raw)
    if answer.method != "HEAD":
        return kept
    # of a body that stays away the length cannot be counted again
    return (*kept, *(h for h in raw if h[0].lower() == "content-length"))


_PLAIN = frozenset({b"close", b"keep-alive"})


@lru_cache(maxsize=1024)
def _named(raw: bytes) -> tuple[str, bool]:
    """A header's name, and whether it travels past this hop unless ``Connection`` says otherwise."""
    name = raw.decode("latin-1")
    return name, name.lower() not in HOP_BY_HOP


def _failure(error: Exception, timing: _Timing) -> Failure:
    if timing.waiting:
        return Failure.SATURATED
    for kinds, failure in _FAILURES:
        if isinstance(error, kinds):
            return failure
    raise error


# The first row that fits; what is in none is a defect of ours and is raised.
_FAILURES: tuple[tuple[tuple[type[Exception], ...], Failure], ...] = (
    ((aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError), Failure.CONNECT),
    ((_TooLargeError,), Failure.TOO_LARGE),
    ((TimeoutError,), Failure.TIMEOUT),
    ((AnswerLostError, aiohttp.ClientError, OSError), Failure.RESET),
)
