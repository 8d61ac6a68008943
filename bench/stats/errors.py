"""Sections 1 and 2: how often a canary as good as allowed is rolled back, and a worse one promoted."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.stats import laws
from bench.stats.gate import Gate, play
from bench.stats.laws import ALPHA, BETA, GATES, LIFE, Life, gate
from bench.stats.plan import Plan
from bench.stats.rows import Row, rate_row
from bench.stats.traffic import HIGH, LEVELS, LOW, MED, Level, World, rates
from canary.core.stats.eprocess import Side

ONE = "1  One gate: success .85 on old, 5 % canary, margin 2pp, alpha .01, 24 h, a look after every lease"
JOINT = "2a All gates with their margins and shares of alpha .01 together, 24 h"
PROMOTE = "2b False promotion, beta .05, 24 h, a look after every lease"

SUCCESS = Gate(Side.ROLLBACK, 0.02, ALPHA)


def one_gate(plan: Plan) -> Iterator[Row]:
    """False rollbacks of a single gate, equal and at the exact margin."""
    for new, what in ((0.85, "equal arms (A/A)"), (0.83, "new exactly 2pp worse")):
        for level in LEVELS:
            name = f"{what}, {level.name} {level.canary_per_hour}/h"
            (stops,) = play(rates(0.85, new, level), [SUCCESS], plan.replicates, plan.rng(name))
            yield rate_row(ONE, f"rollback, {name}", int(stops.stopped.sum()), plan.replicates, ALPHA)


def moving(plan: Plan) -> Iterator[Row]:
    """False rollbacks when both arms change alike, or the weight does."""
    hours = np.arange(48) / 2
    day = 0.85 + 0.10 * np.sin(2 * np.pi * hours / 24)
    dip = np.where((hours >= 12) & (hours < 15), 0.30, 0.85)
    worlds = {
        "success of both swings .75 to .95 over the day": rates(day, day, MED),
        "success of both falls to .30 for 3 h": rates(dip, dip, MED),
        "ramp 5, 25, 50 % while success falls .90 to .70": falling_ramp(MED),
    }
    for what, truth in worlds.items():
        (stops,) = play(truth, [SUCCESS], plan.replicates, plan.rng(what))
        yield rate_row(MOVING, f"rollback, {what}", int(stops.stopped.sum()), plan.replicates, ALPHA)


MOVING = "4a What both arms share: margin 2pp, alpha .01, med 200/h, 24 h"


def falling_ramp(level: Level) -> World:
    """Both arms get worse while the canary's weight rises: pooled, it looks as if ``new`` were to blame."""
    hours = np.arange(48) / 2
    success = 0.90 - 0.20 * hours / hours[-1]
    weight = np.select([hours < 12, hours < 16], [0.05, 0.25], 0.50)
    return rates(success, success, level, weight)


def joint(plan: Plan, levels: Sequence[Level] = (LOW, MED)) -> Iterator[Row]:
    """False rollbacks by any gate."""
    for level in levels:
        for what, worlds in (
            ("equal arms (A/A)", _equal(level)),
            ("every gate at its margin", _margin(level)),
        ):
            name = f"{what}, {level.name}"
            hit = np.logical_or.reduce(list(_stopped(worlds, Side.ROLLBACK, plan, name)))
            yield rate_row(JOINT, f"rollback, {name}", int(hit.sum()), plan.replicates, ALPHA)


def promotion(plan: Plan) -> Iterator[Row]:
    """False promotions at the margin and beyond it."""
    for margin, level in ((0.05, LOW), (0.05, MED), (0.05, HIGH), (0.02, MED)):
        name = f"new exactly {margin * 100:.0f}pp worse, margin {margin * 100:.0f}pp, {level.name}"
        truth = rates(0.85, 0.85 - margin, level)
        (stops,) = play(truth, [Gate(Side.PROMOTE, margin, BETA)], plan.replicates, plan.rng(name))
        yield rate_row(PROMOTE, f"promote, {name}", int(stops.stopped.sum()), plan.replicates, BETA)
    what = "promote, all gates: success at its margin, the rest equal, med"
    hit = np.logical_and.reduce(list(_stopped(_success_at_margin(MED), Side.PROMOTE, plan, what)))
    yield rate_row(PROMOTE, what, int(hit.sum()), plan.replicates, BETA)
    for level in (MED, HIGH):
        name = f"new 10pp worse, margin 5pp, {level.name}"
        truth = rates(0.85, 0.75, level)
        (stops,) = play(truth, [Gate(Side.PROMOTE, 0.05, BETA)], plan.replicates, plan.rng(name))
        rate = float(stops.stopped.mean())
        numbers = {"rate": rate, "hits": int(stops.stopped.sum()), "replicates": plan.replicates}
        measured = f"{rate:.4f}  ({numbers['hits']} of {plan.replicates})"
        yield Row(PROMOTE, f"promote, {name}", measured, "<= 0.002", rate <= 0.002, numbers)


type Worlds = Sequence[tuple[World, tuple[str, ...]]]
"""Independent sources of what becomes of a lease, each with its gates by row of scores."""


def _equal(level: Level) -> Worlds:
    return (
        (laws.life(Life(), Life(), level), LIFE),
        (laws.calls(0.01, 0.01, level), ("call_success",)),
        (laws.latency(1, level), ("latency_p95",)),
    )


def _margin(level: Level) -> Worlds:
    """Every gate at its rollback margin; not buying is one of them, so fewer leases on ``new`` come to be bets."""
    margins = {name: found.rollback_margin for name, found in GATES.items()}
    old = Life()
    bought = old.bought - margins["acquire"]
    new = Life(
        old.code - margins["lease_success"],
        old.early - margins["early_success"],
        (old.refunded / old.bought + margins["refund_ratio"]) * bought,
        bought,
    )
    leases = old.bought, new.bought
    return (
        (laws.life(old, new, level), LIFE),
        (laws.calls(0.01, 0.01 + margins["call_success"], level, leases), ("call_success",)),
        (laws.latency(margins["latency_p95"], level, bought=leases), ("latency_p95",)),
    )


def _success_at_margin(level: Level) -> Worlds:
    allowed = GATES["lease_success"].promote_margin or 0.0
    new = Life(code=Life().code - allowed)
    return (
        (laws.life(Life(), new, level), LIFE),
        (laws.calls(0.01, 0.01, level), ("call_success",)),
        (laws.latency(1, level, Side.PROMOTE), ("latency_p95",)),
    )


def _stopped(worlds: Worlds, side: Side, plan: Plan, name: str) -> Iterator[NDArray[np.bool_]]:
    """Per gate, which replicates it stopped."""
    rng = plan.rng(name)
    for truth, metrics in worlds:
        gates = [
            gate(metric, side, row)
            for row, metric in enumerate(metrics)
            if side is Side.ROLLBACK or GATES[metric].promote_margin is not None
        ]
        yield from (stops.stopped for stops in play(truth, gates, plan.replicates, rng))
