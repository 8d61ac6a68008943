"""From a request to its answer: limits, faults and keys first, then the action's handler, then the drifts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from random import Random
from typing import Any

from canary.core.actions import lookup
from canary.core.model import Effect
from canary.sim.actions import HANDLERS
from canary.sim.answers import HTML, JSON, Answer, Refused, written
from canary.sim.behaviour import Behaviour
from canary.sim.books import Books
from canary.sim.dialects import Dialect
from canary.sim.drifts import drifted
from canary.sim.faults import PAGE, Fault, Limiter, drawn
from canary.sim.incoming import Incoming
from canary.sim.native.api import LOGIN, NativeCall, known_key
from canary.sim.shapes import webhook
from canary.sim.shop import Shop
from canary.sim.visit import Handler, Visit
from canary.sim.wording import worded

_NOT_SANDBOX = frozenset({"", "0", "false"})


@dataclass(frozen=True, slots=True)
class Served:
    """What goes on the wire after ``delay`` seconds: an answer, or none when the call hangs or is reset."""

    answer: Answer | None
    fault: Fault | None
    delay: float


class Desk:
    """A whole provider without its sockets.

    Args:
        clock: seconds since the epoch; everything that takes time follows it, latency apart.
        seed: two desks with the same seed, behaviour and calls do the same.
        keys: those that are accepted; none: any.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        clock: Callable[[], float],
        seed: str,
        keys: frozenset[str] = frozenset(),
        log_size: int = 10_000,
    ) -> None:
        self._clock = clock
        self._keys = keys
        self._shop = Shop(behaviour, seed)
        self._books = Books(self._shop, log_size)
        self._limiter = Limiter()
        self._chance = Random(f"{seed}/calls")  # noqa: S311  a simulation

    @property
    def behaviour(self) -> Behaviour:
        return self._shop.behaviour

    @property
    def dialect(self) -> Dialect:
        """The dialect in force, drifts applied."""
        return drifted(self.behaviour.dialect, self.behaviour.drifts)

    @property
    def books(self) -> Books:
        """The books as of now."""
        self._shop.settle(self._clock())
        return self._books

    def webhooks(self) -> list[tuple[str, dict[str, Any]]]:
        """The messages that came since the last look: where they are to be posted, and the bodies."""
        self._shop.settle(self._clock())
        came, self._shop.came = self._shop.came, []
        url = self.behaviour.webhook
        return [(url, webhook(self.dialect, *one)) for one in came] if url else []

    def become(self, behaviour: Behaviour) -> None:
        """Behave differently from now on."""
        self._shop.become(behaviour, self._clock())

    def serve(self, call: Incoming) -> Served:
        """Answer one request and write it down."""
        now = self._clock()
        self._shop.settle(now)
        call = self._with_key(call, now)
        behaviour = self.behaviour
        delay = behaviour.latencies.get(call.action, behaviour.latency).draw(self._chance)
        fault = drawn(behaviour, call.action, self._chance)
        carried_out = fault is None or self._chance.random() < behaviour.carried_out
        sold = len(self._shop.leases)
        answer = self._answer(call, now) if carried_out else None
        if fault is not None:
            self._books.lost += len(self._shop.leases) - sold
            answer = self._faulty(call, fault)
        assert answer is not None or fault is not None, "only a fault leaves a call without an answer"
        self._books.enter(call, now, fault.value if fault else answer.word if answer else "")
        return Served(answer, fault, delay)

    def _answer(self, call: Incoming, now: float) -> Answer:
        dialect = self.dialect
        action = lookup(call.action)
        effect = action.effect if action else Effect.UNKNOWN
        try:
            self._admit(call, dialect, effect, now)
            answer = _handler(call, dialect)(Visit(call, self._shop, dialect, now, self._sandbox(call)))
        except _Limited as limited:
            refused = _worded(call, dialect, limited)
            answer = replace(refused, headers=(("Retry-After", str(ceil(limited.seconds))),))
        except Refused as refusal:
            answer = _worded(call, dialect, refusal)
        return self._finished(answer, dialect)

    def _admit(self, call: Incoming, dialect: Dialect, effect: Effect, now: float) -> None:
        """Limits and keys.

        Raises:
            Refused: the call goes no further.
        """
        limit = self.behaviour.rate_limit
        if limit and (seconds := self._limiter.refused_for(limit, call.payer, call.source, now)):
            raise _Limited(seconds)
        if not _is_keyless(call, dialect):
            if not call.key:
                raise Refused("NO_KEY")
            if self.behaviour.keys_refused or (self._keys and call.key not in self._keys):
                raise Refused("BAD_KEY")
        always = dialect.always
        if reason := always.get("call") or (effect is Effect.PURCHASE and always.get("purchase")):
            raise Refused(reason, tail=self._tails().get(reason, ""))

    def _tails(self) -> dict[str, str]:
        """What follows the words that drifts answer always."""
        return {"BANNED": "'2030-1-1 00-00-00'", "WRONG_MAX_PRICE": written(self.behaviour.price * 2)}

    def _sandbox(self, call: Incoming) -> bool:
        name = self.behaviour.sandbox_header.lower()
        return bool(name) and call.headers.get(name, "").lower() not in _NOT_SANDBOX

    def _with_key(self, call: Incoming, now: float) -> Incoming:
        """The call with the key that its token stands for, where keys are exchanged for tokens."""
        if not isinstance(call, NativeCall) or not call.api.tokens or call.action == LOGIN:
            return call
        return replace(call, key=known_key(self._shop, call, now))

    def _faulty(self, call: Incoming, fault: Fault) -> Answer | None:
        if fault is Fault.CALL_ERROR:
            return self._finished(_worded(call, self.dialect, Refused("ERROR_SQL")), self.dialect)
        if fault is Fault.EMPTY:
            return Answer("", fault.value)
        return Answer(PAGE, fault.value, 502) if fault is Fault.HTML else None

    def _finished(self, answer: Answer, dialect: Dialect) -> Answer:
        """The answer with the cost header, the dialect's content type and the drifts' edits."""
        header = self.behaviour.cost_header
        if header and answer.money:
            answer = replace(answer, headers=(*answer.headers, (header, answer.money)))
        if dialect.json_html and answer.content_type == JSON:
            answer = replace(answer, content_type=HTML)
        for edit in dialect.edits:
            answer = edit(answer)
        return answer


def _handler(call: Incoming, dialect: Dialect) -> Handler:
    if isinstance(call, NativeCall):
        return call.route.handler
    if call.action not in dialect.actions:
        raise Refused("BAD_ACTION")
    return HANDLERS[call.action]


def _worded(call: Incoming, dialect: Dialect, refused: Refused) -> Answer:
    if isinstance(call, NativeCall):
        return call.api.worded(refused, call)
    return worded(dialect, refused, rent="Rent" in call.action)


def _is_keyless(call: Incoming, dialect: Dialect) -> bool:
    return call.route.keyless if isinstance(call, NativeCall) else call.action in dialect.keyless


class _Limited(Refused):
    def __init__(self, seconds: float) -> None:
        super().__init__("RATE_LIMITED")
        self.seconds = seconds
