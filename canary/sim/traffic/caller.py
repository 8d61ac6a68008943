"""One client's HTTP: sends each call once, reads what came back, whatever the dialect."""

import ssl
from dataclasses import dataclass
from itertools import count
from time import monotonic

import aiohttp
from yarl import URL

from canary.core.actions import lookup
from canary.core.model import Call, Failure, Outcome, Reply
from canary.core.protocol.read import read
from canary.sim.books import TAG
from canary.sim.traffic.report import Recorder

ARM_HEADER = "x-canary-arm"


@dataclass(frozen=True, slots=True)
class Told:
    """What a call came back with; ``reply`` is ``None`` when nothing came (``failure`` says why)."""

    reply: Reply | None
    failure: Failure | None = None
    status: int = 0
    arm: str = ""

    @property
    def word(self) -> str:
        """The word or failure that decided."""
        return self.reply.code if self.reply else str(self.failure)

    @property
    def well(self) -> bool:
        return self.reply is not None and self.reply.outcome is Outcome.OK


class _BrokenError(Exception):
    """The connection broke; an error of a type that makes the HTTP library send a GET again would buy twice."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise _BrokenError from error


_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (aiohttp.ClientConnectorError, Failure.CONNECT),
    (TimeoutError, Failure.TIMEOUT),
    (_BrokenError, Failure.RESET),
    (aiohttp.ClientError, Failure.RESET),
)


class Caller:
    """A client with its own connections.

    Args:
        name: marks its requests, so that a repetition on the way can be told from two calls.
        source: the local address that it comes from; empty for any.
    """

    def __init__(
        self,
        url: str,
        key: str,
        recorder: Recorder,
        *,
        name: str,
        post: bool,
        keep_alive: bool,
        timeout: float,
        source: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = URL(url)
        self._key = key
        self._recorder = recorder
        self._name = name
        self._method = "POST" if post else "GET"
        self._marks = count()
        connector = aiohttp.TCPConnector(
            limit=0,
            force_close=not keep_alive,
            ssl=tls or True,
            local_addr=(source, 0) if source else None,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_once,),
        )

    async def close(self) -> None:
        await self._session.close()

    async def call(self, action: str, **params: str) -> Told:
        """Send one call. Never raises for what the network or the provider does."""
        mark = f"{self._name}-{next(self._marks)}"
        query = {"api_key": self._key, "action": action, **params, TAG: mark}
        started = monotonic()
        try:
            async with self._session.request(self._method, self._url.with_query(query)) as answer:
                body = await answer.read()
        except Exception as error:
            failure = next((failure for kind, failure in _FAILURES if isinstance(error, kind)), None)
            if failure is None:
                raise
            self._recorder.failed(action, failure)
            return Told(None, failure)
        reply = read(_call(action, params), answer.status, answer.content_type, body)
        self._recorder.answered(action, reply, monotonic() - started)
        return Told(reply, None, answer.status, answer.headers.get(ARM_HEADER, ""))


def _call(action: str, params: dict[str, str]) -> Call:
    known = lookup(action)
    assert known is not None, "clients use catalogued actions"
    return Call(
        action,
        known.effect,
        params,
        known.kind,
        ids=tuple(params[name] for name in known.ids if name in params),
    )
