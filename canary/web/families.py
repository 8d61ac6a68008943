"""Every metric as one row: name, type, labels, meaning and where its samples come from.

Label values come from closed sets (arms, outcomes, states, the action catalogue, the policy's gates and stages,
counter names of the code), never from a client: what the catalogue does not know is the action ``other``.
``docs/metrics.md`` is this table for readers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from canary import __version__
from canary.core.hazards import COUNTER
from canary.core.model import Arm, LeaseState, Rollout, RolloutState
from canary.core.money import Money
from canary.core.tally import Tally
from canary.web.histogram import histogram

COUNTERS: Mapping[str, str] = {
    "spillovers": "Purchases served by old because no connection to new could be opened",
    "lost_purchases": "Purchases that may have been made although their answer never came",
    "recovered_purchases": "Lost purchases whose number was found and cancelled",
    "absent_purchases": "Lost purchases that had not been made after all",
    "unrecovered_purchases": "Lost purchases whose number could not be found for certain, or not be cancelled",
    "unbound_purchases": "Purchases whose lease could not be written, so that their number was not shown",
    "refused_purchases": "Purchases that were not sent, because the store could not have kept their lease",
    "misrouted": "Answers in which an arm did not know a running lease that it had issued",
    "adopted_leases": "Leases first seen in traffic and bound to the arm that knew them",
    "aliases": "Purchases whose lease was shown to the client under another id",
    "unknown_actions": "Calls of an action that the catalogue does not know; they went to the safe arm",
    "malformed_calls": "Calls that could not be trusted; they went to the safe arm untouched",
    "other_paths": "Requests for another path of the same host; they went to the safe arm",
    "internal_errors": "Calls that a defect of the harness kept from being answered",
    "shadow_sent": "Shadow copies sent",
    "shadow_dropped": "Shadow copies dropped because the queue was full",
    "shadow_failed": "Shadow copies that got no answer",
    "traits_dropped": "Facts about replies that found no room: an arm answers without end in new shapes",
}
"""Counters of the gateway, each shown as ``canary_NAME_total``."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One arm's connection pool."""

    in_flight: int
    opened: int


@dataclass(frozen=True, slots=True)
class Process:
    """What this process knows by itself, copied at one moment. Counts run since it started."""

    calls: Mapping[tuple[Arm, str], Tally]
    purchases: Mapping[tuple[Arm, str], int]
    counters: Counter[str]
    pools: Mapping[Arm, Pool]
    in_flight: int
    leases: int
    shadow_queue: int
    fresh: bool
    store_lag: float
    ledger_lag: float
    flush_failures: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of the whole rollout, all replicas together."""

    heartbeat_age: float | None
    leases: Mapping[Arm, Counter[LeaseState]]
    money: Mapping[Arm, Money]
    verdict: Mapping[str, Any]
    differences: int
    unmapped: int


type Samples = Iterable[tuple[tuple[str, ...], float | None]]


@dataclass(frozen=True, slots=True)
class Family[T]:
    """One metric. ``samples`` gives label values with a value each; ``None`` leaves the sample out."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    meaning: str
    samples: Callable[[T], Samples]

    def collect(self, facts: T | None) -> Metric:
        """The family for one scrape; without facts it has no samples."""
        family = _METRICS[self.kind](self.name, self.meaning, labels=self.labels)
        for labels, value in self.samples(facts) if facts is not None else ():
            if value is not None:
                family.add_metric(labels, value)
        return family


_METRICS: Mapping[str, Callable[..., CounterMetricFamily | GaugeMetricFamily]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


@dataclass(frozen=True, slots=True)
class LatencyFamily:
    """The one histogram, made of the tallies' fixed bins."""

    name: str = "canary_call_latency_seconds"
    kind: str = "histogram"
    labels: tuple[str, ...] = ("arm", "action")
    meaning: str = (
        "Time from an open connection to the reply's last byte, measured alike for both arms; "
        "bounds and sum are exact to 2 % from 1 ms on"
    )

    def collect(self, process: Process | None) -> Metric:
        """The family for one scrape."""
        family = HistogramMetricFamily(self.name, self.meaning, labels=self.labels)
        for (arm, action), tally in process.calls.items() if process is not None else ():
            family.add_metric((arm, action), *histogram(tally.latency))
        return family


def _one(value: Callable[[Any], float | None]) -> Callable[[Any], Samples]:
    return lambda facts: [((), value(facts))]


def _counter(name: str, meaning: str) -> Family[Process]:
    return Family(f"canary_{name}_total", "counter", (), meaning, _one(lambda p: p.counters[name]))


def _calls(process: Process) -> Samples:
    for (arm, action), tally in process.calls.items():
        for outcome, n in tally.outcomes.items():
            yield (arm, action, outcome), n


def _hazards(process: Process) -> Samples:
    for name, n in process.counters.items():
        if name.startswith(COUNTER):
            yield (name.removeprefix(COUNTER),), n


PROCESS: tuple[Family[Process] | LatencyFamily, ...] = (
    Family("canary_calls_total", "counter", ("arm", "action", "outcome"), "Calls answered by an arm", _calls),
    LatencyFamily(),
    Family(
        "canary_purchases_total",
        "counter",
        ("arm", "outcome"),
        "Purchases by the arm that served them",
        lambda p: p.purchases.items(),
    ),
    *(_counter(name, meaning) for name, meaning in COUNTERS.items()),
    Family(
        "canary_hazards_total", "counter", ("hazard",), "Migration hazards seen in live traffic", _hazards
    ),
    Family(
        "canary_flush_failures_total",
        "counter",
        (),
        "Batches that the store did not take; they are kept and written again",
        _one(lambda p: p.flush_failures),
    ),
    Family("canary_in_flight", "gauge", (), "Calls being answered now", _one(lambda p: p.in_flight)),
    Family(
        "canary_pool_in_flight",
        "gauge",
        ("arm",),
        "Requests to an arm under way or waiting for a connection",
        lambda p: [((arm,), pool.in_flight) for arm, pool in p.pools.items()],
    ),
    Family(
        "canary_pool_connections_opened_total",
        "counter",
        ("arm",),
        "Connections opened to an arm",
        lambda p: [((arm,), pool.opened) for arm, pool in p.pools.items()],
    ),
    Family(
        "canary_leases_in_memory",
        "gauge",
        (),
        "Leases whose arm is known without asking the store",
        _one(lambda p: p.leases),
    ),
    Family("canary_shadow_queue", "gauge", (), "Shadow copies waiting", _one(lambda p: p.shadow_queue)),
    Family(
        "canary_view_fresh",
        "gauge",
        (),
        "1 while store and controller are seen alive; at 0 new leases go to the safe arm",
        _one(lambda p: p.fresh),
    ),
    Family(
        "canary_store_lag_seconds",
        "gauge",
        (),
        "Time since the rollout was last read from the store",
        _one(lambda p: p.store_lag),
    ),
    Family(
        "canary_ledger_lag_seconds",
        "gauge",
        (),
        "Time since the last batch was written to the store",
        _one(lambda p: p.ledger_lag),
    ),
)
"""Of one process."""

ROLLOUT: tuple[Family[Rollout], ...] = (
    Family("canary_weight", "gauge", (), "Share of new leases that go to new", _one(lambda r: r.weight)),
    Family("canary_shadow_share", "gauge", (), "Share of reads that are shadowed", _one(lambda r: r.shadow)),
    Family("canary_stage_index", "gauge", (), "Index of the stage, from 0", _one(lambda r: r.stage_index)),
    Family(
        "canary_stage_info",
        "gauge",
        ("rollout", "stage"),
        "1 for the stage that the rollout is in",
        lambda r: [((r.name, r.stage), 1)],
    ),
    Family(
        "canary_stage_entered_timestamp_seconds",
        "gauge",
        (),
        "When the stage was entered",
        _one(lambda r: r.since),
    ),
    Family(
        "canary_state",
        "gauge",
        ("state",),
        "1 for the state that the rollout is in, 0 for the others",
        lambda r: [((state,), r.state is state) for state in RolloutState],
    ),
    Family(
        "canary_safe_arm",
        "gauge",
        ("arm",),
        "1 for the arm that serves what is not split",
        lambda r: [((arm,), r.safe_arm is arm) for arm in Arm],
    ),
    Family("canary_attempt", "gauge", (), "Attempts of this rollout, from 1", _one(lambda r: r.attempt)),
)
"""The rollout as this process acts on it, or as the store has it where no proxy runs."""


def _by_arm(read: Callable[[Money], Any]) -> Callable[[Stored], Samples]:
    return lambda stored: [
        ((arm,), None if (amount := read(money)) is None else float(amount))
        for arm, money in stored.money.items()
    ]


def _gates(field: str) -> Callable[[Stored], Samples]:
    def samples(stored: Stored) -> Samples:
        for metric, found in stored.verdict["metrics"].items():
            for arm in Arm:
                yield (metric, arm), (found.get(arm.value) or {}).get(field)

    return samples


def _evidence(needed: str) -> Callable[[Stored], Samples]:
    """The e-values of both sides, or with ``_at`` what they must reach."""

    def samples(stored: Stored) -> Samples:
        for metric, found in stored.verdict["metrics"].items():
            for side, name in (("harm", "rollback"), ("equal", "promote")):
                yield (metric, side), (found.get("evidence") or {}).get(name + needed)

    return samples


STORED: tuple[Family[Stored], ...] = (
    Family(
        "canary_controller_heartbeat_age_seconds",
        "gauge",
        (),
        "Time since the controller's last sign of life",
        _one(lambda s: s.heartbeat_age),
    ),
    Family(
        "canary_verdict",
        "gauge",
        ("kind",),
        "1 for the controller's last verdict, 0 for the others",
        lambda s: [((kind,), s.verdict["kind"] == kind) for kind in ("advance", "rollback", "hold")],
    ),
    Family(
        "canary_gate",
        "gauge",
        ("metric", "verdict"),
        "1 for what the last verdict says of a gate",
        lambda s: [((name, str(found.get("verdict"))), 1) for name, found in s.verdict["metrics"].items()],
    ),
    Family(
        "canary_gate_value",
        "gauge",
        ("metric", "arm"),
        "What the last verdict measured: rates as fractions, latency in seconds, cost in the account's unit",
        _gates("value"),
    ),
    Family(
        "canary_gate_count",
        "gauge",
        ("metric", "arm"),
        "On how many observations the last verdict stands",
        _gates("n"),
    ),
    Family(
        "canary_gate_margin",
        "gauge",
        ("metric",),
        "By how much new may be worse: a difference of fractions, a factor for latency and cost, or a count",
        lambda s: [((name,), found.get("margin")) for name, found in s.verdict["metrics"].items()],
    ),
    Family(
        "canary_gate_evidence",
        "gauge",
        ("metric", "side"),
        "How strong the evidence is that new does harm, or is as good as old; 1 is none",
        _evidence(""),
    ),
    Family(
        "canary_gate_evidence_needed",
        "gauge",
        ("metric", "side"),
        "The evidence at which a gate decides",
        _evidence("_at"),
    ),
    Family(
        "canary_contract_differences",
        "gauge",
        (),
        "Differences between the arms' replies that would break clients, see canary differences",
        _one(lambda s: s.differences),
    ),
    Family(
        "canary_unmapped_actions",
        "gauge",
        (),
        "Actions in use that new cannot serve",
        _one(lambda s: s.unmapped),
    ),
    Family(
        "canary_leases",
        "gauge",
        ("arm", "state"),
        "Leases of the rollout",
        lambda s: [((arm, state), s.leases[arm][state]) for arm in Arm for state in LeaseState],
    ),
    Family(
        "canary_spent",
        "gauge",
        ("arm",),
        "Prices of all leases, in the account's unit",
        _by_arm(lambda money: money.spent),
    ),
    Family(
        "canary_refunded",
        "gauge",
        ("arm",),
        "Prices of refunded leases, in the account's unit",
        _by_arm(lambda money: money.refunded),
    ),
    Family(
        "canary_cost_per_success",
        "gauge",
        ("arm",),
        "Money that did not come back per lease that got a code, in the account's unit",
        _by_arm(lambda money: money.per_success),
    ),
)
"""Of the whole rollout; absent while the store does not answer."""

SERVER: tuple[Family[bool], ...] = (
    Family(
        "canary_build_info",
        "gauge",
        ("version",),
        "1 for the version that runs",
        lambda _: [((__version__,), 1)],
    ),
    Family("canary_store_up", "gauge", (), "Whether the store answered this scrape", _one(lambda up: up)),
)


def families(process: Process | None, rollout: Rollout | None, stored: Stored | None) -> Iterator[Metric]:
    """All metrics for one scrape."""
    yield from (family.collect(stored is not None) for family in SERVER)
    yield from (family.collect(process) for family in PROCESS)
    yield from (family.collect(rollout) for family in ROLLOUT)
    yield from (family.collect(stored) for family in STORED)
