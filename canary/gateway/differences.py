"""What each arm's replies look like, learned off the client's path and handed to the ledger for the store."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from canary.core.actions import lookup
from canary.core.compare.coverage import DECLARED
from canary.core.compare.market import market_counts
from canary.core.compare.replies import traits_of
from canary.core.compare.shape import Shape, Sighting, TraitKey
from canary.core.compare.traits import Seen, Traits, contexts_alone, contexts_beside
from canary.core.model import Arm, Call, Effect
from canary.core.protocol.read import read
from canary.gateway.afterwards import Afterwards
from canary.gateway.asking import Asked

LARGE = 32 * 1024
"""Bytes of a pair of replies that are looked into in a thread, so that no client waits for it."""

RECENT = 4096
"""Leases' answers that are remembered, so that a poll that says the same again counts once."""

EXACT = 64
"""Sightings up to which each is written to the store; from then on every sixty-fourth."""

_LEARNED = frozenset({Effect.LEASE_READ, Effect.LEASE_WRITE, Effect.PURCHASE})
"""Effects of which each served reply is learned: they are never shadowed, so that no pair will tell."""


class Contract:
    """Shapes of both arms' replies in this process, of one attempt of the rollout at a time.

    Args:
        attempt: the rollout's attempt now; a new one begins anew.
        weight: new's share of purchases now.
        clock: wall-clock seconds.
        unsupported: actions that the profile of ``new`` declares as unsupported.
        factors: what each arm's prices are multiplied with to compare them.
    """

    def __init__(
        self,
        attempt: Callable[[], int],
        weight: Callable[[], float],
        clock: Callable[[], float],
        unsupported: frozenset[str] = frozenset(),
        factors: Mapping[Arm, Decimal] | None = None,
    ) -> None:
        self._attempt = attempt
        self._weight = weight
        self._clock = clock
        self._unsupported = unsupported
        self._factors = factors or dict.fromkeys(Arm, Decimal(1))
        self.counters: Counter[str] = Counter()
        """Added to by whoever counts in this process."""
        self._learned_in = 0
        self._shapes: dict[tuple[Arm, str], Shape] = {}
        self._changed: set[TraitKey] = set()
        self._due = 0.0  # of new's replies
        self._recent = _Recent(RECENT)
        self._afterwards = Afterwards(self.served)

    def heard(self, asked: Asked) -> None:
        """Take in the answer to a client's call, once the client has it."""
        self._afterwards.put(asked)

    def served(self, asked: Asked) -> None:
        """Take in the answer to a client's call."""
        self._keep_up()
        call = asked.exchange.call
        if call.action in self._unsupported:
            self._count(f"{DECLARED}{call.action}")
        if asked.response is None or not _is_learned(call):
            return
        if call.ids and not self._says_something_new(asked):
            return
        found = traits_of(call, seen(asked), contexts_alone(call, first=self._is_first(asked.arm, call)))
        again = call.ids and not self._recent.adds(hash((asked.arm, call.action, call.ids, frozenset(found))))
        if not again and self._is_even(asked.arm):
            self._learn(asked.arm, call, found)

    def _is_even(self, arm: Arm) -> bool:
        """Whether to learn from a reply, so that new, where it has most of the traffic, gives no more of them than old.

        What comes up while new serves nearly all, a client's new habit for one, would else be held against it.
        """
        weight = self._weight()
        if arm is Arm.OLD or weight <= 1 / 2:
            return True
        self._due += (1 - weight) / weight
        if self._due < 1:
            return False
        self._due -= 1
        return True

    def _says_something_new(self, asked: Asked) -> bool:
        """Whether this is no mere repetition of what was last heard of the lease."""
        call, response = asked.exchange.call, asked.response
        status = call.params.get("status")
        said = (asked.arm, call.action, call.ids, status, response and response.status, asked.content)
        return self._recent.adds(hash(said))

    def _is_first(self, arm: Arm, call: Call) -> bool:
        """Whether nothing was seen of a lease before but that its number was used (status 1)."""
        if not call.ids or call.params.get("status") == "1":
            return False
        return self._recent.adds(hash((arm, call.kind, call.ids)))

    async def pair(self, call: Call, served: Asked, copy: Asked) -> None:
        """Take in a served answer and its shadow copy, from either arm; without both there is nothing to learn."""
        if served.response is None or copy.response is None:
            return
        pair = (call, served, copy, self._factors)
        large = len(served.content) + len(copy.content) > LARGE
        of_served, of_copy, counts = await asyncio.to_thread(_compared, *pair) if large else _compared(*pair)
        self._keep_up()
        self._learn(served.arm, call, of_served)
        self._learn(copy.arm, call, of_copy)
        self.counters.update(counts)

    def take_changed(self) -> dict[TraitKey, Sighting]:
        """The sightings that changed since the last call, as totals of this process."""
        self._afterwards.catch_up()
        changed, self._changed = self._changed, set()
        return {key: replace(self._shapes[key.arm, key.action].sightings[key.trait]) for key in changed}

    def give_back(self, keys: Mapping[TraitKey, Sighting]) -> None:
        """Sightings that could not be written: they are taken again next time."""
        self._changed.update(key for key in keys if key.attempt == self._learned_in)

    def _count(self, counter: str, n: int = 1) -> None:
        self.counters[counter] += n

    def _keep_up(self) -> None:
        """Begin anew when the rollout has."""
        attempt = self._attempt()
        if attempt != self._learned_in:
            self._learned_in = attempt
            self._shapes.clear()
            self._changed.clear()
            self._recent = _Recent(RECENT)

    def _learn(self, arm: Arm, call: Call, found: Traits) -> None:
        shape = self._shapes.setdefault((arm, call.label), Shape(call.label))
        changed, dropped = shape.see(found, self._clock())
        if dropped:
            self._count("traits_dropped", dropped)
        for trait in changed:
            n = shape.sightings[trait].n
            if n <= EXACT or n % EXACT == 0:
                self._changed.add(TraitKey(self._learned_in, arm, call.label, trait))


class _Recent:
    """Remembers the last so many numbers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[int] = deque()
        self._known: set[int] = set()

    def adds(self, number: int) -> bool:
        """Remember a number; ``False`` when it is known."""
        if number in self._known:
            return False
        self._known.add(number)
        self._order.append(number)
        if len(self._order) > self._size:
            self._known.remove(self._order.popleft())
        return True


def seen(asked: Asked) -> Seen:
    """What a comparison needs of an answer, as a client sees it."""
    status = asked.exchange.status
    content_type = asked.response.header("content-type") if asked.response else ""
    if asked.shown is None:
        return Seen(asked.exchange.reply, status, content_type, asked.content)
    return Seen(
        read(asked.exchange.call, status, content_type, asked.shown), status, content_type, asked.shown
    )


def _compared(
    call: Call, served: Asked, copy: Asked, factors: Mapping[Arm, Decimal]
) -> tuple[Traits, Traits, Counter[str]]:
    """The traits of both answers, and what the counters of the market gain."""
    ours, theirs = seen(served), seen(copy)
    contexts = contexts_beside(ours.reply.outcome)
    traits = traits_of(call, ours, contexts), traits_of(call, theirs, contexts)
    if served.arm is copy.arm:
        return *traits, Counter()
    sides = {served.arm: ours, copy.arm: theirs}
    return *traits, market_counts(call, sides[Arm.OLD], sides[Arm.NEW], factors)


def _is_learned(call: Call) -> bool:
    if call.effect in _LEARNED:
        return True
    action = lookup(call.action)
    return action is not None and action.merge  # both arms are asked anyway
