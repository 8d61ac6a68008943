"""The product's e-process played over simulated rollouts: many at once, a look after every lease of both arms.

Within an epoch the leases on ``old`` between two on ``new`` are known by their counts. That bounds E from above
over the whole epoch; only where the bound reaches the threshold is the order drawn and every lease looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.stats.traffic import Block, Ints, World, blocks, warm
from canary.core.stats.baseline import FORGETTING, PRIOR, PRIOR_LEASES
from canary.core.stats.eprocess import Floats, Side, Table, Wealth, start_share, table

CELLS = 120_000
"""Leases on ``new`` that are worked on at once: their arrays then stay near the processor."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's rule: stop when E reaches ``1 / level``.

    ``row`` is the metric's row of the world's scores; ``prior`` the failure rate of ``old`` supposed beforehand,
    counting for ``prior_leases``.
    """

    side: Side
    delta: float
    level: float
    row: int = 0
    prior: float = PRIOR["lease_success"]
    prior_leases: int = PRIOR_LEASES

    def begin(self, truth: World, replicates: int) -> "Game":
        return Game(self, truth.scores[self.row], replicates)


@dataclass(frozen=True, slots=True)
class Stops:
    """Where each replicate was stopped, counting the lease that did it; -1 where it never was.

    ``canary``: leases on ``new`` until then; ``leases``: leases on both arms.
    """

    canary: Ints
    leases: Ints

    @property
    def stopped(self) -> NDArray[np.bool_]:
        return self.canary >= 0


class Judge(Protocol):
    """What watches some replicates of a rollout and stops each at most once."""

    stops: Stops

    def learn(self, fates: Ints) -> None:
        """An epoch before the first bet, on ``old`` alone; ``fates`` has the shape (replicates, fates)."""

    def see(self, block: Block, rng: np.random.Generator) -> None:
        """An epoch of both arms."""


class Rule(Protocol):
    """A way to judge rollouts."""

    def begin(self, truth: World, replicates: int) -> Judge: ...


def play(truth: World, rules: Sequence[Rule], replicates: int, rng: np.random.Generator) -> list[Stops]:
    """All rules over the same rollouts, each until it stops."""
    chunk = max(CELLS // max(map(truth.canary_leases, range(truth.epochs))), 1)
    parts = [
        _play(truth, rules, min(chunk, replicates - start), rng) for start in range(0, replicates, chunk)
    ]
    return [
        Stops(np.concatenate([s.canary for s in stops]), np.concatenate([s.leases for s in stops]))
        for stops in zip(*parts, strict=True)
    ]


def _play(truth: World, rules: Sequence[Rule], replicates: int, rng: np.random.Generator) -> list[Stops]:
    judges = [rule.begin(truth, replicates) for rule in rules]
    for fates in warm(truth, replicates, rng):
        for judge in judges:
            judge.learn(fates)
    for block in blocks(truth, replicates, rng):
        for judge in judges:
            judge.see(block, rng)
        if all(judge.stops.stopped.all() for judge in judges):
            break
    return [judge.stops for judge in judges]


class Game:
    """One gate over many replicates; the tables are frozen per epoch with what ``old`` was like before."""

    def __init__(self, gate: Gate, scores: Floats, replicates: int) -> None:
        self.stops = Stops(np.full(replicates, -1), np.full(replicates, -1))
        self._gate = gate
        self._scores = scores
        self._bet = np.where(np.isnan(scores), 0.0, 1.0)
        self._bad = np.where(np.isnan(scores), 0.0, 1 - scores)
        self._seen, self._failed = np.zeros(replicates), np.zeros(replicates)
        self._wealth: Wealth | None = None

    def learn(self, fates: Ints) -> None:
        self._seen = FORGETTING * (self._seen + fates @ self._bet)
        self._failed = FORGETTING * (self._failed + fates @ self._bad)

    def see(self, block: Block, rng: np.random.Generator) -> None:
        frozen = self._table(block.pi)
        wealth = self._opened(frozen.log_weights, block.epoch)
        on_old, on_new = self._steps(frozen, new=False), self._steps(frozen, new=True)
        path = _walk(block, on_old, on_new)
        for row in np.flatnonzero(
            ~self.stops.stopped & self._reachable(block, wealth, path, on_old)
        ).tolist():
            start = Wealth(wealth.log_m[row], wealth.passive)
            self._look(row, block, start, np.stack([on_old[row], on_new[row]]), rng)
        self._wealth = wealth.moved(path[..., -1])
        self.learn(block.before.sum(axis=2))

    def _table(self, pi: float) -> Table:
        return table(self._gate.side, pi, self._f0, self._gate.delta)

    @property
    def _f0(self) -> Floats:
        supposed = self._gate.prior_leases
        return (self._failed + supposed * self._gate.prior) / (self._seen + supposed)

    @property
    def log_e(self) -> Floats:
        """log E of each replicate after the leases seen."""
        return np.zeros(len(self._seen)) if self._wealth is None else self._wealth.log_value

    def _opened(self, log_weights: Floats, epoch: int) -> Wealth:
        waits = self._gate.side is Side.ROLLBACK
        if self._wealth is None:
            tiled = np.tile(log_weights, (len(self._seen), 1))
            self._wealth = Wealth.waiting(tiled) if waits else Wealth.placed(tiled)
        return self._wealth.opened(start_share(epoch - 1, epoch), log_weights) if waits else self._wealth

    def _steps(self, frozen: Table, *, new: bool) -> Floats:
        """Log e-values per alternative and fate, shape (replicates, alternatives, fates)."""
        each = Table(frozen.log_weights, frozen.factors[:, None])
        return np.nan_to_num(each.log_e(np.full(len(self._scores), new), self._scores)).transpose(0, 2, 1)

    def _reachable(self, block: Block, wealth: Wealth, path: Floats, on_old: Floats) -> NDArray[np.bool_]:
        """Where E could have reached the threshold: the highest point of each path, and the best order above it."""
        between = np.maximum(on_old, 0) @ block.before.max(axis=2)[..., None]
        highest: Floats = np.maximum(path.max(axis=2), 0) + between[..., 0]
        within: NDArray[np.bool_] = wealth.moved(highest).log_value >= -np.log(self._gate.level)
        return within

    def _look(self, row: int, block: Block, start: Wealth, steps: Floats, rng: np.random.Generator) -> None:
        """After every lease of one replicate's epoch; ``steps`` has the shape (arm, alternatives, fates)."""
        order = in_order(block.before[row].T, block.new[row], rng)
        path = start.moved(np.cumsum(steps[order.new.astype(np.int64), :, order.fate], axis=0))
        over = path.log_value >= -np.log(self._gate.level)
        if over.any():
            first = int(over.argmax())
            self.stops.canary[row] = block.canary + int(order.new[: first + 1].sum())
            self.stops.leases[row] = block.leases[row] + first + 1


@dataclass(frozen=True, slots=True)
class Order:
    """The leases of one replicate's epoch in the order of their starts."""

    new: NDArray[np.bool_]
    fate: Ints


def in_order(before: Ints, new: Ints, rng: np.random.Generator) -> Order:
    """Leases one by one: those on ``old`` before each on ``new``, by counts, in a random order.

    Args:
        before: shape (leases, fates).
        new: shape (leases,).
    """
    gap = np.repeat(np.arange(len(new)), before.sum(axis=1))
    fate = np.repeat(np.tile(np.arange(before.shape[1]), len(new)), before.ravel())
    fate = fate[np.lexsort((rng.random(len(fate)), gap))]
    ends = np.cumsum(before.sum(axis=1))
    return Order(np.insert(np.zeros(len(fate), np.bool_), ends, True), np.insert(fate, ends, new))


def _walk(block: Block, on_old: Floats, on_new: Floats) -> Floats:
    """The summed steps after each lease on ``new``, shape (replicates, alternatives, leases)."""
    steps = np.take_along_axis(on_new, block.new[:, None], axis=2)
    for fate in range(on_old.shape[2]):
        steps += on_old[:, :, fate, None] * block.before[:, None, fate]
    return np.cumsum(steps, axis=2)
