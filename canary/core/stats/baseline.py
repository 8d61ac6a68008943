"""What ``old`` was like before: the parameters that a stratum's bets are frozen with.

Only leases that started before the stratum's first one are looked at, so in the order of starting every bet's
parameters are a function of the past. A wrong parameter costs power, never validity.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from canary.core.model import Arm
from canary.core.stats.bins import quantile_bin, slower
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Frozen, Stratum

FORGETTING = 0.9
"""What an epoch's leases count for one epoch later."""

MEMORY = 64
"""Epochs looked back upon; what is older would count for a thousandth."""

PRIOR = {
    "lease_success": 0.3,
    "early_success": 0.5,
    "acquire": 0.05,
    "call_success": 0.02,
    "refund_ratio": 0.2,
    "stock": 0.1,
}
"""Failure rates supposed of ``old`` where nothing is known of it."""

PRIOR_LEASES = 4
"""How many leases the prior counts for."""

FEWEST_CALLS = 100
"""Calls on ``old`` without which no p95 is estimated, and no latency bet is made."""

FEWEST_CODES = 20
"""Successes on ``old`` without which no cost per success is estimated, and no bet on it is made."""

P95 = 0.95

type Past = Sequence[tuple[int, Iterable[Stratum]]]
"""Per epoch: how many epochs ago, and its strata."""


def freeze(metric: str, past: Past) -> Frozen | None:
    """The parameters of a stratum that opens now; ``None`` while too little is known of ``old`` to bet."""
    if metric == "latency_p95":
        return _latency(past)
    if metric == "cost_per_success":
        return _cost(past)
    return _rate(metric, past)


def _rate(metric: str, past: Past) -> Frozen:
    bad, n = PRIOR[metric] * PRIOR_LEASES, float(PRIOR_LEASES)
    for age, strata in past:
        weight = FORGETTING**age
        for stratum in strata:
            for bet, count in stratum.bets[Side.ROLLBACK].items():
                if bet.arm is Arm.OLD:
                    bad += weight * count * bet.bad / bet.of
                    n += weight * count
    return Frozen(bad / n)


def _latency(past: Past) -> Frozen | None:
    calls: Counter[int] = Counter()
    weighted: dict[int, float] = {}
    for age, strata in past:
        for stratum in strata:
            for index, n in stratum.calls[Arm.OLD].items():
                calls[index] += n
                weighted[index] = weighted.get(index, 0.0) + n * FORGETTING**age
    if calls.total() < FEWEST_CALLS:
        return None
    slow = quantile_bin(weighted, P95)
    share = slower(weighted, slow) / sum(weighted.values())
    return Frozen(share or (1 - P95) / 2, slow=slow)


def _cost(past: Past) -> Frozen | None:
    """With k exact, the mean of ``c - k S`` on ``old`` is 0, so a score's failing part is k/(cap + k) on average."""
    spent, codes, seen, dearest = Decimal(0), Decimal(0), 0, Decimal(0)
    for age, strata in past:
        weight = Decimal(str(FORGETTING)) ** age
        for money in (stratum.money[Arm.OLD] for stratum in strata):
            spent, codes, seen = (
                spent + weight * money.spent,
                codes + weight * money.codes,
                seen + money.codes,
            )
            dearest = max(dearest, money.dearest)
    if seen < FEWEST_CODES or not spent:
        return None
    per_success = spent / codes
    cap = max(dearest, per_success)
    return Frozen(float(per_success / (cap + per_success)), per_success=per_success, cap=cap)
