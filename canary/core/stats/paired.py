"""The test of a shadow stage: both arms answered the same call, so each pair is its own comparison.

Pairs in which both did well or both failed say nothing of a difference. Among the others, the discordant ones,
an arm that is no worse fails alone at most every second time. The mixture is the one of the gates.
"""

import numpy as np

from canary.core.pairs import Pairs
from canary.core.stats.eprocess import HARM_ODDS, HARM_WEIGHTS


def log_e(pairs: Pairs) -> float:
    """Log of the e-value against "of the discordant pairs, ``new`` fails at most half"."""
    q = HARM_ODDS / (1 + HARM_ODDS)
    steps = pairs.only_new * np.log(2 * q) + pairs.only_old * np.log(2 * (1 - q))
    return float(np.logaddexp.reduce(np.log(HARM_WEIGHTS) + steps))
