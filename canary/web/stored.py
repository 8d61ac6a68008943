"""The metrics of the whole rollout, read from the store."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from canary.core.accounts import Books
from canary.core.model import Arm, LeaseState
from canary.store.accounts import Lag
from canary.web.family import Family, Samples, one


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of the whole rollout, all replicas together."""

    heartbeat_age: float | None
    leases: Mapping[Arm, Counter[LeaseState]]
    books: Mapping[Arm, Books]
    lags: Mapping[Arm, Lag]
    verdict: Mapping[str, Any]
    differences: int
    unmapped: int
    webhooks: int
    webhook_age: float


def _by_arm(read: Callable[[Books], Any]) -> Callable[[Stored], Samples]:
    return lambda stored: [
        ((arm,), None if (amount := read(books)) is None else float(amount))
        for arm, books in stored.books.items()
    ]


def _gates(field: str) -> Callable[[Stored], Samples]:
    def samples(stored: Stored) -> Samples:
        for metric, found in stored.verdict["metrics"].items():
            for arm in Arm:
                yield (metric, arm), (found.get(arm.value) or {}).get(field)

    return samples


def _evidence(needed: str) -> Callable[[Stored], Samples]:
    """The e-values of both sides, or with ``_at`` what they must reach."""

    def samples(stored: Stored) -> Samples:
        for metric, found in stored.verdict["metrics"].items():
            for side, name in (("harm", "rollback"), ("equal", "promote")):
                yield (metric, side), (found.get("evidence") or {}).get(name + needed)

    return samples


STORED: tuple[Family[Stored], ...] = (
    Family(
        "canary_controller_heartbeat_age_seconds",
        "gauge",
        (),
        "Time since the controller's last sign of life",
        one(lambda s: s.heartbeat_age),
    ),
    Family(
        "canary_verdict",
        "gauge",
        ("kind",),
        "1 for the controller's last verdict, 0 for the others",
        lambda s: [((kind,), s.verdict["kind"] == kind) for kind in ("advance", "rollback", "hold")],
    ),
    Family(
        "canary_gate",
        "gauge",
        ("metric", "verdict"),
        "1 for what the last verdict says of a gate",
        lambda s: [((name, str(found.get("verdict"))), 1) for name, found in s.verdict["metrics"].items()],
    ),
    Family(
        "canary_gate_value",
        "gauge",
        ("metric", "arm"),
        "What the last verdict measured: rates as fractions, latency in seconds, cost in the account's unit",
        _gates("value"),
    ),
    Family(
        "canary_gate_count",
        "gauge",
        ("metric", "arm"),
        "On how many observations the last verdict stands",
        _gates("n"),
    ),
    Family(
        "canary_gate_margin",
        "gauge",
        ("metric",),
        "By how much new may be worse: a difference of fractions, a factor for latency and cost, or a count",
        lambda s: [((name,), found.get("margin")) for name, found in s.verdict["metrics"].items()],
    ),
    Family(
        "canary_gate_evidence",
        "gauge",
        ("metric", "side"),
        "How strong the evidence is that new does harm, or is as good as old; 1 is none",
        _evidence(""),
    ),
    Family(
        "canary_gate_evidence_needed",
        "gauge",
        ("metric", "side"),
        "The evidence at which a gate decides",
        _evidence("_at"),
    ),
    Family(
        "canary_contract_differences",
        "gauge",
        (),
        "Differences between the arms' replies that would break clients, see canary differences",
        one(lambda s: s.differences),
    ),
    Family(
        "canary_unmapped_actions",
        "gauge",
        (),
        "Actions in use that new cannot serve",
        one(lambda s: s.unmapped),
    ),
    Family(
        "canary_webhooks_waiting",
        "gauge",
        (),
        "Webhooks that the client does not have yet",
        one(lambda s: s.webhooks),
    ),
    Family(
        "canary_webhook_age_seconds",
        "gauge",
        (),
        "How long the oldest of them has been waiting",
        one(lambda s: s.webhook_age),
    ),
    Family(
        "canary_leases",
        "gauge",
        ("arm", "state"),
        "Leases of the rollout",
        lambda s: [((arm, state), s.leases[arm][state]) for arm in Arm for state in LeaseState],
    ),
    Family(
        "canary_spent",
        "gauge",
        ("arm",),
        "Prices of all leases, in the account's unit",
        _by_arm(lambda books: books.money.spent),
    ),
    Family(
        "canary_refunded",
        "gauge",
        ("arm",),
        "Prices of refunded leases, but for refunds that the last balance lacked, in the account's unit",
        _by_arm(lambda books: books.refunded),
    ),
    Family(
        "canary_refunds_outstanding",
        "gauge",
        ("arm",),
        "Refunds that were due and that the last balance lacked, in the account's unit",
        _by_arm(lambda books: books.outstanding),
    ),
    Family(
        "canary_refunds_overdue",
        "gauge",
        ("arm",),
        "Those of them that are due longer than the provider takes, see canary ledger",
        _by_arm(lambda books: books.overdue),
    ),
    Family(
        "canary_refund_lag_seconds",
        "gauge",
        ("arm",),
        "Mean time until a balance showed that a refund had come",
        lambda s: [((arm,), lag.mean) for arm, lag in s.lags.items()],
    ),
    Family(
        "canary_balance_drift",
        "gauge",
        ("arm",),
        "The last balance less what the leases say that it should be, in the account's unit",
        _by_arm(lambda books: books.drift),
    ),
    Family(
        "canary_balance_explained",
        "gauge",
        ("arm",),
        "1 while all that a balance lacks is refunds on their way",
        _by_arm(lambda books: books.explained if books.accounts else None),
    ),
    Family(
        "canary_cost_per_success",
        "gauge",
        ("arm",),
        "Money that did not come back per lease that got a code, in the account's unit",
        _by_arm(lambda books: books.money.per_success),
    ),
)
"""Of the whole rollout; absent while the store does not answer."""
