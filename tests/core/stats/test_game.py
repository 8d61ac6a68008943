"""The game replayed from counts equals the game played lease by lease."""

from collections import Counter

import numpy as np
import pytest

from canary.core.model import Arm
from canary.core.stats.eprocess import Side, Wealth, start_share, table
from canary.core.stats.game import Game
from canary.core.stats.strata import WARMUP, Bet, Frozen, Key, Stratum

EPOCH = 10.0
DELTA = 0.02
KEYS = (Key(1, 0.05), Key(2, 0.5))
# epochs of which one has no leases, one a change of stage, and one a warm-up only
STARTS = {0.0: (WARMUP,), 10.0: KEYS[:1], 20.0: KEYS, 50.0: KEYS[1:]}


def some_rows(seed: int = 71) -> dict[float, dict[Key, Stratum]]:
    rng = np.random.default_rng(seed)
    rows: dict[float, dict[Key, Stratum]] = {}
    for start, keys in STARTS.items():
        for key in keys:
            stratum = Stratum(None if key == WARMUP else Frozen(0.1 + start / 1000))
            for _ in range(40):
                bet = Bet(Arm.NEW if rng.random() < 0.5 else Arm.OLD, int(rng.integers(0, 5)), 4)
                stratum.bets[Side.ROLLBACK][bet] += 1
            rows.setdefault(start, {})[key] = stratum
    return rows


def by_hand(rows: dict[float, dict[Key, Stratum]], side: Side) -> float:
    """Lease by lease, as the definition says."""
    weights = table(side, 0.5, 0.5, DELTA).log_weights
    wealth = Wealth.waiting(weights) if side is Side.ROLLBACK else Wealth.placed(weights)
    epoch = -1
    for start in sorted(rows):
        played = [(key, s) for key, s in rows[start].items() if key != WARMUP]
        if played and side is Side.ROLLBACK:
            index = round((start - 10.0) / EPOCH)
            wealth = wealth.opened(start_share(epoch, index), weights)
            epoch = index
        for key, stratum in played:
            frozen = table(side, key.probability, stratum.frozen.f0, DELTA)
            for bet in stratum.bets[Side.ROLLBACK].elements():
                wealth = wealth.moved(frozen.log_e(bet.arm is Arm.NEW, 1 - bet.bad / bet.of))
    return float(wealth.log_value)


@pytest.mark.parametrize("side", Side)
def test_counts_give_what_single_leases_give(side):
    """Nothing but (arm, bad, of) per stratum matters."""
    rows = some_rows()
    game = Game(side, Side.ROLLBACK, DELTA, EPOCH)
    assert game.log_e(sorted(rows), rows) == pytest.approx(by_hand(rows, side), rel=1e-9)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("start", [10.0, 20.0, 30.0, 50.0, 60.0])
def test_a_remembered_epoch_changes_nothing(side, start):
    """A game that looked before gives what a new one gives, wherever the next lease falls."""
    rows = some_rows()
    game = Game(side, Side.ROLLBACK, DELTA, EPOCH)
    game.log_e(sorted(rows), rows)
    stratum = rows.setdefault(start, {}).setdefault(KEYS[1], Stratum(Frozen(0.2)))
    stratum.bets[Side.ROLLBACK] += Counter({Bet(Arm.NEW, 4, 4): 3})
    game.touched(start)
    assert game.log_e(sorted(rows), rows) == pytest.approx(by_hand(rows, side), rel=1e-9)


def test_without_bets_the_stake_is_whole():
    """E is 1 before the first bet, on both sides."""
    for side in Side:
        assert Game(side, side, DELTA, EPOCH).log_e([], {}) == pytest.approx(0)
