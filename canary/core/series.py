"""The counts of one metric, epoch by epoch, with the games that are played on them."""

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import inf
from typing import Any

from canary.core.margins import COST, LATENCY, rate_margin, scales, scored, sides
from canary.core.model import Arm, Lease, Purchase
from canary.core.policy.gates import Gate
from canary.core.scores import drawn_arm, has_code, is_known, latency_bins, score, spent
from canary.core.stats.baseline import MEMORY, Past, freeze
from canary.core.stats.eprocess import Side
from canary.core.stats.game import Game
from canary.core.stats.pooled import Pooled
from canary.core.stats.strata import QUICK, WARMUP, Bet, Frozen, Key, Stratum, from_json, to_json


class Series:
    """One metric's counts.

    Args:
        epoch: length of an epoch in seconds.

    Attributes:
        cursor: serial of the last purchase that was taken in.
        pooled: all epochs together.
    """

    def __init__(self, gate: Gate, epoch: float) -> None:
        self.gate = gate
        self.cursor = 0
        self.pooled = Pooled()
        self._epoch = epoch
        self._starts: list[float] = []
        self._rows: dict[float, dict[Key, Stratum]] = {}
        self._serials: dict[float, int] = {}  # per epoch, the last purchase in it
        self._changed: set[float] = set()
        self._games = {
            side: Game(side, scored(gate.name, side), rate_margin(gate, side), epoch) for side in sides(gate)
        }

    def log_e(self, side: Side) -> float:
        """log E of one side; minus infinity for a side that the gate does not have."""
        game = self._games.get(side)
        return -inf if game is None else game.log_e(self._starts, self._rows)

    def strata(self, epochs: int = 0) -> Iterator[tuple[Key, Stratum]]:
        """All strata, or those of the last epochs only."""
        for start in self._starts[-epochs:]:
            yield from self._rows[start].items()

    def add(
        self, key: Key, serial: int, purchase: Purchase, lease: Lease | None, factors: Mapping[Arm, Decimal]
    ) -> None:
        """Count a purchase that belongs to the strata of ``key``.

        While too little is known of ``old`` to fix the parameters of a bet, it is a warm-up.
        """
        start = purchase.at // self._epoch * self._epoch
        stratum = self._stratum(start, key)
        if stratum is None and drawn_arm(purchase) is Arm.OLD:
            key, stratum = WARMUP, self._stratum(start, WARMUP)
        if stratum is not None:
            self._count(start, key, one(self.gate, stratum.frozen, purchase, lease, factors))
            self._serials[start] = serial

    def absorb(self, other: "Series") -> None:
        """Add the counts of other purchases.

        Raises:
            ValueError: a stratum was bet with different parameters.
        """
        for start, row in other._rows.items():
            for key, stratum in row.items():
                self._count(start, key, stratum)
            self._serials[start] = max(other._serials[start], self._serials.get(start, 0))
        self.cursor = max(self.cursor, other.cursor)

    def take_changed(self) -> dict[float, Any]:
        """The epochs that changed since they were last taken, as JSON by their start."""
        changed, self._changed = sorted(self._changed), set()
        return {start: self._json(start) for start in changed}

    def restore(self, start: float, data: Mapping[str, Any]) -> None:
        """Take in an epoch as ``take_changed`` gave it."""
        for stage, probability, stratum in data["strata"]:
            self._count(start, Key(stage, probability), from_json(stratum))
        self._serials[start] = data["serial"]
        self._changed.discard(start)
        self.cursor = max(self.cursor, data["serial"])

    def _json(self, start: float) -> dict[str, Any]:
        strata = [[*key, to_json(stratum)] for key, stratum in self._rows[start].items()]
        return {"serial": self._serials[start], "strata": strata}

    def _stratum(self, start: float, key: Key) -> Stratum | None:
        """The stratum to add to, opened when it is new; ``None`` while its bets cannot be frozen yet."""
        found = self._rows.get(start, {}).get(key)
        if found is not None:
            return found
        frozen = None if key == WARMUP else freeze(self.gate.name, self._past(start))
        return Stratum(frozen) if frozen is not None or key == WARMUP else None

    def _count(self, start: float, key: Key, counts: Stratum) -> None:
        if start not in self._rows:
            self._rows[start] = {}
            insort(self._starts, start)
        self._rows[start].setdefault(key, Stratum(counts.frozen)).absorb(counts)
        self.pooled.absorb(key, counts)
        self._changed.add(start)
        for game in self._games.values():
            game.touched(start)

    def _past(self, start: float) -> Past:
        """The epochs up to the one at ``start``, with what it holds so far."""
        until = bisect_right(self._starts, start)
        ages = [(round((start - before) / self._epoch), before) for before in self._starts[:until]]
        return [(age, self._rows[before].values()) for age, before in ages if age <= MEMORY]


def one(
    gate: Gate,
    frozen: Frozen | None,
    purchase: Purchase,
    lease: Lease | None,
    factors: Mapping[Arm, Decimal],
) -> Stratum:
    """The counts of a single purchase; ``frozen`` are the parameters of its bets, ``None`` in a warm-up."""
    arm = drawn_arm(purchase)
    counts = Stratum(frozen)
    counts.read[arm] = 1
    counts.known[arm] = int(is_known(purchase, lease))
    for side, scale in scales(gate, frozen, factors):
        found = score(gate.name, purchase, lease, gate.window, scale)
        if found is not None:
            counts.bets[side][Bet(arm, *found)] = 1
    if gate.name == LATENCY:
        lowest = frozen.slow - QUICK if frozen is not None and frozen.slow is not None else 0
        counts.calls[arm].update(max(index, lowest) for index in latency_bins(purchase, lease, gate.window))
    if gate.name == COST and lease is not None and not purchase.spilled:
        paid = spent(lease, gate.window)
        if paid is not None:
            counts.money[arm].add(paid * factors.get(arm, Decimal(1)), has_code(lease, gate.window))
    return counts
