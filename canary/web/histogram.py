"""Latency as a prometheus histogram, made of the tallies' fixed bins."""

from collections import Counter
from math import sqrt

from canary.core.stats.bins import COUNT, edge

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram in seconds."""

_LAST_BINS = tuple(max(i for i in range(COUNT) if edge(i) <= bound) for bound in BOUNDS)
"""The last bin that lies wholly below each bound."""


def histogram(bins: Counter[int]) -> tuple[list[tuple[str, float]], float]:
    """Cumulative counts per bound, and the sum of all latencies with each bin at its middle."""
    buckets = [
        (f"{bound}", float(sum(n for i, n in bins.items() if i <= last)))
        for bound, last in zip(BOUNDS, _LAST_BINS, strict=True)
    ]
    total = sum(n * _middle(i) for i, n in bins.items())
    return [*buckets, ("+Inf", float(bins.total()))], total


def _middle(index: int) -> float:
    index = min(index, COUNT - 2)
    return sqrt(edge(index - 1) * edge(index)) if index else edge(0) / 2
