"""The controller's notebook of one era: evidence taken in from the store as leases mature, and the peaks so far."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from canary.control.era import Era
from canary.core.basis import Basis, Ground
from canary.core.check import Check
from canary.core.measure import Peaks
from canary.core.model import Arm
from canary.core.pairs import Pairs
from canary.core.policy.model import Policy
from canary.core.scores import judged_before
from canary.core.verdict import StageFacts, Verdict
from canary.store.leases import Bought
from canary.store.store import Store
from canary.store.ticks import Evidence as StoredEvidence

PIECE = 250
"""Purchases read at once."""

PIECES = 20
"""Pieces that a tick takes in at most; what is left, the next one does."""

LOOK = "look"
"""The part of the stored evidence that holds what one look hands to the next."""


class Notebook:
    """What is known for judging.

    Args:
        stored: the era's evidence as the last tick left it.

    Attributes:
        evidence: counts of all matured leases.
        peaks: of the last verdict.
        down: whether the last verdict found both arms down.
        ticks: how many ticks the store had seen.
    """

    def __init__(self, policy: Policy, ground: Ground, era: Era, stored: StoredEvidence) -> None:
        self.era = era
        self.ticks = stored.ticks
        parts = dict(stored.parts)
        last = parts.pop(LOOK, {"peaks": {}, "down": False})
        self.peaks: Peaks = last["peaks"]
        self.down: bool = last["down"]
        self.evidence = ground.evidence(policy)
        self.evidence.restore(parts)
        self.ground = ground
        self._slowest_answer = max(policy.arm(arm).timeout for arm in Arm)
        self._name = policy.name
        self._firsts = policy.unit != "lease"

    def take_in(self, store: Store, now: float) -> None:
        """Take in what has matured since the last time, each gate at its own age.

        Raises:
            StoreError: the store cannot be read; what was taken in stays.
        """
        places: defaultdict[tuple[int, float], list[str]] = defaultdict(list)
        for gate in self.evidence.gates:
            until = judged_before(now, gate.window, self._slowest_answer)
            places[self.evidence.cursor(gate.name), until].append(gate.name)
        for place, metrics in places.items():
            for bought in self._matured(store, *place):
                for metric in metrics:
                    self.evidence.add(metric, bought.serial, bought.purchase, bought.lease)

    def _matured(self, store: Store, after: int, until: float) -> Iterator[Bought]:
        """What a tick takes in, read in pieces: all at once would be megabytes, and leave holes where they were."""
        for _ in range(PIECES):
            piece = store.matured(
                self._name, self.ground.attempt, after, until, firsts=self._firsts, limit=PIECE
            )
            yield from piece
            if len(piece) < PIECE:
                return
            after = piece[-1].serial

    def basis(
        self, stage: StageFacts, checks: tuple[Check, ...] = (), pairs: Mapping[str, Pairs] | None = None
    ) -> Basis:
        """What a look at the stage now is made from."""
        cursors = {gate.name: self.evidence.cursor(gate.name) for gate in self.evidence.gates}
        return Basis(self.ground, stage, cursors, self.peaks, self.era.spent, checks, pairs or {})

    def changed(self, verdict: Verdict) -> Mapping[str, Any]:
        """The parts to store after this verdict."""
        parts = self.evidence.take_changed()
        if (verdict.peaks, verdict.pause) != (self.peaks, self.down):
            peaks = {metric: dict(sides) for metric, sides in verdict.peaks.items()}
            parts[LOOK] = {"peaks": peaks, "down": verdict.pause}
        return parts

    def written(self, verdict: Verdict) -> None:
        """The store has taken what ``changed`` gave."""
        self.peaks, self.down = verdict.peaks, verdict.pause
        self.ticks += 1
