"""The same e-process bet in ways that void its guarantee: what the matured, per-lease, stratified one avoids."""

from dataclasses import dataclass

import numpy as np

from bench.stats.gate import Game, Gate
from bench.stats.traffic import World
from canary.core.stats.eprocess import Floats, Table, table


@dataclass(frozen=True, slots=True)
class Pooled:
    """One table for the whole ramp, as if all leases had been drawn with the average probability."""

    gate: Gate

    def begin(self, truth: World, replicates: int) -> Game:
        game = _PooledGame(self.gate, truth.scores[self.gate.row], replicates)
        game.average = float(np.mean(truth.pi))
        return game


class _PooledGame(Game):
    average: float
    _pooled: Table | None = None

    def _table(self, pi: float) -> Table:
        if self._pooled is None:
            self._pooled = table(self._gate.side, self.average, self._f0, self._gate.delta)
        return self._pooled


@dataclass(frozen=True, slots=True)
class PerCall:
    """One bet per call instead of one per lease, although the calls of a lease are alike."""

    gate: Gate
    calls: int

    def begin(self, truth: World, replicates: int) -> Game:
        game = _PerCallGame(self.gate, truth.scores[self.gate.row], replicates)
        game.calls = self.calls
        return game


class _PerCallGame(Game):
    calls: int

    def _steps(self, frozen: Table, *, new: bool) -> Floats:
        bad, good = (
            Table(frozen.log_weights, frozen.factors[:, None]).log_e(new, x)[:, 0] for x in (0.0, 1.0)
        )
        x = np.nan_to_num(self._scores, nan=0.0) * self._bet
        return self.calls * self._bet * (x * good[..., None] + (1 - x) * bad[..., None])
