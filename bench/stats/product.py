"""Item 5: the product's own counts give the simulation's evidence, cheaply, and replicas' counts add up."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from bench.stats import laws, purchases
from bench.stats.gate import Game, Order, in_order
from bench.stats.laws import GATES, LIFE, Life, gate
from bench.stats.plan import Plan
from bench.stats.purchases import Bought, Record, drawn
from bench.stats.rows import Row
from bench.stats.traffic import EPOCH, HIGH, LOW, WARM_EPOCHS, World, blocks, warm
from canary.core.evidence import Evidence
from canary.core.margins import sides
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import from_json, to_json

PRODUCT = "6  The product's counts: evidence per metric and epoch, 24 h ramp of 5, 25, 50 % at low traffic"

EXACT = 1e-9
LOOK_MICROSECONDS = 100.0
BYTES_PER_EPOCH = 5 * 1024


def checks(plan: Plan) -> Iterator[Row]:
    """Everything that is claimed of ``Evidence``."""
    rng = plan.rng("product")
    replays = [replay(source, rng) for source in SOURCES]
    yield _error_row("E of Evidence against the simulation's", max(found.error for found in replays))
    evidences = [found.evidence for found in replays]
    yield _error_row(
        "E merged from two replicas against one node's", max(merge_error(e, rng) for e in evidences)
    )
    yield _look_row(replays)
    yield _size_row(rng)


# --- the same leases through the simulation and through the product -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A world whose fates can be written as the product's records."""

    truth: World
    metrics: tuple[str, ...]
    record: Record


def _ramp(truth: World) -> World:
    hours = np.arange(truth.epochs) / 2
    return replace(truth, pi=np.select([hours < 12, hours < 16], [0.05, 0.25], 0.50))


_WORSE = Life(code=0.83, early=0.72, refunded=0.12, bought=0.98)
SOURCES = (
    Source(_ramp(laws.life(Life(), _WORSE, LOW)), LIFE, purchases.life),
    Source(_ramp(laws.calls(0.02, 0.03, LOW)), ("call_success",), purchases.calls),
    Source(_ramp(laws.calls(0.03, 0.04, LOW)), ("latency_p95",), purchases.latency),
)


@dataclass(frozen=True, slots=True)
class Replay:
    """``error``: the largest relative difference of E after any epoch."""

    evidence: Evidence
    error: float
    last: Bought


def replay(source: Source, rng: np.random.Generator) -> Replay:
    """One rollout, played by both."""
    truth = source.truth
    evidence = Evidence([GATES[metric] for metric in source.metrics], 1, EPOCH)
    games = {
        (metric, side): gate(metric, side, row).begin(truth, 1)
        for row, metric in enumerate(source.metrics)
        for side in sides(GATES[metric])
    }
    serial, error = 1, 0.0
    for epoch, fates in enumerate(warm(truth, 1, rng), start=-WARM_EPOCHS):
        for game in games.values():
            game.learn(fates)
        alone = Order(np.zeros(fates.sum(), np.bool_), np.repeat(np.arange(fates.size), fates[0]))
        serial, _ = _take_in(evidence, map(source.record, drawn(alone, serial, epoch, 0.0, 0)))
    for block in blocks(truth, 1, rng):
        for game in games.values():
            game.see(block, rng)
        stage = int(np.searchsorted(np.unique(truth.pi), block.pi)) + 1
        one_by_one = drawn(
            in_order(block.before[0].T, block.new[0], rng), serial, block.epoch, block.pi, stage
        )
        serial, last = _take_in(evidence, map(source.record, one_by_one))
        error = max(error, *(_difference(evidence, game, *key) for key, game in games.items()))
    return Replay(evidence, error, last)


def _take_in(evidence: Evidence, bought: Iterator[Bought]) -> tuple[int, Bought]:
    """Add all of it to every metric; the next serial, and the last purchase."""
    for one in bought:
        for found in evidence.gates:
            evidence.add(found.name, *one)
    return one[0] + 1, one


def _difference(evidence: Evidence, game: Game, metric: str, side: Side) -> float:
    return float(abs(np.expm1(evidence[metric].log_e(side) - game.log_e[0])))


def _error_row(what: str, error: float) -> Row:
    return Row(PRODUCT, what, f"{error:.1e} relative", f"<= {EXACT:g}", error <= EXACT, {"error": error})


# --- merging ------------------------------------------------------------------------------------------------------


def merge_error(evidence: Evidence, rng: np.random.Generator) -> float:
    """The bets are dealt out to two replicas that share the frozen parameters, and merged again."""
    left, right = ({} for _ in range(2))
    for name, part in evidence.take_changed().items():
        left[name], right[name] = _dealt(part, rng)
    merged = _restored(evidence, left).merge(_restored(evidence, right))
    return max(
        float(abs(np.expm1(merged[found.name].log_e(side) - evidence[found.name].log_e(side))))
        for found in evidence.gates[:-1]
        for side in sides(found)
    )


def _dealt(part: Mapping[str, Any], rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    left, right = [], []
    for stage, probability, data in part["strata"]:
        here, there = from_json(data), from_json(data)
        for side in Side:
            bets = here.bets[side]
            dealt = Counter({bet: int(rng.binomial(n, 0.5)) for bet, n in bets.items()})
            here.bets[side], there.bets[side] = +dealt, bets - dealt
        left.append([stage, probability, to_json(here)])
        right.append([stage, probability, to_json(there)])
    return {**part, "strata": left}, {**part, "strata": right}


def _restored(like: Evidence, parts: Mapping[str, Any]) -> Evidence:
    found = Evidence(like.gates[:-1], 1, EPOCH)
    found.restore(parts)
    return found


# --- what it costs ------------------------------------------------------------------------------------------------

LOOKS = 300


def _look_row(replays: Sequence[Replay]) -> Row:
    """A new lease, and E of both sides anew: what each tick does per metric after a day of epochs."""
    took = {}
    for found in replays:
        for metric in (judged.name for judged in found.evidence.gates[:-1]):
            took[metric] = _look(found.evidence, metric, found.last)
    slowest = max(took, key=lambda metric: took[metric])
    measured = f"{took[slowest]:.0f} us ({slowest})"
    holds = took[slowest] <= LOOK_MICROSECONDS
    return Row(PRODUCT, "a look, per metric", measured, f"<= {LOOK_MICROSECONDS:.0f} us", holds, took)


def _look(evidence: Evidence, metric: str, last: Bought) -> float:
    """Median microseconds."""
    serial, purchase, lease = last
    took = []
    for number in range(1, LOOKS + 1):
        evidence.add(metric, serial + number, purchase, lease)
        before = perf_counter()
        for side in sides(GATES[metric]):
            evidence[metric].log_e(side)
        took.append(perf_counter() - before)
    return median(took) * 1e6


def _size_row(rng: np.random.Generator) -> Row:
    """The largest stored part of an epoch, at high traffic and with latencies in many bins."""
    truth = laws.latency(1, HIGH)
    kinds: dict[str, Record] = {
        "latency_p95": partial(purchases.lifelike, rng=rng),
        "call_success": purchases.calls,
    }
    sizes = {}
    for metric, record in kinds.items():
        evidence = Evidence([GATES[metric]], 1, EPOCH)
        alone = Order(np.zeros(200, np.bool_), np.zeros(200, np.int64))
        serial, _ = _take_in(evidence, map(record, drawn(alone, 1, -1, 0.0, 0)))
        block = next(blocks(truth, 1, rng))
        order = in_order(block.before[0].T, block.new[0], rng)
        _take_in(evidence, map(record, drawn(order, serial, 0, 0.05, 1)))
        parts = evidence.take_changed()
        sizes[metric] = max(len(_stored(part)) for name, part in parts.items() if name.startswith(metric))
    largest = max(sizes, key=lambda metric: sizes[metric])
    measured = f"{sizes[largest] / 1024:.1f} KB ({largest}, 1800 canary leases per hour)"
    return Row(
        PRODUCT, "stored per metric and epoch", measured, "<= 5 KB", sizes[largest] <= BYTES_PER_EPOCH, sizes
    )


def _stored(part: Any) -> bytes:
    return json.dumps(part, separators=(",", ":")).encode()
