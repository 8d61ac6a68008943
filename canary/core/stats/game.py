"""The wealth of one test replayed from its counts, remembering closed epochs so that a look stays cheap."""

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from canary.core.model import Arm
from canary.core.stats.eprocess import Floats, Side, Table, Wealth, start_share, table
from canary.core.stats.strata import Bet, Key, Stratum

type Rows = Mapping[float, Mapping[Key, Stratum]]
"""Start of an epoch -> its strata."""


class Game:
    """One side of one metric.

    Args:
        scored: which of a stratum's bets are played with.
        delta: the margin between the arms' rates.
        epoch: length of an epoch in seconds.
    """

    def __init__(self, side: Side, scored: Side, delta: float, epoch: float) -> None:
        self._side = side
        self._scored = scored
        self._delta = delta
        self._epoch = epoch
        self._log_weights = _table(side, 0.5, 0.5, delta).log_weights
        self._marks: list[tuple[float, Wealth]] = []  # start of an epoch, wealth before its bets

    def touched(self, start: float) -> None:
        """The epoch at ``start`` got another bet: what came after it must be played again."""
        while self._marks and self._marks[-1][0] > start:
            self._marks.pop()

    def log_e(self, starts: list[float], rows: Rows) -> float:
        """log E over all bets.

        Args:
            starts: the epochs in order.
        """
        wealth = self._begin()
        done = bisect_left(starts, self._marks[-1][0]) if self._marks else 0
        for start in starts[done:]:
            steps = [
                self._steps(key.probability, stratum)
                for key, stratum in rows[start].items()
                if stratum.frozen is not None and stratum.bets[self._scored]
            ]
            if not steps:
                continue
            wealth = self._opened(start, wealth)
            wealth = wealth.moved(sum(steps[1:], steps[0]))
        return float(wealth.log_value)

    def _begin(self) -> Wealth:
        if self._side is Side.PROMOTE:
            return Wealth.placed(self._log_weights)
        return Wealth.waiting(self._log_weights)

    def _opened(self, start: float, wealth: Wealth) -> Wealth:
        if self._marks and self._marks[-1][0] == start:
            return self._marks[-1][1]
        if self._side is Side.ROLLBACK:
            wealth = wealth.opened(self._share(start), self._log_weights)
        self._marks.append((start, wealth))
        return wealth

    def _share(self, start: float) -> float:
        if not self._marks:
            return start_share(-1, 0)
        first, last = self._marks[0][0], self._marks[-1][0]
        return start_share(round((last - first) / self._epoch), round((start - first) / self._epoch))

    def _steps(self, pi: float, stratum: Stratum) -> Floats:
        assert stratum.frozen is not None
        frozen = _table(self._side, pi, stratum.frozen.f0, self._delta)
        return log_e_of(frozen, stratum.bets[self._scored])


def log_e_of(frozen: Table, bets: Mapping[Bet, int]) -> Floats:
    """Log e-value of all these bets together, per alternative."""
    arms, bad, of = zip(*bets, strict=True)
    new = np.array([arm is Arm.NEW for arm in arms])
    x = 1 - np.array(bad) / np.array(of)
    result: Floats = np.array(list(bets.values()), np.float64) @ frozen.log_e(new, x)
    return result


@lru_cache(maxsize=1024)
def _table(side: Side, pi: float, f0: float, delta: float) -> Table:
    return table(side, pi, f0, delta)
