"""A purchase: sent once, spilled over when nothing was sent, and durable before its number is shown."""

import logging
from collections.abc import Callable, Mapping
from decimal import Decimal

from canary.core.leases import append_call
from canary.core.model import Call, Failure, Issued, Lease, Outcome, Purchase, Request, Response
from canary.core.protocol.read import price_from_headers
from canary.core.protocol.rewrite import fingerprint
from canary.core.protocol.splice import replace_ids
from canary.core.route import Plan
from canary.core.stats.bins import bin_of
from canary.gateway.answers import Answers
from canary.gateway.asking import Arms, Asked
from canary.gateway.bindings import Bindings
from canary.gateway.ledger import Ledger
from canary.gateway.upstream import NOTHING_SENT
from canary.store.errors import StoreError

log = logging.getLogger(__name__)

UNREADABLE = frozenset({"EMPTY", "HTML"})
"""Replies that say neither that a number was bought nor that none was."""


class Purchases:
    """Makes purchases for clients.

    Args:
        new_id: makes a unique id for a purchase.
    """

    def __init__(
        self, arms: Arms, bindings: Bindings, ledger: Ledger, answers: Answers, new_id: Callable[[], str]
    ) -> None:
        self._arms = arms
        self._bindings = bindings
        self._ledger = ledger
        self._answers = answers
        self._new_id = new_id

    async def make(self, request: Request, call: Call, plan: Plan, parents: Mapping[str, Lease]) -> Response:
        """Carry out one purchase as planned.

        Args:
            parents: the known leases that the purchase builds on (an extra activation, a prolonged rent).
        """
        asked = await self._arms.ask(plan.arm, request, call, plan.ids)
        self._ledger.later(asked.exchange, parents)
        failure = asked.exchange.failure
        spill = plan.spill if failure in NOTHING_SENT else None
        if spill is not None:
            self._ledger.count("spillovers")
            asked = await self._arms.ask(spill, request, call, plan.ids)
            self._ledger.later(asked.exchange, {})
        purchase = self._row(request, call, plan, asked, failure)
        if asked.exchange.reply.issued:
            return await self._issue(request, call, asked, purchase)
        if may_have_bought(asked):
            self._ledger.count("lost_purchases")
            log.warning("a purchase on %s may have been made, its answer was lost", asked.arm)
        self._ledger.purchase(purchase)
        return self._answers.of(asked)

    async def _issue(self, request: Request, call: Call, asked: Asked, purchase: Purchase) -> Response:
        leases = [self._lease(request, call, asked, purchase, one) for one in asked.exchange.reply.issued]
        try:
            bound = await self._bindings.bind(purchase, leases)
        except StoreError as error:
            return self._unbound(asked, error)
        self._ledger.issued(purchase)
        changed = {lease.id: lease.visible_id for lease in bound if lease.visible_id != lease.id}
        if not changed:
            return self._answers.of(asked)
        self._ledger.count("aliases")
        return self._answers.edited(asked, replace_ids(call, asked.content, changed))

    def _unbound(self, asked: Asked, error: StoreError) -> Response:
        # A number that is not on disk is not shown: after a restart its calls would go astray.
        log.error("a number bought on %s could not be bound and is not shown: %s", asked.arm, error)
        self._ledger.count("unbound_purchases")
        return self._answers.failed("store", asked.arm)

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
            failure=failure,
            service=call.params.get("service", ""),
            country=call.params.get("country", ""),
            client=request.client,
        )

    def _lease(self, request: Request, call: Call, asked: Asked, purchase: Purchase, issued: Issued) -> Lease:
        side = self._arms[asked.arm]
        service = issued.service or purchase.service
        price, source = _price(asked, issued, side.price_headers)
        return Lease(
            arm=asked.arm,
            kind=call.kind,
            id=issued.id,
            visible_id=issued.id,
            opened_at=purchase.at,
            purchase=purchase.id,
            service=service,
            country=purchase.country,
            client=request.client,
            key=fingerprint(call.key or ""),
            price=price,
            price_source=source,
            expires_at=purchase.at + side.lifetime_of(service),
            seen_at=purchase.at,
            calls=append_call(b"", 0.0, bin_of(purchase.latency), fault=False),
        )


def _price(asked: Asked, issued: Issued, names: tuple[str, ...]) -> tuple[Decimal | None, str]:
    price = price_from_headers(asked.response.headers, names) if asked.response else None
    if price is not None:
        return price, "header"
    return issued.price, "reply" if issued.price is not None else ""


def may_have_bought(asked: Asked) -> bool:
    """Whether money may have been spent although no number was seen: such a purchase is never sent again."""
    exchange = asked.exchange
    if exchange.failure is not None:
        return exchange.failure not in NOTHING_SENT
    unreadable = exchange.reply.outcome is Outcome.UNKNOWN or exchange.reply.code in UNREADABLE
    return unreadable or exchange.status >= 500
