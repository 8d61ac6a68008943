"""What one randomised purchase scores on each metric: how many of at most 16 parts went badly.

A score is read at a fixed age, the metric's window: whatever happened later does not count, so that a late
reading gives the same score as a timely one, and leases of both arms are as old as each other.

Intention to treat: a purchase belongs to the arm it was drawn for. When ``new`` could not be reached and the
purchase spilled over to ``old``, it is a failure of ``new``; on ``old`` a purchase without an answer is one
too. A purchase that found no stock is business of the market and no bet, except for ``stock``, which is
reported and gates nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from canary.core.leases import FAULTS, MAX_CALLS, unpack_calls
from canary.core.model import Arm, Lease, Outcome, Purchase
from canary.core.money import Basis, given_back
from canary.core.policy.gates import Gate
from canary.core.stats.bins import edge

PARTS = MAX_CALLS
"""The finest part of a score: counts of (bad, of <= 16) stay few however many leases there are."""

SETTLE = 5.0
"""Seconds given to every replica's ledger to write what it saw before a score is read."""

STOCK = Gate("stock", rollback_margin=0.05, promote_margin=None, window=30.0, share=0.1, enforce=False)
"""How often there was no number to sell: compared and reported, never gating."""


class Score(NamedTuple):
    """``bad`` of ``of`` parts went badly; X = 1 - bad/of."""

    bad: int
    of: int


@dataclass(frozen=True, slots=True)
class Slow:
    """The latency threshold of each arm: calls in a bin above it are slow."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The scale of ``cost_per_success``, in the account's unit of ``old``.

    ``per_success``: k, the cost per success of ``old`` before; ``cap``: the most that one lease is taken to
    cost; ``ratio``: how much more ``new`` may cost; ``factors``: each arm's price unit in units of ``old``.
    """

    per_success: Decimal
    cap: Decimal
    ratio: Decimal
    factors: Mapping[Arm, Decimal]


type Scale = Slow | Cost | None


def judged_before(now: float, window: float, longest: float) -> float:
    """Purchases started before this moment have everything on disk that happened up to their age ``window``.

    Args:
        longest: seconds after which a purchase has its answer or has failed (the arms' timeouts).
    """
    return now - max(window, longest) - SETTLE


def score(
    metric: str, purchase: Purchase, lease: Lease | None, window: float, scale: Scale = None
) -> Score | None:
    """The score of a randomised purchase, or ``None`` when it is no bet for this metric.

    Args:
        lease: the (first) lease that the purchase issued; ``None`` for one that issued nothing.
        window: the age at which the score is read, in seconds.
        scale: of ``latency_p95`` and ``cost_per_success``.
    """
    return _SCORES[metric](purchase, lease, window, scale)


def is_known(purchase: Purchase, lease: Lease | None) -> bool:
    """Whether the outcome can be told: a successful purchase whose lease is missing was lost on the way."""
    return purchase.outcome is not Outcome.OK or lease is not None or purchase.spilled


def drawn_arm(purchase: Purchase) -> Arm:
    """The arm that the purchase was drawn for, whoever served it."""
    return purchase.assignment.arm if purchase.assignment else purchase.arm


# --- what is known of a lease at an age -------------------------------------------------------------------------


def has_code(lease: Lease, window: float) -> bool:
    """Whether the first code had come by then."""
    return lease.code_at is not None and lease.code_at - lease.opened_at <= window


def is_refunded(lease: Lease, window: float) -> bool:
    """Whether the money was asked back, or the provider had given it back by closing the lease, by then.

    A code settles it: the lease is paid for. What only the provider's rule promises does not count: nobody has
    said that it happened, and it falls due just when the window ends.
    """
    due = given_back(lease)
    if due is None or due.basis is Basis.RULE or has_code(lease, window):
        return False
    return due.at - lease.opened_at <= window


def calls_by(lease: Lease, window: float) -> list[tuple[float, int, bool]]:
    """The lease's first calls ``(age, latency bin, fault)``, its purchase first, that had their answer by then."""
    return [call for call in unpack_calls(lease.calls) if call[0] + edge(call[1]) <= window]


def latency_bins(purchase: Purchase, lease: Lease | None, window: float) -> list[int]:
    """The latency bins of the lease's calls.

    Empty without a lease, and after a spillover: the lease then lives on the arm that was not drawn.
    """
    if lease is None or purchase.spilled:
        return []
    return [index for _, index, _ in calls_by(lease, window)]


def spent(lease: Lease, window: float) -> Decimal | None:
    """What the lease cost net of refunds by then, in its arm's unit; ``None`` when its price is not known."""
    if lease.price is None:
        return None
    return Decimal(0) if is_refunded(lease, window) else lease.price


# --- the scores -------------------------------------------------------------------------------------------------


def _failed(purchase: Purchase) -> bool:
    return _unanswered(purchase) or purchase.outcome in FAULTS


def _unanswered(purchase: Purchase) -> bool:
    return purchase.spilled or purchase.failure is not None


_BAD, _GOOD = Score(1, 1), Score(0, 1)


def _acquire(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score:
    return _BAD if _failed(purchase) or purchase.latency > window else _GOOD


def _stock(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    if _failed(purchase):
        return None
    return _BAD if purchase.outcome is Outcome.BUSINESS else _GOOD


def _success(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    if _failed(purchase):
        return _BAD
    if lease is None:
        return None
    return _GOOD if has_code(lease, window) else _BAD


def _calls(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    if _unanswered(purchase):
        return _BAD  # on either arm: ``new`` is not charged for what is forgiven to ``old``
    faults = [fault for _, _, fault in calls_by(lease, window)] if lease else []
    return Score(sum(faults), len(faults)) if faults else None


def _latency(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    if not isinstance(scale, Slow):
        raise TypeError("latency_p95 is scored with the arms' thresholds")
    slow = scale.new if drawn_arm(purchase) is Arm.NEW else scale.old
    bins = latency_bins(purchase, lease, window)
    return Score(sum(one > slow for one in bins), len(bins)) if bins else None


def _refund(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    if lease is None or purchase.spilled:
        return None
    return _BAD if is_refunded(lease, window) else _GOOD


def _cost(purchase: Purchase, lease: Lease | None, window: float, scale: Scale) -> Score | None:
    """X = 1 - (c/r - k S + k) / (cap + k), with c the cost, S the success, and r the ratio for ``new`` only."""
    if not isinstance(scale, Cost):
        raise TypeError("cost_per_success is scored with the cost of old")
    if lease is None or purchase.spilled or (paid := spent(lease, window)) is None:
        return None
    arm, k = drawn_arm(purchase), scale.per_success
    cost = min(paid * scale.factors.get(arm, Decimal(1)), scale.cap)
    cost = cost / scale.ratio if arm is Arm.NEW else cost
    missed = Decimal(0) if has_code(lease, window) else k
    return _rounded((cost + missed) / (scale.cap + k), purchase.id)


def _rounded(part: Decimal, unit: str) -> Score:
    """``part`` in sixteenths, up or down by a hash of the unit: right on average, and the same at every reading."""
    dither = int.from_bytes(blake2b(unit.encode(), digest_size=4).digest()) / Decimal(2**32)
    return Score(min(int(part * PARTS + dither), PARTS), PARTS)


_SCORES: dict[str, Callable[[Purchase, Lease | None, float, Scale], Score | None]] = {
    "lease_success": _success,
    "early_success": _success,
    "acquire": _acquire,
    "call_success": _calls,
    "latency_p95": _latency,
    "refund_ratio": _refund,
    "cost_per_success": _cost,
    "stock": _stock,
}
