"""Simulated leases: what becomes of them per arm and epoch, drawn for many rollouts at once.

Leases come in order. Between two leases on ``new`` lies a geometric number of leases on ``old``, so a block
holds one row per lease on ``new`` and the counts of the leases on ``old`` before it. An epoch ends with the
number of leases on ``new`` that half an hour brings on average.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from canary.core.policy.model import Judging
from canary.core.stats.eprocess import Floats

type Ints = NDArray[np.int64]

EPOCH = Judging().epoch
"""Seconds."""

EPOCHS_PER_HOUR = round(3600 / EPOCH)
HOURS = 24
WARM_EPOCHS = 2
"""The shadow hour before the canary stage, in which ``old`` alone is watched."""


class Level(NamedTuple):
    """How much traffic there is; the canary has 5 % of it."""

    name: str
    canary_per_hour: int

    @property
    def leases_per_hour(self) -> int:
        return self.canary_per_hour * 20


LOW, MED, HIGH = LEVELS = (Level("low", 20), Level("med", 200), Level("high", 1800))
CANARY = 0.05


@dataclass(frozen=True, slots=True)
class World:
    """The truth of a rollout that the gate does not know.

    Attributes:
        scores: what each fate of a lease scores on each metric, shape (metrics, fates); NaN where it is no bet.
        old: probability of each fate on ``old``, shape (epochs, fates).
        new: the same on ``new``.
        pi: design probability of ``new``, shape (epochs,).
        level: the traffic of both arms.
    """

    scores: Floats
    old: Floats
    new: Floats
    pi: Floats
    level: Level

    @property
    def epochs(self) -> int:
        return len(self.pi)

    @property
    def leases_per_epoch(self) -> int:
        return self.level.leases_per_hour // EPOCHS_PER_HOUR

    def canary_leases(self, epoch: int) -> int:
        """Leases on ``new`` in an epoch."""
        return round(self.leases_per_epoch * float(self.pi[epoch]))


def world(scores: ArrayLike, old: ArrayLike, new: ArrayLike, level: Level, pi: ArrayLike = CANARY) -> World:
    """A world of ``HOURS``; what does not change with time is given once."""
    epochs = HOURS * EPOCHS_PER_HOUR
    scores = np.atleast_2d(np.asarray(scores, np.float64))
    fates = scores.shape[1]

    def spread(value: ArrayLike) -> Floats:
        return np.array(np.broadcast_to(np.asarray(value, np.float64), (epochs, fates)))

    return World(scores, spread(old), spread(new), np.array(np.broadcast_to(pi, epochs), np.float64), level)


def rates(old: ArrayLike, new: ArrayLike, level: Level, pi: ArrayLike = CANARY) -> World:
    """A world with one metric: a lease is good with these probabilities, single or one per epoch."""

    def fates(good: ArrayLike) -> Floats:
        good = np.asarray(good, np.float64)
        return np.stack([good, 1 - good], axis=-1)

    return world([1.0, 0.0], fates(old), fates(new), level, pi)


class Block(NamedTuple):
    """One epoch of some replicates.

    Attributes:
        pi: design probability of ``new``.
        canary: leases on ``new`` in the epochs before.
        leases: leases on both arms in the epochs before, shape (replicates,).
        before: leases on ``old`` by fate before each lease on ``new``, shape (replicates, fates, leases).
        new: the fate of each lease on ``new``, shape (replicates, leases).
    """

    epoch: int
    pi: float
    canary: int
    leases: Ints
    before: Ints
    new: Ints


def warm(truth: World, replicates: int, rng: np.random.Generator) -> Ints:
    """Fates of the leases on ``old`` per epoch before the first bet, shape (WARM_EPOCHS, replicates, fates)."""
    return rng.multinomial(truth.leases_per_epoch, truth.old[0], (WARM_EPOCHS, replicates))


def blocks(truth: World, replicates: int, rng: np.random.Generator) -> Iterator[Block]:
    """The rollout, epoch by epoch."""
    canary, leases = 0, np.zeros(replicates, np.int64)
    for epoch, pi in enumerate(truth.pi.tolist()):
        shape = replicates, truth.canary_leases(epoch)
        between = rng.geometric(pi, shape) - 1
        new = np.searchsorted(np.cumsum(truth.new[epoch])[:-1], rng.random(shape), side="right")
        yield Block(epoch, pi, canary, leases, _fates(between, truth.old[epoch], rng), new)
        canary += shape[1]
        leases = leases + shape[1] + between.sum(axis=1)


def _fates(n: Ints, probabilities: Floats, rng: np.random.Generator) -> Ints:
    if len(probabilities) > 2:
        return np.moveaxis(rng.multinomial(n, probabilities), -1, 1)
    second = rng.binomial(n, probabilities[1])
    return np.stack([n - second, second], axis=1)
