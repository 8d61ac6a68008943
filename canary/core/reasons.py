"""Why a verdict is what it is: whole sentences with numbers, for an operator at night."""

from collections.abc import Mapping
from math import exp, floor

from canary.core.margins import COST, FACTORS, LATENCY
from canary.core.measure import MetricVerdict
from canary.core.policy.notation import in_words
from canary.core.stats.srm import THRESHOLD, Sample, expected_share, whole

_TITLES = {
    "lease_success": "success rate of leases",
    "early_success": "success rate within the first minutes",
    "acquire": "rate of purchases answered well",
    "call_success": "success rate of calls",
    "latency_p95": "p95 latency",
    "refund_ratio": "refund ratio",
    "cost_per_success": "cost per success",
    "stock": "rate of purchases that found stock",
}


def title(metric: str) -> str:
    """The metric in words."""
    return _TITLES.get(metric, metric)


def harm(found: MetricVerdict) -> str:
    """Why a metric is taken for harm."""
    assert found.evidence is not None
    return (
        f"{_compared(found)}; {_allowed(found)}; {_chance(found.evidence.rollback_at, 'within the margin')}"
    )


def equal(found: MetricVerdict, margin: float) -> str:
    """Why a metric is taken for good enough."""
    assert found.evidence is not None
    assert found.evidence.promote_at is not None
    worse = (
        f"worse by {_factor(margin)} or more" if found.name in FACTORS else f"worse by {margin:.3g} or more"
    )
    return f"{_compared(found)}; {_chance(found.evidence.promote_at, worse)}"


def undecided(found: MetricVerdict, margin: float) -> str:
    """What a metric still lacks."""
    assert found.evidence is not None
    assert found.evidence.promote_at is not None
    if found.old.value is None or found.new.value is None:
        return f"{title(found.name)} has no data of both arms yet: {_counts(found)}"
    within = _factor(margin) if found.name in FACTORS else f"{margin:.3g}"
    stands, needed = exp(min(found.evidence.promote, 700.0)), exp(found.evidence.promote_at)
    return (
        f"{_compared(found)}; the evidence that new is not worse by {within} or more "
        f"stands at {stands:.2g} of the {needed:.4g} needed"
    )


def few_leases(found: MetricVerdict, n: int, needed: int) -> str:
    """A metric that has too few leases in the present stage."""
    return f"{title(found.name)}: {n} leases have matured in this stage; at least {needed} are needed"


def mismatch(samples: Mapping[float, Sample], what: str) -> str:
    """The sample is lopsided."""
    sample = whole(samples)
    return (
        f"{sample.new} of {sample.total} {what} belong to new ({sample.new / sample.total:.2%}), where the design "
        f"leads one to expect {expected_share(samples):.2%}; the chance of a draw as lopsided as this is below 1 in "
        f"{THRESHOLD:.0f}; something loses leases of one arm, and no comparison can be trusted before it is found"
    )


def both_down(metric: str, old: float, new: float, floor_: float) -> str:
    """Both arms fail alike."""
    return (
        f"{title(metric)} is down on both arms ({old:.3g} on old, {new:.3g} on new, below {floor_:.3g}): "
        "the trouble is common to them, so the rollout pauses and does not roll back"
    )


def no_control() -> str:
    """All new leases go to ``new``."""
    return (
        "all new leases go to new, so there is no control arm and nothing can be judged; "
        "canary rollback goes back at any time, also when the rollout is complete"
    )


def shadow_only() -> str:
    """No lease goes to ``new``."""
    return "no lease goes to new in this stage, so leases cannot be judged here; only answers to the same call are"


def holding(held: float, hold: float) -> str:
    """The stage's minimum time has not passed."""
    return f"the stage holds for {in_words(hold)}; {in_words(hold - held)} are left"


def warming(n: int, needed: int) -> str:
    """The warm-up is not complete."""
    return f"{n} leases on old have matured; {needed} are needed to know what old is like"


def passed(held: float) -> str:
    """Time is up for the stage's minimum."""
    return f"the stage has held for {in_words(held)}"


def expired(max_hold: float, *, rolls_back: bool) -> str:
    """The stage's longest time has passed without a decision."""
    then = "the policy then rolls back" if rolls_back else "nothing is promoted by waiting"
    return f"undecided after {in_words(max_hold)}, the longest that this stage may take; {then}"


def already_spent(spent: float, level: float) -> str:
    """Earlier attempts and edits used up error probability too."""
    return (
        f"earlier attempts or edits of the margins already risked a false rollback with probability {spent:.3g}; "
        f"with this one the chance of any is at most {spent + level:.3g}"
    )


def _compared(found: MetricVerdict) -> str:
    of = f"{found.new.n} pairs of answers" if found.paired else f"{found.new.n} matured leases"
    old, new = _values(found)
    return f"{title(found.name)} of new is {new} against {old} on old over {of}"


def _values(found: MetricVerdict) -> tuple[str, str]:
    old, new = found.old.value, found.new.value
    if old is None or new is None:
        return "unknown", "unknown"
    if found.name == LATENCY and not found.paired:
        return f"{old:.3g} s", f"{new:.3g} s"
    if found.name == COST:
        return f"{old:.3g}", f"{new:.3g}"
    digits = 2 if all(0.05 <= value <= 0.95 for value in (old, new)) else 3
    return f"{old:.{digits}f}", f"{new:.{digits}f}"


def _counts(found: MetricVerdict) -> str:
    return f"{found.old.n} matured leases on old, {found.new.n} on new"


def _allowed(found: MetricVerdict) -> str:
    assert found.margin is not None
    if found.name in FACTORS and not found.paired:
        return f"the allowed ratio is {found.margin:.4g}"
    return f"the allowed difference is {found.margin:.3g}"


def _factor(margin: float) -> str:
    return f"a factor of {margin:.4g}"


def _chance(log_threshold: float, hypothesis: str) -> str:
    return f"the chance of such evidence if new were {hypothesis} is below 1 in {floor(exp(log_threshold) + 1e-6)}"
