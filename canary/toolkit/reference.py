"""What clients of a provider are used to: its documented dialect, by simulation, in every state of an account.

The legacy provider is closed and cannot be asked any more. What is known of it is what the simulator speaks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlencode

from canary.core.actions import lookup
from canary.core.compare.shape import Shape
from canary.core.compare.traits import UNKNOWN_ACTION, Seen, contexts_alone
from canary.core.model import Call, Effect
from canary.core.protocol.read import read
from canary.sim.behaviour import Behaviour
from canary.sim.desk import Desk
from canary.sim.incoming import received
from canary.sim.knobs import changed
from canary.sim.profiles import PROFILES

_PATH = "/stubs/handler_api.php"
_KEY = "reference"
_OFFERS = ({"service": "tg", "country": "6"}, {"service": "telegram", "country": "6"})
"""What can be bought: services go by a code, or by the name of the product."""

_BOUGHT: tuple[tuple[str, ...], ...] = ((), ("code",), ("code", "3"), ("code", "6"), ("8",), ("expired",))
"""What had happened to a lease before it is asked for: a code came, a setStatus, its lifetime passed."""

_ACCOUNTS: tuple[Mapping[str, object], ...] = ({}, {"stock_out": 1}, {"deposit": "0"}, {"price": "1.25"})
"""Knobs of accounts that are asked."""


class _World:
    """One simulated account, with a clock that moves when told to."""

    def __init__(self, behaviour: Behaviour, knobs: Mapping[str, object]) -> None:
        self._now = 1_750_000_000.0
        usual = {"success": 1, "code_delay": "10s", "minimum_hold": 0, "rate_limit": None}
        self._lifetime = behaviour.lifetime
        settings = changed(behaviour, {**usual, **knobs})
        self._desk = Desk(settings, lambda: self._now, "reference", frozenset({_KEY}))

    def say(self, action: str, params: Mapping[str, str], key: str = _KEY) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer to one call."""
        query = urlencode({"api_key": key, "action": action, **params})
        answer = self._desk.serve(received("GET", f"{_PATH}?{query}", {}, b"", "192.0.2.1")).answer
        assert answer is not None, "a reference has no faults"
        return answer.status, answer.content_type, answer.text.encode()

    def buy(self) -> str:
        """The id of a number."""
        for offer in _OFFERS:
            self.say("getNumber", offer)
        return self._desk.books.leases[-1].id

    def live(self, lease: str, happened: Iterable[str]) -> None:
        """Let these things happen to a lease."""
        for one in happened:
            if one == "code":
                self._now += 11
            elif one == "expired":
                self._now += self._lifetime + 1
            else:
                self.say("setStatus", {"id": lease, "status": one})


def contexts_of(call: Call, *, first: bool = False) -> tuple[str, ...]:
    """The contexts of a word where little is asked: a refused status says nothing of the others."""
    contexts = contexts_alone(call, first=first)
    return contexts[1:] if call.effect is Effect.LEASE_WRITE and len(contexts) > 1 else contexts


class Reference:
    """A provider as documented.

    Args:
        provider: its profile's name; one that the simulator does not speak is taken for a generic one.
    """

    def __init__(self, provider: str) -> None:
        self.title = provider if provider in PROFILES else "generic"
        self._behaviour = PROFILES[self.title]

    def shape(self, call: Call, *, sold: bool = True) -> Shape | None:
        """All that it is known to answer to calls like this one; ``None`` when it does not know the action.

        Args:
            sold: whether the lease that it names was ever sold.
        """
        shape = Shape(call.label)
        way = _WAYS.get(call.effect, _as_reader) if sold else _of_nobody
        for n, (status, media, body) in enumerate(way(self._behaviour, call)):
            seen = Seen(read(call, status, media, body), status, media, body)
            if n == 0 and seen.reply.code in UNKNOWN_ACTION:
                return None
            shape = shape.merge(Shape.of(call, seen, contexts=contexts_of(call, first=n == 0)))
        return shape


type _Answers = Iterator[tuple[int, str, bytes]]
"""Status, content type and body; the first is of a lease that nothing was asked of yet."""


def _as_reader(behaviour: Behaviour, call: Call) -> _Answers:
    """By accounts with and without leases."""
    for knobs in _ACCOUNTS:
        world = _World(behaviour, knobs)
        yield world.say(call.action, call.params)
        if "stock_out" in knobs or "deposit" in knobs:
            continue
        for happened in _BOUGHT:
            world.live(world.buy(), happened)
            yield world.say(call.action, call.params)
    yield _World(behaviour, {}).say(call.action, call.params, key="wrong")


def _as_buyer(behaviour: Behaviour, call: Call) -> _Answers:
    """With and without stock and money."""
    for knobs in _ACCOUNTS:
        yield _World(behaviour, knobs).say(call.action, call.params)
    yield _World(behaviour, {}).say(call.action, call.params, key="wrong")


def _of_lease(behaviour: Behaviour, call: Call) -> _Answers:
    """Of a lease in each state, and of a young one that may not be cancelled yet."""
    action = lookup(call.action)
    assert action is not None, "only catalogued actions name leases"
    name = next((name for name in action.ids if name in call.params), action.ids[0])
    for hold in ("0s", "120s"):
        for happened in _BOUGHT:
            world = _World(behaviour, {"minimum_hold": hold})
            lease = world.buy()
            world.live(lease, happened)
            for _ in range(2):  # a repeat is refused in its own words
                yield world.say(call.action, {**call.params, name: lease})


def _of_nobody(behaviour: Behaviour, call: Call) -> _Answers:
    """Of a lease that was never sold."""
    yield _World(behaviour, {}).say(call.action, call.params)


_WAYS: Mapping[Effect, Callable[[Behaviour, Call], _Answers]] = {
    Effect.PURCHASE: _as_buyer,
    Effect.LEASE_READ: _of_lease,
    Effect.LEASE_WRITE: _of_lease,
}
