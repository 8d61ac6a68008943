"""Calls that both arms answer: merged lists, summed balances, ids of two arms in one call, lost leases found."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from canary.core.actions import lookup
from canary.core.model import Arm, Call, Lease, Request, Response
from canary.core.protocol.splice import ids_in, merge, replace_ids, sum_balance, without
from canary.core.route import Combine, Plan
from canary.gateway.answers import Answers
from canary.gateway.asking import Arms, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.leasing import met
from canary.gateway.ledger import Ledger
from canary.store.errors import StoreError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    request: Request
    call: Call
    first: Arm
    second: Arm
    leases: Mapping[str, Lease]


class Combiner:
    """Answers a call with two arms' replies, as its plan says.

    Args:
        hidden: those of an arm's ids that no client is to see.
    """

    def __init__(
        self,
        arms: Arms,
        bindings: Bindings,
        ledger: Ledger,
        answers: Answers,
        hidden: Callable[[Arm, Collection[str]], Awaitable[Collection[str]]],
    ) -> None:
        self._arms = arms
        self._bindings = bindings
        self._ledger = ledger
        self._answers = answers
        self._hidden = hidden
        self._ways: dict[Combine, Callable[[_Job], Awaitable[Response]]] = {
            Combine.DISCOVER: self._discover,
            Combine.MERGE: self._merge,
            Combine.SUM: self._sum,
            Combine.PARTS: self._parts,
        }

    async def answer(self, request: Request, call: Call, plan: Plan, leases: Mapping[str, Lease]) -> Response:
        """Carry out a plan that has a second arm."""
        assert plan.combine is not None, "the plan combines"
        assert plan.second is not None, "a plan that combines has a second arm"
        return await self._ways[plan.combine](_Job(request, call, plan.arm, plan.second, leases))

    async def alone(self, call: Call, asked: Asked) -> Response:
        """One arm's answer with the ids that the client knows."""
        return self._answers.edited(asked, await self._visible(call, asked))

    async def _discover(self, job: _Job) -> Response:
        """A lease nobody knows: the safe arm first, the other when it knows nothing; the answer binds it."""
        first = await self._ask(job, job.first)
        if not first.exchange.reply.unknown_lease:
            await self._adopt(job, first)
            return self._answers.of(first)
        second = await self._ask(job, job.second)
        if not second.well:
            return self._answers.of(first)
        await self._adopt(job, second)
        return self._answers.of(second)

    async def _adopt(self, job: _Job, asked: Asked) -> None:
        if asked.exchange.reply.progress is None or len(job.call.ids) != 1:
            return
        lease = met(job.request, job.call, asked, self._arms[asked.arm])
        try:
            await self._bindings.adopt(lease)
        except StoreError as error:
            log.warning("a lease seen on %s could not be bound: %s", asked.arm, error)
            return
        self._ledger.count("adopted_leases")

    async def _merge(self, job: _Job) -> Response:
        first, second = await self._both(job)
        return await self._joined(job, first, second)

    async def _parts(self, job: _Job) -> Response:
        first, second = await self._both(job, self._own(job, job.first), self._own(job, job.second))
        return await self._joined(job, first, second)

    async def _joined(self, job: _Job, first: Asked, second: Asked) -> Response:
        if not (first.well and second.well):
            there, missing = (first, second) if first.well or not second.well else (second, first)
            return self._answers.partly(await self.alone(job.call, there), missing)
        mine, others = await self._visible(job.call, first), await self._visible(job.call, second)
        joined = merge(job.call, mine, others)
        if joined is None:
            return self._answers.partly(self._answers.edited(first, mine), second)
        # when the first has nothing the answer is the second's, with its content type
        return self._answers.edited(first if joined == mine or joined != others else second, joined)

    async def _sum(self, job: _Job) -> Response:
        first, second = await self._both(job)
        total = sum_balance(first.content, second.content) if first.well and second.well else None
        if total is None:
            return self._answers.partly(self._answers.of(first), second if first.well else first)
        return self._answers.edited(first, total)

    async def _both(
        self, job: _Job, first: Mapping[str, str] | None = None, second: Mapping[str, str] | None = None
    ) -> tuple[Asked, Asked]:
        return await asyncio.gather(self._ask(job, job.first, first), self._ask(job, job.second, second))

    async def _ask(self, job: _Job, arm: Arm, params: Mapping[str, str] | None = None) -> Asked:
        asked = await self._arms.ask(arm, job.request, job.call, params=params)
        self._ledger.later(asked.exchange, job.leases)
        return asked

    def _own(self, job: _Job, arm: Arm) -> dict[str, str]:
        """The call's id parameter with only the arm's own leases in it; a lease nobody knows goes first."""
        action = lookup(job.call.action)
        assert action is not None, "only catalogued actions name leases"
        known = {visible: lease for visible, lease in job.leases.items() if lease.arm is arm}
        strangers = [v for v in job.call.ids if v not in job.leases] if arm is job.first else []
        name = next(name for name in action.ids if name in job.call.params)
        return {name: ",".join([*(lease.id for lease in known.values()), *strangers])}

    async def _visible(self, call: Call, asked: Asked) -> bytes:
        """The decoded body with the ids that the client knows, and without leases that are none of the client's."""
        own = ids_in(call, asked.content)
        hidden = await self._hidden(asked.arm, own) if own else ()
        content = without(asked.content, hidden) if hidden else asked.content
        aliases = await self._bindings.visible_ids(asked.arm, call.kind, own)
        return replace_ids(call, content, aliases) if aliases else content
