"""What becomes of simulated leases: the probabilities of their fates, and what each fate scores on each gate.

Three sources per lease, independent of each other: its life (bought, code, refund), its calls, their latencies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.stats import betabinom, binom, norm

from bench.stats.gate import Gate
from bench.stats.traffic import Level, World, world
from canary.core.margins import rate_margin, scales
from canary.core.policy.gates import Gates
from canary.core.scores import Slow
from canary.core.stats.baseline import P95, PRIOR, PRIOR_LEASES
from canary.core.stats.bins import GROWTH
from canary.core.stats.eprocess import Floats, Side
from canary.core.stats.strata import Frozen

ALPHA, BETA = 0.01, 0.05
"""Allowed probabilities of a false rollback and of a false promotion over the whole rollout."""

LIFETIME = 1200.0
GATES = {gate.name: gate for gate in Gates.all().resolved(LIFETIME) if gate.enforce}
"""The product's gates with their default margins, windows and shares of alpha."""

NO_BET = np.nan


def gate(metric: str, side: Side = Side.ROLLBACK, row: int = 0) -> Gate:
    """A gate of the product on one row of a world's scores, at its share of the error."""
    found = GATES[metric]
    level = BETA if side is Side.PROMOTE else ALPHA * found.share
    prior, prior_leases = (PRIOR[metric], PRIOR_LEASES) if metric in PRIOR else (1 - P95, 0)
    return Gate(side, rate_margin(found, side), level, row, prior, prior_leases)


# --- life -------------------------------------------------------------------------------------------------------

LIFE = ("lease_success", "early_success", "acquire", "refund_ratio")
"""Gates that a lease's life decides. Its fates: early code, late code, refunded, kept, not bought."""

_LIFE_SCORES: list[list[float]] = [
    [1, 1, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [1, 1, 1, 1, 0],
    [1, 1, 0, 1, NO_BET],
]


@dataclass(frozen=True, slots=True)
class Life:
    """One arm's shares of all purchases: ``bought``, with a ``code``, an ``early`` one, and ``refunded``."""

    code: float = 0.85
    early: float = 0.75
    refunded: float = 0.10
    bought: float = 0.99

    @property
    def fates(self) -> Floats:
        kept = self.bought - self.code - self.refunded
        return np.array([self.early, self.code - self.early, self.refunded, kept, 1 - self.bought])


def life(old: Life, new: Life, level: Level) -> World:
    """The world of the gates in ``LIFE``, a row of scores each."""
    return world(_LIFE_SCORES, old.fates, new.fates, level)


# --- calls ------------------------------------------------------------------------------------------------------

CALLS = 8
"""Calls of a lease within two minutes."""

ALIKE = 0.3
"""How alike the calls of one lease are: intra-class correlation."""

_CALL_SCORES = [*(1 - np.arange(CALLS + 1) / CALLS), NO_BET]


def calls(old: float, new: float, level: Level, bought: tuple[float, float] = (0.99, 0.99)) -> World:
    """The world of ``call_success``: each arm's share of faulty calls, and how often there is a lease at all."""

    def fates(fault: float, leases: float) -> Floats:
        spread = (1 - ALIKE) / ALIKE
        bad = betabinom.pmf(np.arange(CALLS + 1), CALLS, fault * spread, (1 - fault) * spread)
        return np.append(bad * leases, 1 - leases)

    return world(_CALL_SCORES, fates(old, bought[0]), fates(new, bought[1]), level)


SIGMA = 0.7
"""Spread of the latencies: lognormal, the p95 about three times the median."""


def latency(
    factor: float, level: Level, side: Side = Side.ROLLBACK, bought: tuple[float, float] = (0.99, 0.99)
) -> World:
    """The world of ``latency_p95`` when every call on ``new`` takes ``factor`` times as long as on ``old``."""
    found = dict(scales(GATES["latency_p95"], Frozen(1 - P95, slow=0), {}))[side]
    assert isinstance(found, Slow)
    above = GROWTH**0.5  # the p95 of old lies anywhere in its bin; its upper edge is the threshold
    margin = above * GROWTH ** (found.new - found.old)

    def fates(threshold: float, leases: float) -> Floats:
        return np.append(_slow_calls(threshold) * leases, 1 - leases)

    return world(_CALL_SCORES, fates(above, bought[0]), fates(margin / factor, bought[1]), level)


def _slow_calls(threshold: float) -> Floats:
    """Probabilities of 0 to ``CALLS`` calls of one lease slower than ``threshold`` times the p95."""
    nodes, weights = hermegauss(61)
    cut = norm.ppf(P95) * SIGMA + np.log(threshold)
    slow = norm.sf((cut - SIGMA * np.sqrt(ALIKE) * nodes) / (SIGMA * np.sqrt(1 - ALIKE)))
    mixed: Floats = binom.pmf(np.arange(CALLS + 1)[:, None], CALLS, slow) @ (weights / weights.sum())
    return mixed
