"""Pairs of a served answer and its shadow copy, counted by this process and handed to the ledger for the store."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from canary.core.model import Arm, Rollout
from canary.core.pairing import Pairing
from canary.core.pairs import PairKey, Pairs
from canary.gateway.asking import Asked


class PairCounts:
    """Counts of this process since it started.

    Args:
        terms: what the policy judges by (``canary.core.policy.terms``).
        rollout: where it stands.
    """

    def __init__(self, pairing: Pairing, terms: str, rollout: Callable[[], Rollout]) -> None:
        self._pairing = pairing
        self._terms = terms
        self._rollout = rollout
        self._counts: defaultdict[PairKey, Pairs] = defaultdict(Pairs)
        self._changed: set[PairKey] = set()

    def take(self, served: Asked, copy: Asked) -> None:
        """Take in a served answer and its copy, which may be one by the same arm: that pairs nothing."""
        if served.arm is copy.arm:
            return
        sides = {served.arm: served.exchange, copy.arm: copy.exchange}
        at = self._rollout()
        for metric, pair in self._pairing.judge(sides[Arm.OLD], sides[Arm.NEW]).items():
            key = PairKey(self._terms, at.attempt, at.stage_index, metric)
            self._counts[key] = self._counts[key].merge(pair)
            self._changed.add(key)

    def take_changed(self) -> dict[PairKey, Pairs]:
        """The counts that changed since the last call, as totals of this process."""
        changed, self._changed = self._changed, set()
        return {key: self._counts[key] for key in changed}

    def give_back(self, keys: Iterable[PairKey]) -> None:
        """Counts that could not be written: they are taken again next time."""
        self._changed.update(keys)
