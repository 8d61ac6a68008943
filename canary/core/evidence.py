"""The evidence of one attempt: what every look starts from, as counts that can be stored, read again and merged.

Purchases are added in the order in which the store wrote them, each once per metric, when they are as old as
the metric's window asks. An epoch's parameters are frozen at its first bet from purchases before it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import Any, Self

from canary.core.model import Arm, Lease, Purchase
from canary.core.policy.gates import Gate
from canary.core.scores import STOCK
from canary.core.series import Series
from canary.core.stats.strata import WARMUP, Key


class Evidence:
    """All counts of one attempt.

    Args:
        gates: the policy's gates; ``STOCK`` is always counted with them.
        attempt: purchases of earlier attempts on ``old`` count as warm-up.
        epoch: length of an epoch in seconds.
        since: bets start here, in seconds since the epoch: after an edit of the margins, what was bet before
            only teaches what ``old`` is like.
        factors: each arm's price unit in units of ``old``.
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        attempt: int,
        epoch: float,
        *,
        since: float = -inf,
        factors: Mapping[Arm, Decimal] | None = None,
    ) -> None:
        self.gates = (*gates, STOCK)
        self._attempt = attempt
        self._epoch = epoch
        self._since = since
        self._factors = dict(factors or {})
        self._series = {gate.name: Series(gate, epoch) for gate in self.gates}

    def __getitem__(self, metric: str) -> Series:
        return self._series[metric]

    def cursor(self, metric: str) -> int:
        """Serial of the last purchase that was taken in for the metric; 0 before the first."""
        return self._series[metric].cursor

    def add(self, metric: str, serial: int, purchase: Purchase, lease: Lease | None) -> None:
        """Take in a matured purchase; one that was taken in before changes nothing.

        With an assignment unit other than the lease, only the first purchase of each unit is randomised:
        pass over the others.

        Args:
            serial: counts purchases in the order of writing, from 1.
        """
        series = self._series[metric]
        if serial <= series.cursor:
            return
        key = self._key(purchase)
        if key is not None:
            series.add(key, serial, purchase, lease, self._factors)
        series.cursor = serial

    def take_changed(self) -> dict[str, Any]:
        """The parts that changed since they were last taken: JSON by ``metric@start``, one per metric and epoch."""
        return {
            f"{metric}@{start!r}": data
            for metric, series in self._series.items()
            for start, data in series.take_changed().items()
        }

    def restore(self, parts: Mapping[str, Any]) -> None:
        """Take in stored parts, in any order; those of metrics that are no longer judged are passed over."""
        for name, data in parts.items():
            metric, _, start = name.rpartition("@")
            if metric in self._series:
                self._series[metric].restore(float(start), data)

    def merge(self, other: Self) -> "Evidence":
        """The counts of both, taken from different purchases; commutative and associative.

        Raises:
            ValueError: the same stratum was bet with different parameters.
        """
        merged = Evidence(
            self.gates[:-1], self._attempt, self._epoch, since=self._since, factors=self._factors
        )
        for metric, series in merged._series.items():
            series.absorb(self._series[metric])
            series.absorb(other._series[metric])
        return merged

    def _key(self, purchase: Purchase) -> Key | None:
        """The strata that a purchase belongs to; ``None`` when it was not drawn, or teaches nothing of ``old``."""
        drawn = purchase.assignment
        if drawn is None or drawn.attempt > self._attempt:
            return None
        current = drawn.attempt == self._attempt and purchase.at >= self._since
        if current and 0 < drawn.probability < 1:
            return Key(drawn.stage, drawn.probability)
        return WARMUP if drawn.arm is Arm.OLD else None
