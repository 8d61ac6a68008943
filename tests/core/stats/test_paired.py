"""The paired test of a shadow stage."""

from itertools import product

import numpy as np
import pytest

from canary.core.pairs import Pairs
from canary.core.stats.paired import log_e


def test_the_mean_is_one_when_either_arm_is_as_likely_to_fail_alone():
    """Enumerated over six discordant pairs."""
    mean = np.mean(
        [np.exp(log_e(Pairs(only_new=sum(new), only_old=6 - sum(new)))) for new in product((0, 1), repeat=6)]
    )
    assert mean == pytest.approx(1, abs=1e-12)


def test_equal_arms_are_hardly_ever_called_different():
    """With a look after every discordant pair, level .01 holds."""
    new = np.random.default_rng(31).random((1000, 400)) < 0.5
    counts = np.cumsum(new, axis=1)
    over = [
        max(log_e(Pairs(int(n), i + 1 - int(n))) for i, n in enumerate(row) if i % 10 == 9) >= np.log(100)
        for row in counts
    ]
    assert np.mean(over) <= 0.02


def test_a_worse_arm_is_found_in_few_pairs():
    """Twelve lone failures of new against one of old are enough."""
    assert log_e(Pairs(only_new=12, only_old=1)) > np.log(100)


def test_pairs_that_agree_say_nothing():
    """Failures that both arms share are no difference."""
    assert log_e(Pairs(both=1000, neither=5000)) == pytest.approx(0)


def test_pairs_add_up():
    """Replicas' counts merge, and rates are read from the sum."""
    pairs = Pairs(1, 2, 3, 4).merge(Pairs(4, 3, 2, 1))
    assert pairs == Pairs(5, 5, 5, 5)
    assert pairs.rates == (0.5, 0.5)
    assert Pairs().rates == (None, None)
    assert Pairs(3, 1, 0, 6).difference == pytest.approx(0.2)
