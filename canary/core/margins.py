"""How a gate's margins enter its tests: between the arms' rates, or inside the score for a margin that is a factor."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import ceil, floor, log

from canary.core.model import Arm
from canary.core.policy.gates import Gate
from canary.core.scores import Cost, Scale, Slow
from canary.core.stats.bins import GROWTH
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import Frozen

LATENCY, COST = "latency_p95", "cost_per_success"

FACTORS = frozenset({LATENCY, COST})
"""Metrics whose margin is a factor inside the score; the arms' scores are then compared without a margin."""


def sides(gate: Gate) -> tuple[Side, ...]:
    """What is tested: a guard has no promotion."""
    return (Side.ROLLBACK,) if gate.promote_margin is None else (Side.ROLLBACK, Side.PROMOTE)


def margin(gate: Gate, side: Side) -> float:
    """The margin of one side: a difference of fractions, or a factor."""
    return gate.promote_margin or 0.0 if side is Side.PROMOTE else gate.rollback_margin


def rate_margin(gate: Gate, side: Side) -> float:
    """The margin between the arms' rates that the side's e-process bets on."""
    return 0.0 if gate.name in FACTORS else margin(gate, side)


def scored(metric: str, side: Side) -> Side:
    """Whose scores a side plays with: rates have one score for both sides."""
    return side if metric in FACTORS else Side.ROLLBACK


def scales(gate: Gate, frozen: Frozen | None, factors: Mapping[Arm, Decimal]) -> Iterator[tuple[Side, Scale]]:
    """The scores to take of a purchase: by side, each with its scale.

    Rates have a single one. A margin that is a factor has one per side, and none in a warm-up.
    """
    if gate.name not in FACTORS:
        yield Side.ROLLBACK, None
    elif frozen is not None:
        for side in sides(gate):
            yield side, _scale(gate, side, frozen, factors)


def _scale(gate: Gate, side: Side, frozen: Frozen, factors: Mapping[Arm, Decimal]) -> Scale:
    factor = margin(gate, side)
    if frozen.slow is not None:
        return Slow(frozen.slow, frozen.slow + bins_of(factor, side))
    if frozen.per_success is not None and frozen.cap is not None:
        return Cost(frozen.per_success, frozen.cap, Decimal(str(factor)), factors)
    return None


def bins_of(factor: float, side: Side) -> int:
    """The factor in bins, rounded to what the side may not gain from: up for harm, down for equality."""
    steps = log(factor) / log(GROWTH)
    return ceil(steps - _ROUNDING) if side is Side.ROLLBACK else floor(steps + _ROUNDING)


_ROUNDING = 1e-9
