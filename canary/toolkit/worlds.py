"""What the arms are supposed to be like when a rollout is planned: how leases score on each gate, by harm.

The harms are those that the delays of the gates are published for: an outage, 25 and 10 points fewer codes, 15
points more refunds, and a p95 that is 1.5, 2 or 3 times as long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.stats import betabinom, binom, norm

from canary.core.margins import LATENCY
from canary.core.policy.gates import Gate
from canary.core.stats.baseline import P95, PRIOR
from canary.core.stats.bound import Law
from canary.core.stats.eprocess import Floats

CALLS = 8
"""Calls of a lease that are scored; a client that polls makes more."""

ALIKE = 0.3
"""How alike the calls of one lease are: intra-class correlation."""

SPREAD = 0.7
"""Of the logarithm of a latency: the p95 is about three times the median."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """The shares of leases on ``old`` that get a code and that are refunded."""

    success: float = 0.85
    refund: float = 0.10

    def rate(self, metric: str) -> float:
        """The rate of ``old`` on a metric, where 1 is good; what is not supposed here is the gate's own prior."""
        given = {"lease_success": self.success, "refund_ratio": 1 - self.refund}
        return given[metric] if metric in given else 1 - PRIOR[metric]


class World(NamedTuple):
    """The scores on one gate: of ``old``, of ``new`` under each harm by its name, and of a ``new`` that is equal."""

    old: Law
    harms: Mapping[str, Law]
    equal: Law


def world(gate: Gate, supposed: Supposed) -> World:
    """The world of a gate; there is none for ``cost_per_success``, which depends on prices."""
    if gate.name == LATENCY:
        harms = {f"p95 x{factor:g}": _slow(gate.rollback_margin / factor) for factor in SLOWER}
        return World(_slow(1.0), harms, _slow(gate.promote_margin or 1.0))
    rate = supposed.rate(gate.name)
    alike = _calls(rate) if gate.name == "call_success" else Law.rate(rate)
    harms = {what: Law.rate(max(rate - drop, 0.0)) for what, drop in DROPS[gate.name].items()}
    return World(alike, harms, alike)


DROPS: Mapping[str, Mapping[str, float]] = {
    "lease_success": {"outage": 1.0, "25pp fewer codes": 0.25, "10pp fewer codes": 0.10},
    "early_success": {"outage": 1.0, "25pp fewer codes": 0.25},
    "acquire": {"outage": 1.0},
    "call_success": {"outage": 1.0},
    "refund_ratio": {"15pp more refunds": 0.15},
}
"""By how much a harm lowers a rate; an outage leaves nothing of it."""

SLOWER = (3.0, 2.0, 1.5)
"""Factors on every latency."""


def _calls(rate: float) -> Law:
    """Parts of a lease's calls that went well."""
    spread = (1 - ALIKE) / ALIKE
    bad = np.arange(CALLS + 1)
    return Law(1 - bad / CALLS, betabinom.pmf(bad, CALLS, (1 - rate) * spread, rate * spread))


def _slow(threshold: float) -> Law:
    """Parts of a lease's calls that are no slower than ``threshold`` times the p95 of ``old``."""
    nodes, weights = hermegauss(61)
    cut = norm.ppf(P95) * SPREAD + np.log(threshold)
    slow = norm.sf((cut - SPREAD * np.sqrt(ALIKE) * nodes) / (SPREAD * np.sqrt(1 - ALIKE)))
    bad = np.arange(CALLS + 1)
    chances: Floats = binom.pmf(bad[:, None], CALLS, slow) @ (weights / weights.sum())
    return Law(1 - bad / CALLS, chances)
