"""Sections 3, 4 and 5: how many leases, and how long, until harm is found or equality proven."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv

from bench.stats import laws
from bench.stats.gate import Gate, Stops, play
from bench.stats.laws import ALPHA, BETA, GATES, LIFE, Life, gate
from bench.stats.plan import Plan
from bench.stats.rows import Row
from bench.stats.traffic import CANARY, HIGH, LEVELS, LOW, MED, Level, World, rates
from canary.core.policy.model import ArmPolicy, Judging
from canary.core.scores import SETTLE
from canary.core.stats.baseline import P95
from canary.core.stats.bound import fewest_leases
from canary.core.stats.eprocess import Floats, Side

HARM = "3  Matured canary leases until rollback (median / mean), 5 % canary, alpha .01, med 200/h"
LATE = "4b Harm that begins after 12 h: leases on new from then on"
CLOCK = "5a Wall clock until rollback by the first of the gates, median (low / med / high)"
EQUAL = "5b Wall clock until promotion when equal, success alone, beta .05, median"

RATIO_MEDIAN, RATIO_MEAN = 1.5, 1.6
"""How far above the information bound the median and the mean may lie, to one decimal."""


class Harm(NamedTuple):
    """A harm that must be found; ``median`` is the most matured leases on ``new`` that it may take."""

    what: str
    old: float
    new: float
    delta: float
    median: float


HARMS = (
    Harm("success .85 -> .60, margin 2pp", 0.85, 0.60, 0.02, 45),
    Harm("success .85 -> .60, margin 0", 0.85, 0.60, 0.0, 36),
    Harm("success .85 -> .75, margin 2pp", 0.85, 0.75, 0.02, 340),
    Harm("success .85 -> .75, margin 0", 0.85, 0.75, 0.0, 205),
    Harm("refunds .10 -> .25, margin 2pp", 0.90, 0.75, 0.02, 110),
    Harm("outage, margin 2pp", 0.85, 0.0, 0.02, 6),
)
SLOWER = {1.5: 160.0, 2.0: None, 3.0: 8.0}
"""Factor on every latency -> the most leases at the median."""


def harms(plan: Plan) -> Iterator[Row]:
    """Delays in leases, beside the bound that no valid test can beat."""
    for harm in HARMS:
        stops = _played(rates(harm.old, harm.new, MED), _rollback(harm), plan, harm.what)
        bound = fewest_leases(harm.new, harm.old, harm.delta, CANARY, ALPHA)
        yield _delay_row(harm.what, stops, harm.median, bound)
    for factor, median in SLOWER.items():
        alone = Gate(Side.ROLLBACK, 0.0, ALPHA, prior=1 - P95, prior_leases=0)
        what = f"p95 x{factor:g}, margin 1.25x"
        yield _delay_row(what, _played(laws.latency(factor, MED), alone, plan, what), median, None)


def late(plan: Plan) -> Iterator[Row]:
    """Delays of harm that begins in the middle of the day, against the same harm from the start."""
    for harm in HARMS[0], HARMS[2]:
        before = 12 * MED.canary_per_hour
        success = np.where(np.arange(48) < 24, harm.old, harm.new)
        found = _played(rates(harm.old, success, MED), _rollback(harm), plan, f"{harm.what}, late").canary
        delay = _median(np.where(found < 0, np.inf, found - before)[(found < 0) | (found > before)])
        start = _median(_leases(_played(rates(harm.old, harm.new, MED), _rollback(harm), plan, harm.what)))
        numbers = {"late": delay, "from_start": start, "ratio": delay / start}
        measured = f"{delay:.0f}  (from the start {start:.0f}, ratio {delay / start:.2f})"
        yield Row(LATE, harm.what, measured, "ratio <= 2", delay <= 2 * start, numbers)


class Sight(NamedTuple):
    """A harm in the world that ``truth`` makes of the traffic, the gates that see it by row of scores, and the
    reference implementation's medians at the three levels."""

    what: str
    truth: Callable[[Level], World]
    metrics: tuple[str, ...]
    reference: str


_DEAD = Life(code=0, early=0, refunded=0, bought=0)
_SILENT = Life(code=0, early=0)
_FEWER_CODES = Life(code=0.60, early=0.60 * Life().early / Life().code)

SIGHTS = (
    Sight("dead endpoint", lambda level: laws.life(Life(), _DEAD, level), LIFE, "11 / 1.6 / 0.6 min"),
    Sight("silent outage", lambda level: laws.life(Life(), _SILENT, level), LIFE, "32 / 6.1 / 3.4 min"),
    Sight(
        "success .85 -> .60", lambda level: laws.life(Life(), _FEWER_CODES, level), LIFE, "174 / 35 / 16 min"
    ),
    Sight("p95 x3", lambda level: laws.latency(3, level), ("latency_p95",), "24 / 4.2 / 2.3 min"),
    Sight(
        "refunds .10 -> .25", lambda level: rates(0.90, 0.75, level), ("refund_ratio",), "540 / 71 / 26 min"
    ),
)


def clock(plan: Plan) -> Iterator[Row]:
    """Delays by the clock: the leases must start, grow as old as a gate's window asks, and be looked at."""
    for sight in SIGHTS:
        minutes = {level.name: _median(_first_sight(sight, level, plan)) / 60 for level in LEVELS}
        measured = " / ".join(f"{value:.{0 if value >= 10 else 1}f}" for value in minutes.values())
        yield Row(CLOCK, sight.what, f"{measured} min", _reference(sight.reference), None, minutes)


def _first_sight(sight: Sight, level: Level, plan: Plan) -> Floats:
    """Seconds until the first of the gates stops, per replicate."""
    rng = plan.rng(f"{sight.what}, {level.name}")
    gates = [gate(metric, row=row) for row, metric in enumerate(sight.metrics)]
    stops = play(sight.truth(level), gates, plan.replicates, rng)
    luck = rng.random(plan.replicates)
    times = [_seconds(found, level, metric, luck) for found, metric in zip(stops, sight.metrics, strict=True)]
    first: Floats = np.min(times, axis=0)
    return first


PROMOTIONS = (
    (0.05, LOW, ""),
    (0.05, MED, "1.9 h"),
    (0.05, HIGH, "0.5 h"),
    (0.02, MED, "9.3 h"),
    (0.02, HIGH, "1.4 h"),
)
"""Margin, traffic, and the reference implementation's median."""


def equal(plan: Plan) -> Iterator[Row]:
    """How soon an equal canary may be promoted."""
    for margin, level, reference in PROMOTIONS:
        what = f"margin {margin * 100:.0f}pp, {level.name}"
        stops = _played(rates(0.85, 0.85, level), Gate(Side.PROMOTE, margin, BETA), plan, what)
        luck = plan.rng(f"{what}, times").random(plan.replicates)
        hours = _median(_seconds(stops, level, "lease_success", luck)) / 3600
        leases = _median(_leases(stops))
        bound = fewest_leases(0.85, 0.85, margin, CANARY, BETA)
        measured = f"{hours:.1f} h  ({leases:.0f} canary leases, bound on the mean {bound:.0f})"
        yield Row(EQUAL, what, measured, _reference(reference), None, {"hours": hours, "leases": leases})


# --- what they share --------------------------------------------------------------------------------------------


def _rollback(harm: Harm) -> Gate:
    return Gate(Side.ROLLBACK, harm.delta, ALPHA)


def _played(truth: World, rule: Gate, plan: Plan, name: str) -> Stops:
    return play(truth, [rule], plan.replicates, plan.rng(name))[0]


def _leases(stops: Stops) -> Floats:
    """Leases on ``new`` until each stop; infinite where there was none."""
    return np.where(stops.stopped, stops.canary, np.inf)


def _median(values: Floats) -> float:
    """The median where some are infinite: the lower one of two in the middle, if the upper is."""
    ordered = np.sort(values)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return float(middle.mean()) if np.isfinite(middle).all() else float(middle[0])


def _delay_row(what: str, stops: Stops, most: float | None, bound: float | None) -> Row:
    leases = _leases(stops)
    median, mean = _median(leases), float(leases.mean())
    numbers = {"median": median, "mean": mean, "bound": bound, "most": most}
    measured, limits, holds = f"{median:.0f} / {mean:.1f}", [], []
    if most is not None:
        limits.append(f"median <= {most:g}")
        holds.append(median <= most)
    if bound is not None:
        measured += f"  (bound {bound:.1f}: {median / bound:.2f}x / {mean / bound:.2f}x)"
        limits.append(f"<= {RATIO_MEDIAN}x / {RATIO_MEAN}x")
        holds += [round(median / bound, 1) <= RATIO_MEDIAN, round(mean / bound, 1) <= RATIO_MEAN]
    return Row(HARM, what, measured, ", ".join(limits), all(holds) if holds else None, numbers)


def _seconds(stops: Stops, level: Level, metric: str, luck: Floats) -> Floats:
    """Seconds until the stop: leases come at random, and are read by a tick once they are old enough.

    Args:
        luck: uniform, one per replicate: how early its leases come.
    """
    started = gammaincinv(np.maximum(stops.leases, 1), luck) / level.leases_per_hour * 3600
    age = max(GATES[metric].window, LONGEST) + SETTLE + Judging().tick / 2
    return np.where(stops.stopped, started + age, np.inf)


LONGEST = float(ArmPolicy.model_fields["timeout"].default)
"""Seconds after which a call has its answer or has failed."""


def _reference(value: str) -> str:
    return f"reference {value}" if value else ""
