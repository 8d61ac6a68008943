"""Asking one arm: the client's request in the arm's own key and ids, the answer read and timed."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from canary.core.leases import FAULTS
from canary.core.model import Arm, Call, Effect, Exchange, Outcome, Reply, Request, Response
from canary.core.protocol.read import read
from canary.core.protocol.rewrite import rewrite
from canary.gateway.coding import UndecodableError, decode
from canary.gateway.prices import PriceTable
from canary.gateway.upstream import Sent, Upstream

log = logging.getLogger(__name__)

REPEATABLE = frozenset({Effect.GLOBAL_READ, Effect.ACCOUNT_READ, Effect.LEASE_READ})
"""Effects whose request may be sent again when a pooled connection broke under it."""

COUNTRY = "country"


@dataclass(frozen=True, slots=True)
class ArmSide:
    """What the gateway needs of one arm: its pool, its key and its provider's habits."""

    upstream: Upstream
    key: str | None = field(repr=False)  # None: the client's own key is passed on
    lifetime: float = 1200.0
    lifetimes: Mapping[str, float] = field(default_factory=dict)  # by service
    price_headers: tuple[str, ...] = ()
    prices: PriceTable = field(default_factory=PriceTable)
    auto_refund: bool = True
    countries: Mapping[str, str] = field(
        default_factory=dict
    )  # what clients say, in capitals, to what is sent

    def lifetime_of(self, service: str) -> float:
        """Seconds until a lease of ``service`` ends by itself."""
        return self.lifetimes.get(service, self.lifetime)

    def own_country(self, call: Call) -> dict[str, str]:
        """The call's country as the arm is to be sent it, when that is another than the client's."""
        if call.malformed or COUNTRY not in call.params:
            return {}
        own = self.countries.get(call.params[COUNTRY].upper())
        return {} if own is None else {COUNTRY: own}


@dataclass(frozen=True, slots=True)
class Asked:
    """One arm's answer to a call: the exchange for the ledger, and the raw response if there was one."""

    exchange: Exchange
    response: Response | None
    content: bytes = field(default=b"", repr=False)  # the decoded body

    @property
    def arm(self) -> Arm:
        return self.exchange.arm

    @property
    def well(self) -> bool:
        """Whether the arm answered, and did not answer with a fault."""
        return self.response is not None and self.exchange.reply.outcome not in FAULTS


class Arms:
    """Both arms, to be asked.

    Args:
        clock: wall-clock seconds.
        heard: is told each answer to a call.
    """

    def __init__(
        self,
        sides: Mapping[Arm, ArmSide],
        clock: Callable[[], float],
        heard: Callable[[Asked], None] | None = None,
    ) -> None:
        self._sides = sides
        self._clock = clock
        self._heard = heard

    def __getitem__(self, arm: Arm) -> ArmSide:
        return self._sides[arm]

    async def ask(
        self,
        arm: Arm,
        request: Request,
        call: Call,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Asked:
        """Send the call to ``arm`` with the arm's key, its country as the arm's policy translates it.

        Args:
            ids: the client's ids that the arm knows by another one.
            params: parameters that get another value.
        """
        side = self._sides[arm]
        own = {**side.own_country(call), **(params or {})}
        query, body, headers = rewrite(request, key=side.key, ids=ids or {}, params=own)
        at = self._clock()
        repeatable = call.effect in REPEATABLE and not call.malformed
        sent = await side.upstream.send(request.method, query, headers, body, repeatable=repeatable)
        asked = _asked(call, arm, at, sent, request.client)
        if self._heard is not None:
            self._heard(asked)
        return asked

    async def pass_on(self, arm: Arm, request: Request) -> Sent:
        """Send a request for another path of the same host, as it is but for the key."""
        side = self._sides[arm]
        query, body, headers = rewrite(request, key=side.key, ids={}, append_key=False)
        return await side.upstream.send(
            request.method, query, headers, body, path=request.path, repeatable=False
        )


def _asked(call: Call, arm: Arm, at: float, sent: Sent, client: str) -> Asked:
    response = sent.response
    if response is None:
        reply = Reply(Outcome.PROVIDER, str(sent.failure).upper())
        return Asked(
            Exchange(call, arm, reply, at, sent.latency, sent.connect, 0, sent.failure, client), None
        )
    content = _decoded(response)
    if content is None:
        reply, content = Reply(Outcome.UNKNOWN, "UNDECODABLE"), b""
    else:
        reply = read(call, response.status, response.header("content-type"), content)
    exchange = Exchange(call, arm, reply, at, sent.latency, sent.connect, response.status, client=client)
    return Asked(exchange, response, content)


def _decoded(response: Response) -> bytes | None:
    codings = response.header("content-encoding")
    if not codings or not response.body:
        return response.body
    try:
        return decode(response.body, codings)
    except UndecodableError as error:
        log.warning("a reply could not be decoded for reading: %s", error)
        return None
