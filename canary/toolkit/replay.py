"""Recorded traffic sent to new, at a polite pace, and what its answers show that old's recorded ones did not.

The rule is that of shadow copies: reads alone, never a purchase, a call about a lease or an unknown action.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import time

from canary.core.compare.acks import Findings
from canary.core.compare.coverage import unmapped
from canary.core.compare.judge import Exemption, differences
from canary.core.compare.market import Market
from canary.core.compare.shape import Shape
from canary.core.model import Arm, Call, Exchange, Outcome, Response
from canary.core.protocol.parse import parse
from canary.core.protocol.read import read
from canary.core.recording import Recorded, may_repeat
from canary.gateway.answers import ARM_HEADER, ERROR_HEADER
from canary.gateway.asking import Arms, Asked
from canary.gateway.coding import content_of
from canary.gateway.differences import Contract
from canary.toolkit.pools import Pace, retry_after

AT_ONCE = 8
"""Calls that wait for an answer of new together."""


@dataclass
class Sent:
    """What became of the recorded calls. ``skipped``: how many were not sent, by why."""

    calls: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Replay:
    """What a replay found."""

    sent: Sent
    findings: Findings
    market: Market


class Replayer:
    """Sends recorded calls to new.

    Args:
        unsupported: actions that new's profile declares as unsupported.
        factors: what each arm's prices are multiplied with to compare them.
        tell: is told how many calls were sent and how many were not, after each.
    """

    def __init__(
        self,
        arms: Arms,
        pace: Pace,
        unsupported: frozenset[str] = frozenset(),
        factors: Mapping[Arm, Decimal] | None = None,
        tell: Callable[[Sent], None] = lambda sent: None,
    ) -> None:
        self._arms = arms
        self._pace = pace
        self._tell = tell
        self._contract = Contract(lambda: 1, lambda: 0.0, time, unsupported, factors)
        self._sent = Sent()

    async def run(self, recorded: Iterable[Recorded], exemptions: Collection[Exemption] = ()) -> Replay:
        """Send what may be sent, and compare.

        Args:
            exemptions: differences that are declared as known.
        """
        waiting = iter(recorded)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(waiting))
        shapes: dict[str, dict[Arm, Shape]] = {}
        for key, sighting in self._contract.take_changed().items():
            shape = shapes.setdefault(key.action, {}).setdefault(key.arm, Shape(key.action))
            shape.sightings[key.trait] = sighting
        counters = self._contract.counters
        both = [arms for _, arms in sorted(shapes.items()) if len(arms) == len(Arm)]
        found = tuple(one for arms in both for one in differences(arms[Arm.OLD], arms[Arm.NEW], exemptions))
        looked_at = sum(arms[Arm.NEW].replies for arms in shapes.values() if Arm.NEW in arms)
        findings = Findings(found, tuple(unmapped(shapes, counters)), (), looked_at, len(shapes))
        return Replay(self._sent, findings, Market.of(counters))

    async def _work(self, waiting: Iterator[Recorded]) -> None:
        for one in waiting:
            call = parse(one.request)
            reason = _unfit(one, call)
            if reason:
                self._sent.skipped[reason] += 1
            if one.response is None or _by_new(one.response):
                continue
            served = _served(call, one.response, one.at)
            self._contract.served(served)
            if not reason:
                await self._send(one, call, served)
            self._tell(self._sent)

    async def _send(self, one: Recorded, call: Call, served: Asked) -> None:
        await self._pace.turn()
        self._sent.calls += 1
        copy = await self._arms.ask(Arm.NEW, one.request, call)
        if copy.response is None:
            self._sent.failed += 1
        if copy.exchange.reply.outcome is Outcome.LIMIT:
            self._pace.rest(retry_after(copy))
        await self._contract.pair(call, served, copy)


def _unfit(one: Recorded, call: Call) -> str:
    """Why a call is not sent, or an empty string."""
    if not may_repeat(call):
        return f"{call.effect.value.replace('_', ' ')}s"
    if one.response is None or one.response.header(ERROR_HEADER):
        return "without an answer of old"
    return "answered by new" if _by_new(one.response) else ""


def _by_new(response: Response) -> bool:
    return response.header(ARM_HEADER) == Arm.NEW


def _served(call: Call, response: Response, at: float) -> Asked:
    """Old's recorded answer as though it had just come."""
    content = content_of(response) or b""
    reply = read(call, response.status, response.header("content-type"), content)
    return Asked(Exchange(call, Arm.OLD, reply, at, 0.0, status=response.status), response, content)
