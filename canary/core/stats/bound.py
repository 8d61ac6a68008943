"""How many leases a decision needs: the information bound that no test can beat, and what this one expects."""

from collections.abc import Callable
from math import inf, log
from typing import NamedTuple, Self

import numpy as np
from scipy.optimize import minimize_scalar

from canary.core.stats.eprocess import EARLY, Floats, Side, Table, null_point, table


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
    """Leases on ``new`` that this method needs on average, its mixtures paid for; infinite when it never decides."""
    return expected_of_laws(side, Law.rate(p_new), Law.rate(p_old), delta, pi, level)


# --- scores that are parts of a whole -----------------------------------------------------------------------------


class Law(NamedTuple):
    """How the scores of one arm's leases are distributed: values in [0, 1] with their probabilities."""

    scores: Floats
    chances: Floats

    @classmethod
    def rate(cls, p: float) -> Self:
        """All or nothing: good with probability ``p``."""
        return cls(np.array([0.0, 1.0]), np.array([1 - p, p]))

    @property
    def mean(self) -> float:
        return float(self.scores @ self.chances)


def fewest_of_laws(new: Law, old: Law, delta: float, pi: float, level: float) -> float:
    """``fewest_leases`` for any scores in [0, 1]; for rates it is the same number.

    The divergence from all distributions of mean ``m`` takes the place of KL: the maximum over lambda of
    ``E log(1 + lambda (X - m))`` (Honda and Takemura, 2010, theorem 8).
    """

    def nats(b: float) -> float:
        return _from_mean(new, b - delta) + (1 - pi) / pi * _from_mean(old, b)

    ends = sorted((old.mean, new.mean + delta))
    least = nats(_lowest(nats, max(ends[0], delta), min(ends[1], 1 + delta)))
    return log(1 / level) / least if least > _NOTHING else inf


def _from_mean(law: Law, mean: float) -> float:
    away = law.scores - mean

    def lost(stake: float) -> float:
        return -float(law.chances @ np.log(np.maximum(1 + stake * away, _NOTHING)))

    return max(0.0, -lost(_lowest(lost, -1 / max(1 - mean, _NOTHING), 1 / max(mean, _NOTHING))))


def _lowest(function: Callable[[float], float], low: float, high: float) -> float:
    return float(minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": 1e-9}).x)


_NOTHING = 1e-12


def expected_of_laws(side: Side, new: Law, old: Law, delta: float, pi: float, level: float) -> float:
    """``expected_leases`` for any scores in [0, 1].

    Each alternative alone would need the logarithm of the threshold and of its own weight, at the rate at which
    it grows; the fastest of them decides.
    """
    frozen = table(side, pi, 1 - old.mean, delta)
    grown = pi * _mean_log_e(frozen, new, on_new=True) + (1 - pi) * _mean_log_e(frozen, old, on_new=False)
    stake = frozen.log_weights + (log(EARLY) if side is Side.ROLLBACK else 0.0)
    growing = grown > 0
    if not growing.any():
        return inf
    return float(np.min((log(1 / level) - stake[growing]) / grown[growing])) * pi


def _mean_log_e(frozen: Table, law: Law, *, on_new: bool) -> Floats:
    result: Floats = law.chances @ frozen.log_e(np.full(len(law.scores), on_new), law.scores)
    return result
