"""Sample-ratio mismatch."""

from math import log

import numpy as np
import pytest

from canary.core.stats.srm import THRESHOLD, Sample, expected_share, log_e, whole


@pytest.mark.parametrize("pi", [0.05, 0.5, 0.97])
def test_the_expected_e_value_of_a_draw_is_one(pi):
    """Under the design no alternative wins on average."""
    mean = pi * np.exp(log_e({pi: Sample(0, 1)})) + (1 - pi) * np.exp(log_e({pi: Sample(1, 0)}))
    assert mean == pytest.approx(1, abs=1e-12)


def test_a_sound_draw_is_hardly_ever_called_lopsided():
    """With a look after every purchase, fewer than 1 in 1000 sound rollouts are held."""
    new = np.random.default_rng(21).random((500, 2000)) < 0.05
    counts = np.cumsum(new, axis=1)
    n = np.arange(1, 2001)
    looks = range(9, 2000, 40)
    over = np.zeros(500, bool)
    for row in range(500):
        over[row] = any(
            log_e({0.05: Sample(int(n[i] - counts[row, i]), int(counts[row, i]))}) >= log(THRESHOLD)
            for i in looks
        )
    assert over.sum() <= 3


def test_lost_leases_are_found():
    """An arm that loses a fifth of its leases is found within some thousand."""
    assert log_e({0.05: Sample(19000, 800)}) > log(THRESHOLD)
    assert log_e({0.05: Sample(19000, 1000)}) < 0


def test_a_ramp_is_no_mismatch():
    """Each design probability is compared with its own leases; 0 and 1 tell nothing."""
    samples = {0.0: Sample(500, 0), 0.05: Sample(950, 50), 0.5: Sample(500, 500), 1.0: Sample(0, 90)}
    assert log_e(samples) < 0
    assert whole(samples) == Sample(1450, 550)
    assert expected_share(samples) == pytest.approx(550 / 2000)


def test_no_leases_are_no_evidence():
    """Nothing drawn, nothing said."""
    assert log_e({}) == 0
    assert expected_share({}) == 0
