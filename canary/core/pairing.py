"""Pairs of answers to one call: who failed alone, and who was slow alone.

A call is slow on old when it took longer than a threshold, and on new when it took longer than the threshold times
the margin. Whatever the threshold, an arm that is slower by no more than the margin is slow alone at most as often
as old is, as long as the threshold was fixed before the pair. It is the p95 of old's answers to the same action in
the pairs before, where the test has most power.
"""

from collections import Counter, defaultdict
from math import inf

from canary.core.leases import is_fault
from canary.core.margins import LATENCY, bins_of
from canary.core.model import Exchange, Failure
from canary.core.pairs import Pairs
from canary.core.stats.baseline import P95
from canary.core.stats.bins import bin_of, quantile_bin
from canary.core.stats.eprocess import Side

CALLS = "call_success"

OUR_OWN = frozenset({Failure.SATURATED, Failure.TOO_LARGE})
"""Failures by limits of ours, which are narrower for copies than for clients."""

WARM = 20
"""Pairs of an action before its latency is compared: fewer say nothing of a p95."""


class Pairing:
    """Judges one pair after the other.

    Args:
        patience: seconds after which either arm counts as failing. It is the same for both: the arms and the
            shadow copies have timeouts of their own.
        factor: how many times as slow new may be; ``None`` when latency is not judged.
    """

    def __init__(self, patience: float = inf, factor: float | None = None) -> None:
        self._patience = patience
        self._slower = None if factor is None else bins_of(factor, Side.ROLLBACK)
        self._old: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def judge(self, old: Exchange, new: Exchange) -> dict[str, Pairs]:
        """What a pair adds to each metric; nothing when one call was held back by our own limit."""
        if not OUR_OWN.isdisjoint({old.failure, new.failure}):
            return {}
        found = {CALLS: Pairs.of(old=self._failed(old), new=self._failed(new))}
        if self._slower is not None and old.failure is None and new.failure is None:
            found |= self._latency(old, new, self._slower)
        return found

    def _failed(self, exchange: Exchange) -> bool:
        return is_fault(exchange) or exchange.latency > self._patience

    def _latency(self, old: Exchange, new: Exchange, slower: int) -> dict[str, Pairs]:
        before = self._old[old.call.label]
        threshold, warm = quantile_bin(before, P95), before.total() >= WARM
        took = bin_of(old.latency)
        before[took] += 1
        if not warm:
            return {}
        return {LATENCY: Pairs.of(old=took > threshold, new=bin_of(new.latency) > threshold + slower)}
