"""Asking one arm: the client's request in the arm's own key and ids, the answer read and timed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from canary.core.actions import lookup
from canary.core.aliases import numeric
from canary.core.dialects.speech import Sold
from canary.core.leases import FAULTS
from canary.core.model import Arm, Call, Effect, Exchange, Issued, Outcome, Reply, Request, Response
from canary.core.protocol.parse import ids_named
from canary.core.protocol.read import by_status, read
from canary.core.protocol.rewrite import rewrite
from canary.core.protocol.splice import ids_in, replace_ids
from canary.gateway.coding import content_of
from canary.gateway.native import Carried, Native
from canary.gateway.prices import PriceTable
from canary.gateway.upstream import Sent, Upstream

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
    native: Native | None = None  # how the provider's own API is spoken, where it is not handler_api

    def lifetime_of(self, service: str) -> float:
        """Seconds until a lease of ``service`` ends by itself."""
        return self.lifetimes.get(service, self.lifetime)

    def visible(self, own: str) -> str:
        """The id by which a client may know a lease: clients of handler_api read numbers below 2^31."""
        return own if self.native is None else numeric(own)

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
    shown: bytes | None = field(
        default=None, repr=False
    )  # with ids as clients may see them, where that differs

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
        at = self._clock()
        if side.native is None:
            query, body, headers = rewrite(request, key=side.key, ids=ids or {}, params=own)
            repeatable = call.effect in REPEATABLE and not call.malformed
            sent = await side.upstream.send(request.method, query, headers, body, repeatable=repeatable)
            asked = _asked(call, arm, at, sent, request.client)
        else:
            theirs = replace(call, params={**call.params, **own})
            carried = await side.native.carry_out(
                side.upstream, side.key or call.key, theirs, _own_ids(theirs, ids or {}), request.headers, at
            )
            asked = _carried_out(call, arm, at, carried, request.client)
        if self._heard is not None:
            self._heard(asked)
        return asked

    async def pass_on(self, arm: Arm, request: Request) -> Sent:
        """Send a request for another path of the same host, as it is but for the key."""
        side = self._sides[arm]
        if side.native is not None:  # its provider knows nothing of what is beside a handler_api endpoint
            return Sent(Response(404, (("content-type", "text/plain"),), b"NOT_FOUND"), None, 0.0, 0.0)
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
    content = content_of(response)
    if content is None:
        reply, content = Reply(Outcome.UNKNOWN, "UNDECODABLE"), b""
    else:
        reply = read(call, response.status, response.header("content-type"), content)
    exchange = Exchange(call, arm, reply, at, sent.latency, sent.connect, response.status, client=client)
    return Asked(exchange, response, content)


def _own_ids(call: Call, ids: Mapping[str, str]) -> tuple[str, ...]:
    action = lookup(call.action)
    named = ids_named(action, call.params) if action is not None else ()
    return tuple(ids.get(one, one) for one in named)


def _carried_out(call: Call, arm: Arm, at: float, carried: Carried, client: str) -> Asked:
    """What the client sees of a call that was carried out in another dialect, read as any reply is."""
    spoken = carried.spoken
    timing = (at, carried.latency, carried.connect)
    if spoken is None:
        if carried.failure is not None:
            reply, status = Reply(Outcome.PROVIDER, str(carried.failure).upper()), 0
        else:
            status = carried.status
            reply = by_status(status) if status >= 300 else Reply(Outcome.UNKNOWN, "UNREADABLE")
        return Asked(Exchange(call, arm, reply, *timing, status, carried.failure, client), None)
    content = spoken.body.encode("utf-8", "replace")
    response = Response(spoken.status, (*spoken.headers, *carried.headers), content)
    reply = read(call, spoken.status, spoken.content_type, content)
    if spoken.sold is not None:
        sold = tuple(_as_sold(one, spoken.sold, at) for one in reply.issued)
        reply = replace(reply, issued=sold)
    exchange = Exchange(call, arm, reply, *timing, spoken.status, client=client)
    return Asked(exchange, response, content, _shown(call, reply, content))


def _shown(call: Call, reply: Reply, content: bytes) -> bytes | None:
    """The body with numbers for ids that are none, if it has any."""
    action = lookup(call.action)
    own = {one.id for one in reply.issued}
    if action is not None and action.merge:
        own |= ids_in(call, content)
    numbers = {one: number for one in own if (number := numeric(one)) != one}
    return replace_ids(call, content, numbers) if numbers else None


def _as_sold(one: Issued, sold: Sold, at: float) -> Issued:
    ends = sold.ends_at or ("" if sold.lives is None else str(int(at) + sold.lives))
    return replace(one, price=sold.price, began_at=sold.began_at, expires_at=ends)
