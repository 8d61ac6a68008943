"""Simulated rollouts for the statistics: many at once, a look after every lease, a fixed seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from canary.core.stats.eprocess import Side, Table, Wealth, start_share, table

BLOCK = 400  # leases between two Python steps; looks stay after every lease


@dataclass(frozen=True)
class Truth:
    """What an arm's leases really do: success probabilities, constant over the run."""

    new: float
    old: float
    pi: float = 0.05
    warmup: int = 1000  # leases on old before the game, from which its failure rate is estimated


def matured_canary_leases(
    truth: Truth, side: Side, delta: float, level: float, *, replicates: int, leases: int, seed: int
) -> NDArray[np.int64]:
    """Per replicate, the leases on ``new`` when E first reached ``1 / level``; -1 where it never did."""
    rng = np.random.default_rng(seed)
    failed = rng.binomial(truth.warmup, 1 - truth.old, replicates)
    frozen = table(side, truth.pi, (failed + 0.5) / (truth.warmup + 1), delta)
    wealth = _stake(frozen, side, replicates)
    per_lease = Table(frozen.log_weights, frozen.factors[:, None])
    hit, seen = np.full(replicates, -1), np.zeros(replicates, np.int64)
    for _ in range(0, leases, BLOCK):
        new = rng.random((replicates, BLOCK)) < truth.pi
        good = rng.random((replicates, BLOCK)) < np.where(new, truth.new, truth.old)
        path = Wealth(wealth.log_m[:, None], wealth.passive).moved(
            np.cumsum(per_lease.log_e(new, good), axis=1)
        )
        over = path.log_value >= -np.log(level)
        on_new = seen[:, None] + np.cumsum(new, axis=1)
        first = over.any(axis=1) & (hit < 0)
        hit[first] = on_new[first, over[first].argmax(axis=1)]
        wealth, seen = Wealth(path.log_m[:, -1], wealth.passive), on_new[:, -1]
        if (hit >= 0).all():
            break
    return hit


def _stake(frozen: Table, side: Side, replicates: int) -> Wealth:
    wealth = Wealth.waiting(frozen.log_weights)
    if side is Side.PROMOTE:
        wealth = Wealth.placed(frozen.log_weights)
    else:
        wealth = wealth.opened(start_share(-1, 0), frozen.log_weights)
    return Wealth(np.tile(wealth.log_m, (replicates, 1)), wealth.passive)
