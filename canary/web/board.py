"""The dashboard's data: one JSON object from the store alone, so that it can be shown with everything else dead."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from canary.core.hazards import MEANINGS, Record, Suspect
from canary.core.margins import COST, FACTORS, LATENCY
from canary.core.model import Arm, Decision, LeaseState, RolloutState
from canary.core.policy.model import Policy, StagePolicy
from canary.core.reasons import title
from canary.core.stage import Event, legal_events
from canary.core.stats.bins import COUNT, edge, quantile
from canary.core.tally import Tally, TallyKey, bucket_of
from canary.store.store import Store
from canary.web.headline import headline
from canary.web.shadow import shadow_of
from canary.web.status import status_with

EVENTS = (Event.PAUSE, Event.RESUME, Event.PROMOTE, Event.ROLLBACK, Event.APPROVE, Event.RESTART)
"""What an operator may do; the other events are the controller's."""

RECENT = 3600.0
"""Seconds of calls whose latency is shown."""

ACTIONS = 6
"""Actions whose latency is shown, those with most calls first."""

WIDTH = 12
"""Latency bins that are drawn as one: a factor of 1.25."""

_POINTLESS = {RolloutState.ROLLED_BACK: {Event.ROLLBACK}}
"""Legal, and offered by the command line, but nothing to tempt anybody with."""

DECISIONS = 60
DIFFERENCES = 40

_UNITS = {LATENCY: "seconds", COST: "money", "contract": "count", "coverage": "count", "refunds": "count"}
_MEANINGS = {name.value: meaning for name, meaning in MEANINGS.items()}
_TITLES = {
    "contract": "contract differences",
    "coverage": "actions that new cannot serve",
    "refunds": "refunds that never came",
}
_LIFETIME = 1200.0  # decides only about the gates' windows, which are not shown


def board_of(store: Store, name: str, now: float) -> dict[str, Any]:
    """All that the dashboard shows, but for the evidence over time.

    Raises:
        StoreError: the store cannot be read, or holds no such rollout.
    """
    leases = store.lease_counts(name)
    status = status_with(store, name, now, leases)
    policy = _policy(store, name)
    decisions = store.decisions(name, DECISIONS)
    findings = store.findings(name)
    tallies = store.tallies(name, since=bucket_of(now - RECENT))
    state = RolloutState(status["state"])
    return {
        "at": now,
        "status": status,
        "headline": asdict(headline(status, decisions)),
        "stages": [_stage(stage) for stage in policy.stages] if policy else [],
        "events": [
            event.value for event in EVENTS if event in legal_events(state) - _POINTLESS.get(state, set())
        ],
        "gates": {metric: _gate(metric, policy) for metric in status["metrics"]},
        "leases": _leases(leases),
        "latency": _latency(tallies),
        "differences": [
            asdict(one) | {"breaks": one.breaks} for one in findings.open_differences[:DIFFERENCES]
        ],
        "unmapped": [asdict(one) for one in findings.open_unmapped],
        "acknowledged": len(findings.acks),
        "shadow_leases": shadow_of(store, name, now) | {"mode": policy.shadow.leases if policy else "off"},
        "hazards": _hazards(status["hazards"], store.hazards(name)),
        "decisions": [_decision(decision) for decision in decisions],
    }


def history_of(store: Store, name: str) -> dict[str, Any]:
    """The evidence over time: ``at`` and, per metric, columns of the same length (``None`` where it was not judged).

    Raises:
        StoreError: the store cannot be read.
    """
    points = store.history(name)
    metrics = {metric: None for point in points for metric in point.metrics}
    columns = ("rollback", "promote", "old", "new", "n")
    return {
        "at": [point.at for point in points],
        "metrics": {
            metric: {
                column: [point.metrics.get(metric, {}).get(column) for point in points] for column in columns
            }
            for metric in metrics
        },
    }


def _policy(store: Store, name: str) -> Policy | None:
    """The policy that the rollout runs under; ``None`` when another version wrote it."""
    stored = store.policy(name)
    try:
        return Policy.model_validate(json.loads(stored.json)) if stored else None
    except ValueError:
        return None


def _stage(stage: StagePolicy) -> dict[str, Any]:
    return {
        "name": stage.name,
        "weight": stage.weight,
        "shadow": stage.shadow,
        "hold": stage.hold,
        "max_hold": stage.max_hold,
        "approval": stage.approval == "required",
    }


def _gate(metric: str, policy: Policy | None) -> dict[str, Any]:
    resolved = policy.resolved_gates(_LIFETIME) if policy else ()
    gate = next((gate for gate in resolved if gate.name == metric), None)
    return {
        "title": _TITLES.get(metric) or title(metric),
        "unit": _UNITS.get(metric, "share"),
        "factor": metric in FACTORS,
        "promote_margin": gate.promote_margin if gate else None,
    }


def _leases(counts: Mapping[Arm, Counter[LeaseState]]) -> dict[str, dict[str, int]]:
    return {arm.value: {state.value: counts[arm][state] for state in LeaseState} for arm in Arm}


def _hazards(counts: Mapping[str, int], records: Mapping[Suspect, Record]) -> list[dict[str, Any]]:
    """Hazards by how often they were seen: how many clients show them, what money they hold up, the first example."""
    by_name: defaultdict[str, list[Record]] = defaultdict(list)
    for suspect, record in records.items():
        by_name[suspect.name].append(record)
    return [
        {
            "name": name,
            "n": n,
            "meaning": _MEANINGS.get(name, ""),
            "clients": len(by_name[name]),
            "amount": float(sum(record.amount for record in by_name[name])),
            "example": min(by_name[name], key=lambda record: record.first_at).example
            if by_name[name]
            else "",
        }
        for name, n in sorted(counts.items(), key=lambda one: -one[1])
    ]


def _decision(decision: Decision) -> dict[str, Any]:
    """A decision without its evidence, which ``/api/v1/decisions`` has."""
    return {name: value for name, value in asdict(decision).items() if name != "evidence"}


def _latency(tallies: Mapping[TallyKey, Tally]) -> list[dict[str, Any]]:
    """Per action what each arm's calls took, the most called first."""
    bins: defaultdict[str, dict[Arm, Counter[int]]] = defaultdict(lambda: {arm: Counter() for arm in Arm})
    for key, tally in tallies.items():
        bins[key.action][key.arm].update(tally.latency)
    most = sorted(bins, key=lambda action: -sum(arm.total() for arm in bins[action].values()))
    return [
        {"action": action, **{arm.value: _distribution(bins[action][arm]) for arm in Arm}}
        for action in most[:ACTIONS]
    ]


def _distribution(bins: Counter[int]) -> dict[str, Any]:
    """Quantiles in seconds, and how the calls are spread: upper edges with their share of all calls."""
    total = bins.total()
    groups: Counter[int] = Counter()
    for index, n in bins.items():
        groups[index // WIDTH] += n
    spread: Iterable[int] = range(min(groups) - 1, max(groups) + 2) if groups else ()
    return {
        "n": total,
        "p50": quantile(bins, 0.5),
        "p95": quantile(bins, 0.95),
        "p99": quantile(bins, 0.99),
        "spread": [(_upper(group), groups[group] / total) for group in spread if group >= 0],
    }


def _upper(group: int) -> float:
    return edge(min(group * WIDTH + WIDTH - 1, COUNT - 2))
