"""Sample-ratio mismatch: do the arms get the shares that the design says they get?

A lopsided sample means that something between the draw and the count loses leases of one arm; no comparison
can be trusted then. The evidence is a betting game too: new's leases against their design probability.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

ODDS = np.array([0.1, 0.4, 0.6, 0.75, 0.85, 0.93, 1.07, 1.17, 1.33, 1.6, 2.5, 10])
"""How many times the design odds of ``new`` the alternatives suppose, with equal weights."""

THRESHOLD = 1000.0
"""An e-value from here on holds the rollout: the chance under a sound design is at most 1 in 1000, ever."""


class Sample(NamedTuple):
    """Leases per arm."""

    old: int
    new: int

    @property
    def total(self) -> int:
        return self.old + self.new


def log_e(samples: Mapping[float, Sample]) -> float:
    """Log of the e-value against "every lease went to ``new`` with its design probability".

    Args:
        samples: design probability of ``new`` -> leases counted; 0 and 1 tell nothing and are left out.
    """
    drawn = [(pi, sample) for pi, sample in samples.items() if 0 < pi < 1]
    if not drawn:
        return 0.0
    pi = np.array([pi for pi, _ in drawn])[:, None]
    old, new = np.array([sample for _, sample in drawn], np.float64).T[..., None]
    odds = pi / (1 - pi) * ODDS
    q = odds / (1 + odds)
    steps = new * np.log(q / pi) + old * np.log((1 - q) / (1 - pi))
    return float(np.logaddexp.reduce(steps.sum(axis=0)) - np.log(len(ODDS)))


def expected_share(samples: Mapping[float, Sample]) -> float:
    """The share of ``new`` that the design leads one to expect over all of these leases; 0 without leases."""
    drawn = [(pi, sample.total) for pi, sample in samples.items() if 0 < pi < 1]
    total = sum(n for _, n in drawn)
    return sum(pi * n for pi, n in drawn) / total if total else 0.0


def whole(samples: Mapping[float, Sample]) -> Sample:
    """The leases that were drawn, over all design probabilities."""
    drawn = [sample for pi, sample in samples.items() if 0 < pi < 1]
    return Sample(sum(s.old for s in drawn), sum(s.new for s in drawn))
