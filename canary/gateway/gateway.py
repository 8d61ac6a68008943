"""One call from Request to Response: plan it, carry it out, answer, tell the ledger."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from canary.core.model import Arm, Call, Effect, Lease, Purchase, Request, Response
from canary.core.protocol.parse import is_handler_path, parse
from canary.core.protocol.rewrite import fingerprint
from canary.core.route import Plan, Rules, plan
from canary.gateway.answers import Answers, own_to_visible
from canary.gateway.asking import Arms
from canary.gateway.bindings import Bindings
from canary.gateway.combining import Combiner
from canary.gateway.ledger import Ledger
from canary.gateway.purchases import Purchases, order_of
from canary.gateway.rollouts import RolloutView
from canary.gateway.shadow import ShadowQueue
from canary.gateway.shadow_leases import ShadowLeases
from canary.store.errors import StoreError

log = logging.getLogger(__name__)

METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What can be sent as a method (RFC 9110 section 9.1); anything else is refused, not passed on."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a call: its leases, whether new ones can be drawn, and where its order went before."""

    leases: Mapping[str, Lease]
    fresh: bool
    ordered: Arm | None = None


class Gateway:
    """The path of one call. It knows nothing of the ingress that hands it requests.

    Args:
        unit: what is assigned to an arm: ``lease``, ``client`` (source address) or ``key``.
        new_id: makes a unique id.
        lost: is told of purchases that may have been made, each with the client's key.
        shadow_leases: repeats purchases on new, where the policy asks for it.
    """

    def __init__(
        self,
        arms: Arms,
        bindings: Bindings,
        view: RolloutView,
        ledger: Ledger,
        shadow: ShadowQueue,
        *,
        rules: Rules,
        answers: Answers,
        unit: str,
        new_id: Callable[[], str],
        lost: Callable[[Purchase, str | None], None],
        shadow_leases: ShadowLeases,
    ) -> None:
        self._arms = arms
        self._bindings = bindings
        self._view = view
        self._ledger = ledger
        self._shadow = shadow
        self._rules = rules
        self._answers = answers
        self._unit = unit
        self._new_id = new_id
        self._shadow_leases = shadow_leases
        self._purchases = Purchases(arms, bindings, ledger, answers, new_id, lost, shadow_leases.bought)
        self._combiner = Combiner(arms, bindings, ledger, answers, shadow_leases.among)
        self.in_flight = 0

    async def handle(self, request: Request) -> Response:
        """Answer one request. Never raises: a defect of ours is answered like a failing upstream."""
        self.in_flight += 1
        try:
            return await self._handle(request)
        except Exception:
            log.exception("a call could not be handled")
            self._ledger.count("internal_errors")
            return self._answers.failed("internal")
        finally:
            self.in_flight -= 1

    async def _handle(self, request: Request) -> Response:
        if not METHOD.fullmatch(request.method):
            self._ledger.count("malformed_calls")
            return self._answers.failed("malformed")
        if not is_handler_path(request.path):
            return await self._pass_on(request)
        call = parse(request)
        if call.effect is Effect.UNKNOWN:
            self._ledger.count("malformed_calls" if call.malformed else "unknown_actions")
        known = await self._known(call)
        if known is None:
            return self._answers.failed("store")
        leases = known.leases
        chosen = self._plan(request, call, known)
        if call.effect is Effect.PURCHASE:
            return await self._purchases.make(request, call, chosen, leases)
        if chosen.combine is not None:
            return await self._combiner.answer(request, call, chosen, leases)
        asked = await self._arms.ask(chosen.arm, request, call, chosen.ids)
        self._ledger.later(asked.exchange, leases)
        self._shadow_leases.followed(request, call, [*leases.values()])
        if chosen.shadow is not None:  # also when there was no answer: it is a failure of old in a fair pair
            self._shadow.offer(chosen.shadow, request, call, asked)
        if (
            self._arms[asked.arm].native is not None and not call.ids
        ):  # its ids are shown by others throughout
            return await self._combiner.alone(call, asked)
        return self._answers.renamed(call, asked, own_to_visible(chosen))

    async def _known(self, call: Call) -> _Known | None:
        """What is known of a call; ``None`` when only the lost store knows: a wrong arm is worse than no answer."""
        try:
            leases = await self._bindings.find(call)
            order = order_of(call)
            ordered = await self._bindings.arm_of_unit(_order_unit(order)) if order else None
        except StoreError as error:
            log.warning("a lease could not be looked up; what is in memory counts: %s", error)
            remembered = self._bindings.remembered(call)
            if self._bindings.shared and len(remembered) < len({*call.ids}):
                return None
            return _Known(remembered, fresh=False)
        return _Known(leases, self._view.fresh, ordered)

    def _plan(self, request: Request, call: Call, known: _Known) -> Plan:
        rollout = self._view.rollout
        return plan(
            call,
            known.leases,
            rollout,
            self._rules,
            unit=self._unit_of(request, call),
            fresh=known.fresh,
            shadow=self._shadow.wants(call, rollout),
            used=self._bindings.used,
            ordered=known.ordered,
        )

    def _unit_of(self, request: Request, call: Call) -> str:
        if call.effect is not Effect.PURCHASE:
            return ""
        if order := order_of(call):
            return _order_unit(order)
        if self._unit == "client":
            return f"client:{request.client}"
        if self._unit == "key":
            return f"key:{fingerprint(call.key or '')}"
        return self._new_id()

    async def _pass_on(self, request: Request) -> Response:
        """A request for another path of the same host: the safe arm's business."""
        self._ledger.count("other_paths")
        arm = self._view.rollout.safe_arm
        return self._answers.passed_on(await self._arms.pass_on(arm, request), arm)


def _order_unit(order: str) -> str:
    """An order is drawn as a whole: a repeat must reach the arm that knows it, or a second number is bought."""
    return f"order:{order}"
