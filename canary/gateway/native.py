"""An arm that speaks its provider's own API: a call becomes requests, and their responses the reply to the call."""

import asyncio
from dataclasses import dataclass
from time import monotonic

from canary import __version__
from canary.core.dialects.model import (
    Dialect,
    Garbled,
    NativeRequest,
    NativeResponse,
    Refused,
    Settings,
    Steps,
    Token,
    Unanswered,
)
from canary.core.dialects.speech import Spoken, exchange
from canary.core.model import NOTHING_SENT, Call, Effect, Failure, Headers
from canary.gateway.coding import content_of
from canary.gateway.tokens import Tokens
from canary.gateway.upstream import Sent, Upstream

AGENT = f"canary/{__version__}"
"""The User-Agent of a client that has none."""

_ALWAYS: Headers = (("Accept", "application/json"), ("Accept-Encoding", "gzip, deflate"))
_JSON: Headers = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of a call: a reply, or none.

    Without a reply there is either a ``failure``, or the provider answered what makes no sense. ``status`` is of the
    request that bought or wrote, or else of the last one; ``headers`` are those of its responses that are kept.
    """

    spoken: Spoken | None
    failure: Failure | None = None
    status: int = 200
    headers: Headers = ()
    latency: float = 0.0
    connect: float = 0.0


@dataclass(frozen=True, slots=True)
class Native:
    """How one arm's own API is spoken.

    Attributes:
        base: path of the arm's URL, below which all requests go.
        patience: seconds that all requests of one call may take together.
        forwarded: lower-case names of the client's headers that the provider gets.
        kept: lower-case names of the provider's headers that are kept.
    """

    dialect: Dialect
    settings: Settings
    base: str
    patience: float
    tokens: Tokens
    forwarded: frozenset[str] = frozenset({"user-agent"})
    kept: frozenset[str] = frozenset({"retry-after"})

    async def carry_out(
        self,
        upstream: Upstream,
        key: str | None,
        call: Call,
        ids: tuple[str, ...],
        headers: Headers,
        at: float,
    ) -> Carried:
        """Carry out one call. What buys or writes is sent once.

        Args:
            key: the arm's, or else the client's.
            ids: of the leases that the call names, the provider's own.
            headers: of the client's request.
            at: wall-clock seconds.
        """
        if not key:
            return Carried(Spoken("NO_KEY"))
        steps = exchange(self.dialect, call, ids, self.settings, at)
        job = _Job(self, upstream, key, self._headers(headers), call.effect is Effect.PURCHASE)
        began = monotonic()
        try:
            async with asyncio.timeout(self.patience):
                return job.result(await job.run(steps))
        except TimeoutError:
            job.failure, job.latency = Failure.TIMEOUT, monotonic() - began - job.connect
        except (Unanswered, _NotLetInError):
            pass
        finally:
            steps.close()
        return job.result(None)

    def _headers(self, headers: Headers) -> Headers:
        named = tuple((name, value) for name, value in headers if name.lower() in self.forwarded)
        if all(name.lower() != "user-agent" for name, _ in named):
            named = (*named, ("User-Agent", AGENT))
        return (*_ALWAYS, *named)


class _NotLetInError(Exception):
    """There is no token to send a request with."""


class _Job:
    """The requests of one call."""

    def __init__(self, native: Native, upstream: Upstream, key: str, headers: Headers, buys: bool) -> None:
        self._native = native
        self._upstream = upstream
        self._key = key
        self._headers = headers
        self._buys = buys
        self._token = ""
        self._wrote = False  # or may have
        self._status = 200
        self._kept: Headers = ()
        self.failure: Failure | None = None
        self.latency = 0.0
        self.connect = 0.0

    async def run(self, steps: Steps[Spoken | None]) -> Spoken | None:
        """Send what the steps ask for until they have their reply.

        Raises:
            Unanswered: a request without which there is none got no response.
            _NotLetInError: there is no token.
        """
        try:
            request = next(steps)
            while True:
                heard = await self._heard(request)
                request = steps.throw(heard) if isinstance(heard, Exception) else steps.send(heard)
        except StopIteration as done:
            spoken: Spoken | None = done.value
            self.failure = None
            return spoken

    async def _heard(self, request: NativeRequest) -> NativeResponse | Unanswered | Refused:
        """The response to a request, or what is wrong with it."""
        try:
            return await self._ask(request) or Unanswered()
        except Refused as refused:  # at the login
            return refused

    def result(self, spoken: Spoken | None) -> Carried:
        """What became of the call."""
        failure = self.failure
        if spoken is None and self._buys and not self._wrote:
            failure = Failure.CONNECT  # the purchase itself never left
        elif failure in NOTHING_SENT and self._wrote:
            failure = Failure.RESET  # something had left before
        return Carried(spoken, failure, self._status, self._kept, self.latency, self.connect)

    async def _ask(self, request: NativeRequest) -> NativeResponse | None:
        assert request.repeatable or not self._wrote, "a call buys or writes once"
        header = await self._authorization()
        wrote, self._wrote = self._wrote, self._wrote or not request.repeatable
        response = await self._send(request, header)
        if response is None:
            self._wrote = wrote if self.failure in NOTHING_SENT else self._wrote
            return None
        if response.status != 401 or self._native.dialect.login is None:
            return response
        self._native.tokens.drop(self._key, self._token)
        if not request.repeatable:
            raise _NotLetInError
        return await self._send(request, await self._authorization())

    async def _send(self, request: NativeRequest, header: tuple[str, str]) -> NativeResponse | None:
        sent = await self._sent(request, (*self._headers, header))
        self.latency += sent.latency
        self.connect += sent.connect
        self.failure = sent.failure
        if sent.response is None:
            return None
        response = _decoded(sent)
        if not self._wrote or not request.repeatable:
            self._status = response.status
        self._kept += tuple(h for h in response.headers if h[0].lower() in self._native.kept)
        return response

    async def _sent(self, request: NativeRequest, headers: Headers) -> Sent:
        return await self._upstream.send(
            request.method,
            request.query,
            (*headers, *_JSON) if request.body else headers,
            request.body,
            path=self._native.base + request.path,
            repeatable=request.repeatable,
        )

    async def _authorization(self) -> tuple[str, str]:
        """The header with the key, or with the token that it is exchanged for: waiting for one is no latency."""
        dialect = self._native.dialect
        if dialect.login is None:
            return dialect.authorization(self._key)
        began = monotonic()
        try:
            self._token = await self._native.tokens.get(self._key, self._log_in)
        finally:
            self.connect += monotonic() - began
        return dialect.authorization(self._token)

    async def _log_in(self) -> Token:
        login = self._native.dialect.login
        assert login is not None, "there is something to log in to"
        sent = await self._sent(login.request, (*self._headers, (login.key_header, self._key)))
        self.failure = sent.failure
        if sent.response is None:
            raise _NotLetInError
        try:
            return login.read(_decoded(sent))
        except Garbled:
            self._status = sent.response.status
            raise _NotLetInError from None


def _decoded(sent: Sent) -> NativeResponse:
    response = sent.response
    assert response is not None, "there is a response"
    return NativeResponse(response.status, response.headers, content_of(response) or b"")
