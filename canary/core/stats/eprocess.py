"""The primitive behind every gate: a betting game that `new` can only win by being worse (or better) than allowed.

One lease is one bet. Lease i goes to ``new`` with a design probability pi fixed before the draw, and gets a
score X in [0, 1] (1 is good). For the null "``new`` is at most delta worse than ``old``" (rollback) or "at
least delta worse" (promote), and an alternative (q1, q0) outside it, let

    b = argmin pi KL(q1 || b - delta) + (1 - pi) KL(q0 || b),    a = b - delta
    e(new, x) = x q1/a + (1 - x)(1 - q1)/(1 - a)
    e(old, x) = x q0/b + (1 - x)(1 - q0)/(1 - b)

Then E[e | past] <= 1 on the whole null: e is affine in both means, equals 1 on the line p_new = p_old - delta
(b is stationary there) and falls away from it. So the product over leases is a supermartingale under any drift
that both arms share, and by Ville's inequality it ever exceeds 1/alpha with probability at most alpha, however
often one looks. It is the GRO e-variable for a randomised block of one (Turner, Ly, Grunwald, arXiv 2106.02693).

Everything here is vectorised: parameters may be arrays, one entry per replicate of a simulation; the axis of
the alternatives is the last one.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Floats = NDArray[np.float64]

FLOOR = 1e-4
"""No rate is believed closer to 0 or 1 than this: an alternative of exactly 0 could be refuted by one lease."""


class Side(StrEnum):
    """Which null is bet against."""

    ROLLBACK = "rollback"  # "new is within the margin"; its evidence is of harm
    PROMOTE = "promote"  # "new is outside the margin"; its evidence is of equality


def null_point(pi: ArrayLike, q1: ArrayLike, q0: ArrayLike, delta: ArrayLike) -> Floats:
    """The ``b`` above: the success rate of ``old`` at the null's point nearest to the alternative.

    The derivative changes its sign between q0 and q1 + delta, so Newton's steps are kept inside a bracket.
    """
    pi, q1, q0, delta = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (pi, q1, q0, delta)))
    low = np.maximum(np.minimum(q0, q1 + delta), np.maximum(delta, 0))
    high = np.minimum(np.maximum(q0, q1 + delta), np.minimum(1 + delta, 1))
    b: Floats = (low + high) / 2
    for _ in range(_STEPS):
        slope, curve = _derivatives(b, pi, q1, q0, delta)
        low, high = np.where(slope < 0, b, low), np.where(slope < 0, high, b)
        newton = b - slope / curve
        following: Floats = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
        if np.all(np.abs(following - b) <= _PRECISION * b):
            return following
        b = following
    return b


_STEPS = 60  # a bisection alone would be done by then
_PRECISION = 1e-15


def _derivatives(b: Floats, pi: Floats, q1: Floats, q0: Floats, delta: Floats) -> tuple[Floats, Floats]:
    a = b - delta
    slope = pi * ((1 - q1) / (1 - a) - q1 / a) + (1 - pi) * ((1 - q0) / (1 - b) - q0 / b)
    curve = pi * ((1 - q1) / (1 - a) ** 2 + q1 / a**2) + (1 - pi) * ((1 - q0) / (1 - b) ** 2 + q0 / b**2)
    return slope, curve


@dataclass(frozen=True, slots=True)
class Table:
    """The e-values of one lease under each alternative; frozen for a stratum of one design probability.

    Attributes:
        log_weights: log of the alternatives' weights, shape (G,).
        factors: e-values of a wholly bad and a wholly good lease, shape (..., G, arm, outcome), where arm is
            0 for ``old`` and 1 for ``new``, outcome 0 for bad and 1 for good.
    """

    log_weights: Floats
    factors: Floats

    def log_e(self, new: ArrayLike, x: ArrayLike) -> Floats:
        """Log e-values, shape (..., G), of leases on ``new`` (true) or ``old`` with score ``x``."""
        x = np.asarray(x, np.float64)[..., None]
        arm = np.asarray(new, np.bool_)[..., None, None]
        chosen = np.where(arm, self.factors[..., 1, :], self.factors[..., 0, :])
        result: Floats = np.log(x * chosen[..., 1] + (1 - x) * chosen[..., 0])
        return result


HARM_ODDS = np.array([1.4, 2, 3.2, 6, 15, 80])
"""How many times the odds of failure allowed to ``new`` the alternatives of a rollback suppose."""

HARM_WEIGHTS = np.full(6, 1 / 6)

EQUAL_STEPS = np.array([0.5, 1, 1.5, 2.5])
"""How many margins below the allowed failure rate the alternatives of a promotion lie; 1 is equality."""

EQUAL_WEIGHTS = np.array([0.2, 0.4, 0.25, 0.15])

FASTER_ODDS = np.array([0.2, 0.45, 0.7])
"""Alternatives of a promotion without a margin between the rates: the margin is inside the score."""

FASTER_WEIGHTS = np.array([0.3, 0.4, 0.3])


def rollback_table(pi: ArrayLike, f0: ArrayLike, delta: float) -> Table:
    """The table against "``new`` fails at most ``delta`` more often than ``old``", whose failure rate is ``f0``.

    ``pi`` and ``f0`` broadcast. Where ``f0 + delta`` leaves no room for harm nothing is bet: e is 1.
    """
    f0 = _within(np.asarray(f0, np.float64))[..., None]
    allowed = f0 + delta
    f1 = _odds_times(np.minimum(allowed, 1 - FLOOR), HARM_ODDS)
    return _table(pi, 1 - f1, 1 - f0, delta, HARM_WEIGHTS, bet=allowed < 1 - FLOOR)


def promote_table(pi: ArrayLike, f0: ArrayLike, delta: float) -> Table:
    """The table against "``new`` fails at least ``delta`` more often than ``old``", whose failure rate is ``f0``."""
    f0 = _within(np.asarray(f0, np.float64))[..., None]
    if delta == 0:
        f1 = _odds_times(f0, FASTER_ODDS)
        return _table(pi, 1 - f1, 1 - f0, delta, FASTER_WEIGHTS, bet=np.True_)
    f1 = np.maximum(f0 + delta - EQUAL_STEPS * delta, f0 / _BEST)
    return _table(pi, np.maximum(1 - f1, FLOOR), 1 - f0, delta, EQUAL_WEIGHTS, bet=f1 < f0 + delta)


# Where steps of a margin would lead below zero failures, ``new`` is supposed to be this many times better.
_BEST = 4


def table(side: Side, pi: ArrayLike, f0: ArrayLike, delta: float) -> Table:
    """The table of either side."""
    return rollback_table(pi, f0, delta) if side is Side.ROLLBACK else promote_table(pi, f0, delta)


def _within(rate: Floats) -> Floats:
    return np.clip(rate, FLOOR, 1 - FLOOR)


def _odds_times(rate: Floats, by: Floats) -> Floats:
    odds = rate / (1 - rate) * by
    result: Floats = odds / (1 + odds)
    return result


def _table(
    pi: ArrayLike, q1: Floats, q0: Floats, delta: float, weights: Floats, bet: NDArray[np.bool_] | np.bool_
) -> Table:
    pi = np.asarray(pi, np.float64)[..., None]
    b = null_point(pi, q1, q0, delta)
    a = b - delta
    q1, q0, a, b = np.broadcast_arrays(q1, q0, a, b)
    new = np.stack([(1 - q1) / (1 - a), q1 / a], axis=-1)
    old = np.stack([(1 - q0) / (1 - b), q0 / b], axis=-1)
    factors = np.stack([old, new], axis=-2)
    return Table(np.log(weights), np.where(np.asarray(bet)[..., None, None], factors, 1.0))


# --- mixtures over alternatives and over the time at which harm begins ------------------------------------------

EARLY = 0.5
"""Weight of harm from the first epoch on."""

LATE, LATE_EPOCHS = 0.45, 48
"""Weight of a later start, spread evenly over these epochs (a day of half hours)."""

TAIL, TAIL_EPOCHS = 0.05, 672
"""Weight of a start after that, spread over two weeks of half hours: a stage may be entered, and break, on day 3."""


def start_share(first: int, last: int) -> float:
    """Weight of the starts in the epochs ``first < epoch <= last``, counted from 0 at the first bet.

    ``start_share(-1, 0)`` is the weight of harm from the beginning.
    """
    return _started(last) - _started(first)


def _started(epoch: int) -> float:
    if epoch < 0:
        return 0.0
    tail = min(max(epoch - LATE_EPOCHS, 0), TAIL_EPOCHS)
    return EARLY + LATE * min(epoch, LATE_EPOCHS) / LATE_EPOCHS + TAIL * tail / TAIL_EPOCHS


_NOTHING = 1e-300  # instead of log 0


@dataclass(frozen=True, slots=True)
class Wealth:
    """Where the game stands, from a stake of 1: ``E = passive + sum of exp(log_m)``.

    Attributes:
        log_m: log of what each alternative holds, shape (..., G).
        passive: what waits for a later start, shape (...) or a plain number.
    """

    log_m: Floats
    passive: float | Floats

    @classmethod
    def waiting(cls, log_weights: Floats) -> Self:
        """All of it waits: the beginning of a rollback's game."""
        return cls(np.full_like(log_weights, -np.inf), 1.0)

    @classmethod
    def placed(cls, log_weights: Floats) -> Self:
        """All of it is placed on the alternatives: the beginning of a promotion's game."""
        return cls(log_weights, 0.0)

    def opened(self, share: float | Floats, log_weights: Floats) -> Self:
        """At an epoch's start, ``share`` of the first stake is placed on the alternatives."""
        log_share = np.log(np.maximum(share, _NOTHING))
        added = np.asarray(log_share)[..., None] + log_weights
        return replace(self, log_m=np.logaddexp(self.log_m, added), passive=self.passive - share)

    def moved(self, steps: Floats) -> Self:
        """After bets whose log e-values sum to ``steps``, shape (..., G)."""
        return replace(self, log_m=self.log_m + steps)

    @property
    def log_value(self) -> Floats:
        """log E, shape (...)."""
        placed = np.logaddexp.reduce(self.log_m, axis=-1)
        result: Floats = np.logaddexp(placed, np.log(np.maximum(self.passive, _NOTHING)))
        return result
