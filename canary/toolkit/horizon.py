"""Fixed-horizon tests over the leases of an attempt, beside the sequential evidence: for readers who know them.

They hold for a single look at the end. No gate uses them (``canary.core.stats.fixed``).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from canary.core.margins import COST, LATENCY
from canary.core.model import Arm, Decision, Lease, Purchase
from canary.core.policy.gates import Gate
from canary.core.policy.model import Policy
from canary.core.scores import drawn_arm, judged_before, latency_bins, score
from canary.core.stats.fixed import FixedTest, latencies, p95_ratio, proportions, time_to_code
from canary.store.store import Store

BATCH = 5000
"""Purchases read at once."""

SEED = 1
"""Of the bootstrap: the same store gives the same report."""

LIFETIME = 1200.0
"""Seconds after which leases are taken to have ended while nothing was judged yet."""

TIME = "time to code"


@dataclass(frozen=True, slots=True)
class AtHorizon:
    """A metric's test, with how many leases of either arm it stands on."""

    metric: str
    old: int
    new: int
    test: FixedTest


@dataclass(slots=True)
class _Counts:
    """What one metric's tests need, by arm. A lease went badly when any part of its score did."""

    leases: Counter[Arm] = field(default_factory=Counter)
    bad: Counter[Arm] = field(default_factory=Counter)
    bins: defaultdict[Arm, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    codes: defaultdict[Arm, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: defaultdict[Arm, list[float]] = field(default_factory=lambda: defaultdict(list))


def horizon_of(store: Store, name: str, decisions: Sequence[Decision], now: float) -> list[AtHorizon]:
    """The tests of a rollout's present attempt, under the policy that it runs under.

    Args:
        decisions: the last one that was judged knows how old leases become.

    Raises:
        StoreError: the store cannot be read.
    """
    rollout, stored = store.rollout(name), store.policy(name)
    try:
        policy = Policy.model_validate(json.loads(stored.json)) if stored else None
    except ValueError:
        return []  # another version wrote it
    if rollout is None or policy is None:
        return []
    gates = policy.resolved_gates(_lifetime(decisions))
    return horizon(store, name, gates, rollout.attempt, now, firsts=policy.unit != "lease")


def _lifetime(decisions: Sequence[Decision]) -> float:
    for decision in reversed(decisions):
        if isinstance(basis := decision.evidence.get("basis"), dict):
            return float(basis["ground"]["lifetime"])
    return LIFETIME


def horizon(
    store: Store, name: str, gates: Sequence[Gate], attempt: int, now: float, *, firsts: bool = False
) -> list[AtHorizon]:
    """The tests of all gates that have one, over the randomised purchases of an attempt that have matured.

    Args:
        firsts: only the first purchase of each unit, where a unit is drawn once.

    Raises:
        StoreError: the store cannot be read.
    """
    counts = {gate.name: _Counts() for gate in gates if gate.name != COST}
    oldest = max((gate.window for gate in gates), default=0.0)
    for purchase, lease in _read(store, name, attempt, judged_before(now, oldest, oldest), firsts=firsts):
        for gate in gates:
            if gate.name in counts:
                _count(counts[gate.name], gate, purchase, lease)
    tested = [one for gate in gates if gate.name in counts for one in _tests(gate, counts[gate.name])]
    return [one for one in tested if one.old and one.new]


def _read(
    store: Store, name: str, attempt: int, until: float, *, firsts: bool
) -> Iterator[tuple[Purchase, Lease | None]]:
    """Purchases that could have gone to either arm, with their first lease."""
    after = 0
    while read := store.matured(name, attempt, after, until, firsts=firsts, limit=BATCH):
        for bought in read:
            drawn = bought.purchase.assignment
            if drawn is not None and drawn.attempt == attempt and 0 < drawn.probability < 1:
                yield bought.purchase, bought.lease
        after = read[-1].serial


def _count(counts: _Counts, gate: Gate, purchase: Purchase, lease: Lease | None) -> None:
    arm = drawn_arm(purchase)
    if gate.name == LATENCY:
        bins = latency_bins(purchase, lease, gate.window)
        counts.bins[arm].update(bins)
        counts.leases[arm] += bool(bins)
        return
    found = score(gate.name, purchase, lease, gate.window)
    if found is None:
        return
    counts.leases[arm] += 1
    counts.bad[arm] += found.bad > 0
    if gate.name == "lease_success" and lease is not None:
        waited = gate.window if lease.code_at is None else lease.code_at - lease.opened_at
        (counts.codes if waited < gate.window else counts.waits)[arm].append(min(waited, gate.window))


def _tests(gate: Gate, counts: _Counts) -> Iterator[AtHorizon]:
    old, new = (counts.leases[arm] for arm in Arm)

    def tested(metric: str, test: FixedTest) -> AtHorizon:
        return AtHorizon(metric, old, new, test)

    if gate.name == LATENCY:
        of_old, of_new = (counts.bins[arm] for arm in Arm)
        yield tested(gate.name, latencies(of_old, of_new))
        yield tested(gate.name, p95_ratio(of_old, of_new, np.random.default_rng(SEED)))
        return
    yield tested(gate.name, proportions(counts.bad[Arm.OLD], old, counts.bad[Arm.NEW], new))
    if gate.name == "lease_success":
        sides = [times[arm] for arm in Arm for times in (counts.codes, counts.waits)]
        yield tested(TIME, time_to_code(*sides))
