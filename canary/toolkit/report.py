"""The report of a rollout: every decision of the controller made again from the store, and whether it agrees.

A decision keeps its basis (``canary.core.basis``): how far each metric had read, the stage, the policy's hash. So
the purchases that it stood on are read again up to there, in the same order, and judged under the policy of its
time. Scores are read at a fixed age and do not change when read later, with one exception: a rent that was
prolonged after it had been judged begins another life under the same id, and its first can no longer be read.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from canary.core.basis import Basis, Ground
from canary.core.evidence import Evidence
from canary.core.model import Decision
from canary.core.policy.model import Policy
from canary.core.stage import Event
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.toolkit.agreement import disagreements

BATCH = 5000
"""Purchases read at once."""


@dataclass(frozen=True, slots=True)
class Review:
    """A decision looked at again.

    ``agrees`` is ``None`` for what was not decided by a verdict, or when it cannot be made again; ``differences``
    then says why.
    """

    decision: Decision
    agrees: bool | None = None
    differences: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The decision as the log shows it, with the finding."""
        return asdict(self.decision) | {"agrees": self.agrees, "differences": list(self.differences)}


@dataclass(frozen=True, slots=True)
class Report:
    """A rollout's decisions in order; ``policy_hash`` is of the policy that it runs under now."""

    name: str
    policy_hash: str
    reviews: tuple[Review, ...]

    @property
    def agreeing(self) -> int:
        return sum(review.agrees is True for review in self.reviews)

    @property
    def disagreeing(self) -> int:
        return sum(review.agrees is False for review in self.reviews)

    def as_json(self) -> dict[str, Any]:
        """The report for scripts."""
        recomputed = self.agreeing + self.disagreeing
        totals = {"decisions": len(self.reviews), "recomputed": recomputed}
        return {
            "name": self.name,
            "policy_hash": self.policy_hash,
            "decisions": [review.as_json() for review in self.reviews],
            "totals": totals | {"agree": self.agreeing, "disagree": self.disagreeing},
        }


def report(store: Store, name: str, progress: Callable[[int, int], None] = lambda done, last: None) -> Report:
    """Make every decision of the controller again.

    Args:
        progress: is told the serial of the purchase that was read last, and of the last that will be.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    policy = store.policy(name)
    if policy is None:
        raise StoreError(f"{store.name} holds no rollout named {name!r}; it holds {', '.join(store.names())}")
    decisions = store.decisions(name)
    replay = Replay(store, name, progress, max((_reach(decision) for decision in decisions), default=0))
    return Report(name, policy.hash, tuple(replay.review(decision) for decision in decisions))


def _reach(decision: Decision) -> int:
    basis = _basis(decision)
    return max(basis.cursors.values(), default=0) if basis else 0


class Replay:
    """Makes decisions again, each from where the one before it stopped reading."""

    def __init__(self, store: Store, name: str, progress: Callable[[int, int], None], last: int) -> None:
        self._store = store
        self._name = name
        self._progress = progress
        self._last = last
        self._place: tuple[str, Ground] | None = None
        self._evidence: Evidence | None = None

    def review(self, decision: Decision) -> Review:
        """Look at a decision again; call it in the order of the log."""
        if not _is_judged(decision):
            return Review(decision)
        basis, policy = _basis(decision), self._policy(decision.policy_hash)
        if basis is None or policy is None:
            lost = "its policy" if policy is None else "what it had read"
            return Review(decision, None, (f"{lost} is not in the store as this version writes it",))
        verdict = basis.judge(self._read(decision.policy_hash, policy, basis), policy)
        found = tuple(disagreements(decision, verdict))
        return Review(decision, not found, found)

    def _policy(self, hash_: str) -> Policy | None:
        stored = self._store.policy_by_hash(hash_)
        try:
            return Policy.model_validate(json.loads(stored.json)) if stored else None
        except ValueError:
            return None

    def _read(self, hash_: str, policy: Policy, basis: Basis) -> Evidence:
        """Evidence of exactly the purchases that the basis names."""
        if self._evidence is None or self._place != (hash_, basis.ground):
            self._place, self._evidence = (hash_, basis.ground), basis.ground.evidence(policy)
        evidence, last = self._evidence, max(basis.cursors.values(), default=0)
        after = min((evidence.cursor(metric) for metric in basis.cursors), default=0)
        while after < last and (after := self._take_in(evidence, policy, basis, after)):
            self._progress(min(after, last), self._last)
        return evidence

    def _take_in(self, evidence: Evidence, policy: Policy, basis: Basis, after: int) -> int:
        """Take in the purchases after a serial; the serial of the last, or 0 when there are none."""
        firsts = policy.unit != "lease"
        attempt = basis.ground.attempt
        read = self._store.matured(self._name, attempt, after, inf, firsts=firsts, limit=BATCH)
        for bought in read:
            for metric, cursor in basis.cursors.items():
                if bought.serial <= cursor:
                    evidence.add(metric, bought.serial, bought.purchase, bought.lease)
        return read[-1].serial if read else 0


def _is_judged(decision: Decision) -> bool:
    """Whether a verdict decided it; an operator's pause has none."""
    return decision.event in {Event.ADVANCE, Event.HARM} or (
        decision.event == Event.PAUSE and "kind" in decision.evidence
    )


def _basis(decision: Decision) -> Basis | None:
    try:
        return Basis.from_json(decision.evidence["basis"])  # type: ignore[arg-type]
    except (KeyError, TypeError):
        return None
