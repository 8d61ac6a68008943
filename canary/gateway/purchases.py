"""A purchase: sent once, spilled over when nothing was sent, and durable before its number is shown."""

import logging
from collections.abc import Callable, Mapping, Sequence

from canary.core.leases import may_have_bought
from canary.core.model import NOTHING_SENT, Call, Effect, Failure, Lease, Purchase, Request, Response
from canary.core.route import Plan
from canary.gateway.answers import Answers, own_to_visible
from canary.gateway.asking import Arms, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.leasing import bought, label, living_on
from canary.gateway.ledger import Ledger
from canary.store.errors import StoreError

log = logging.getLogger(__name__)


class Purchases:
    """Makes purchases for clients.

    Args:
        new_id: makes a unique id for a purchase.
        lost: is told of purchases that may have been made, each with the client's key.
        shown: is told of numbers that a client is about to be shown.
    """

    def __init__(
        self,
        arms: Arms,
        bindings: Bindings,
        ledger: Ledger,
        answers: Answers,
        new_id: Callable[[], str],
        lost: Callable[[Purchase, str | None], None],
        shown: Callable[[Request, Call, Sequence[Lease]], None],
    ) -> None:
        self._arms = arms
        self._bindings = bindings
        self._ledger = ledger
        self._answers = answers
        self._new_id = new_id
        self._lost = lost
        self._shown = shown

    async def make(self, request: Request, call: Call, plan: Plan, parents: Mapping[str, Lease]) -> Response:
        """Carry out one purchase as planned.

        Args:
            parents: the known leases that the purchase builds on (an extra activation, a prolonged rent).
        """
        if self._ledger.store_lost:  # its number could not be shown, so it would be paid for nothing
            self._ledger.count("refused_purchases")
            return self._answers.failed("store")
        asked = await self._arms.ask(plan.arm, request, call, plan.ids)
        self._ledger.later(asked.exchange, parents)
        failure = asked.exchange.failure
        # an order is not spilled: its repeat would buy a second number as soon as the first arm is back
        spill = plan.spill if failure in NOTHING_SENT and not order_of(call) else None
        if spill is not None:
            self._ledger.count("spillovers")
            asked = await self._arms.ask(spill, request, call, plan.ids)
            self._ledger.later(asked.exchange, {})
        purchase = self._row(request, call, plan, asked, failure)
        if asked.exchange.reply.issued:
            return await self._issue(request, call, plan, asked, purchase, parents)
        if purchase.lost:
            self._ledger.count("lost_purchases")
            log.warning("a purchase on %s may have been made, its answer was lost", asked.arm)
            self._lost(purchase, call.key)
        self._ledger.purchase(purchase)
        return self._answers.of(asked)

    async def _issue(
        self,
        request: Request,
        call: Call,
        plan: Plan,
        asked: Asked,
        purchase: Purchase,
        parents: Mapping[str, Lease],
    ) -> Response:
        leases = bought(request, call, asked, purchase, self._arms[asked.arm])
        try:
            again = bool(order_of(call))
            known = await self._known(leases) if again else [*map(self._bindings.current, parents.values())]
            bound = await self._bindings.bind(
                purchase, [living_on(lease, known, again=again) for lease in leases]
            )
        except StoreError as error:
            # one that is not on disk: after a restart its calls would go astray
            self._lost(purchase, call.key)
            return self._hidden(asked, "store", f"could not be bound: {error}")
        self._ledger.issued(purchase)
        aliases = {lease.id: lease.visible_id for lease in bound if lease.visible_id != lease.id}
        answer = self._answers.renamed(call, asked, own_to_visible(plan) | aliases)
        if aliases:
            self._ledger.count("aliases")
            if answer.body == asked.content:  # under its own id its calls would go to the other arm's lease
                return self._hidden(asked, "alias", "could not be given an id of its own")
        self._shown(request, call, bound)
        return answer

    async def _known(self, leases: Sequence[Lease]) -> list[Lease]:
        """Those that are known already."""
        found = [await self._bindings.of_arm(one.arm, one.kind, one.id) for one in leases]
        return [lease for lease in found if lease is not None]

    def _hidden(self, asked: Asked, why: str, reason: str) -> Response:
        """The answer for a number that was bought and that the client must not see."""
        log.error("a number bought on %s is not shown: it %s", asked.arm, reason)
        self._ledger.count("unbound_purchases")
        return self._answers.failed(why, asked.arm)

    def _row(
        self, request: Request, call: Call, plan: Plan, asked: Asked, failure: Failure | None
    ) -> Purchase:
        exchange = asked.exchange
        return Purchase(
            id=self._new_id(),
            at=exchange.at,
            arm=asked.arm,
            action=call.action,
            outcome=exchange.reply.outcome,
            code=exchange.reply.code,
            latency=exchange.latency,
            assignment=plan.assignment,
            spilled=asked.arm is not plan.arm,
            lost=may_have_bought(exchange),
            failure=failure,
            service=label(call.params.get("service", "")),
            country=label(call.params.get("country", "")),
            client=request.client,
        )


def order_of(call: Call) -> str:
    """The client's own id of a purchase; the provider promises not to process it twice."""
    return call.params.get("orderId", "") if call.effect is Effect.PURCHASE else ""
