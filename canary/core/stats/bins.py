"""Fixed log-spaced latency bins of a little under 2 %: exact counts at bin edges, mergeable by adding.

A sketch with data-dependent centroids (a t-digest) has no such guarantee; with fixed edges the fraction of
calls slower than an edge is exact, so an error in the quantile can cost power but never validity.
"""

from collections.abc import Mapping
from math import ceil, log

GROWTH = 1.25 ** (1 / 12)
"""Twelve bins are the gate's default margin: a margin between two edges would be rounded up, and cost power."""

SHORTEST = 0.001
LONGEST = 300.0
COUNT = ceil(log(LONGEST / SHORTEST) / log(GROWTH)) + 2
"""Number of bins: one below ``SHORTEST``, one above ``LONGEST``, and about 680 between."""

_SCALE = 1 / log(GROWTH)
_OFFSET = -log(SHORTEST) * _SCALE + 1


def bin_of(seconds: float) -> int:
    """The bin of a duration: 0 below one millisecond, ``COUNT - 1`` above five minutes."""
    if seconds < SHORTEST:
        return 0
    return min(int(log(seconds) * _SCALE + _OFFSET), COUNT - 1)


def edge(index: int) -> float:
    """The upper edge of a bin in seconds; infinite for the last."""
    return float("inf") if index >= COUNT - 1 else SHORTEST * GROWTH**index


def quantile_bin(counts: Mapping[int, float], q: float) -> int:
    """The first bin at whose upper edge at least the fraction ``q`` of all counts lies below; 0 without counts."""
    total = sum(counts.values())
    reached = 0.0
    for index in sorted(counts):
        reached += counts[index]
        if reached >= q * total:
            return index
    return 0


def quantile(counts: Mapping[int, float], q: float) -> float | None:
    """The quantile ``q`` in seconds, at most 2 % too high; ``None`` without counts."""
    return edge(min(quantile_bin(counts, q), COUNT - 2)) if counts else None


def slower(counts: Mapping[int, float], than: int) -> float:
    """How many calls lie in bins above ``than``."""
    return sum(n for index, n in counts.items() if index > than)
