"""How many leases a decision needs: the information bound that no test can beat, and what this one expects."""

from math import inf, log

import numpy as np

from canary.core.stats.eprocess import EARLY, Floats, Side, null_point, table


def _divergence(p: float, q: float) -> float:
    """KL divergence of two Bernoulli distributions, in nats."""
    return sum(a * log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def information(p_new: float, p_old: float, delta: float, pi: float) -> float:
    """Nats per lease on ``new`` that tell these success rates from the nearest point at the margin."""
    b = float(null_point(pi, p_new, p_old, delta))
    return _divergence(p_new, b - delta) + (1 - pi) / pi * _divergence(p_old, b)


def fewest_leases(p_new: float, p_old: float, delta: float, pi: float, level: float) -> float:
    """Lower bound on the expected leases on ``new`` until any valid test at ``level`` decides.

    ``ln(1/level) / min_b [KL(p_new || b - delta) + (1 - pi)/pi KL(p_old || b)]``; infinite at the margin itself.
    """
    nats = information(p_new, p_old, delta, pi)
    return log(1 / level) / nats if nats > 0 else inf


def expected_leases(side: Side, p_new: float, p_old: float, delta: float, pi: float, level: float) -> float:
    """Leases on ``new`` that this method needs on average, its mixtures paid for; infinite when it never decides.

    Each alternative alone would need the logarithm of the threshold and of its own weight, at the rate at which
    it grows; the fastest of them decides.
    """
    frozen = table(side, pi, 1 - p_old, delta)
    grown = pi * _mean_log_e(frozen.factors[:, 1], p_new) + (1 - pi) * _mean_log_e(
        frozen.factors[:, 0], p_old
    )
    stake = frozen.log_weights + (log(EARLY) if side is Side.ROLLBACK else 0.0)
    growing = grown > 0
    if not growing.any():
        return inf
    return float(np.min((log(1 / level) - stake[growing]) / grown[growing])) * pi


def _mean_log_e(factors: Floats, p: float) -> Floats:
    bad, good = np.log(factors).T
    result: Floats = p * good + (1 - p) * bad
    return result
