"""Prometheus alert rules for one policy: its margins, holds and limits as thresholds, a runbook for each alert."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from canary.core.policy.gates import Gate
from canary.core.policy.model import Policy
from canary.core.policy.notation import show_duration, show_points, show_ratio, show_share
from canary.core.reasons import title

FAULTS = ("provider", "unknown", "account", "limit")
"""Outcomes that a client cannot mend."""

FAILING = 0.2
"""Share of an arm's calls that fail: far above any margin, so that an outage pages before a gate can decide."""

DROPPED = 0.05
"""Share of shadow copies that are dropped."""

ENOUGH = 50
"""Matured leases on new from which on a gate's value is worth an alert."""

STALE = 60.0
"""Seconds without a sign of life of the controller, or ``TICKS`` ticks where those take longer."""

TICKS = 6
LAG = 15.0
"""Seconds since the rollout was last read from the store; it is read every second."""

type Severity = Literal["critical", "warning", "info"]
"""``critical`` wakes somebody up, ``warning`` is looked at by day, ``info`` tells that somebody is waited for."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule. ``lasting`` is how long in seconds the expression must hold; ``name`` is also its runbook's."""

    name: str
    expr: str
    severity: Severity
    lasting: float
    summary: str
    meaning: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_rule(self, runbooks: str) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": show_duration(self.lasting) if self.lasting else "0s",
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.meaning,
                "runbook_url": f"{runbooks.rstrip('/')}/{self.name}.md",
            },
        }


class Series:
    """Writes series of the harness. ``job`` is the scrape job, when the Prometheus watches more than one harness."""

    def __init__(self, job: str | None = None) -> None:
        self._job = job

    def __call__(self, name: str, **labels: str | tuple[str, ...]) -> str:
        """A selector; several values of a label are alternatives."""
        wanted = {**({"job": self._job} if self._job else {}), **labels}
        matchers = ",".join(
            f'{label}="{value}"' if isinstance(value, str) else f'{label}=~"{"|".join(value)}"'
            for label, value in wanted.items()
        )
        return f"canary_{name}{{{matchers}}}" if matchers else f"canary_{name}"

    def grew(self, name: str, over: str) -> str:
        """By how much a counter of all proxies grew."""
        return f"sum(increase({self(name)}[{over}]))"

    def share(self, name: str, over: str, part: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
        """The part of a counter's growth that has these labels."""
        return f"sum(rate({self(name, **part)}[{over}])) / sum(rate({self(name, **whole)}[{over}]))"


def alert_rules(policy: Policy, lifetime: float, *, job: str | None = None, runbooks: str) -> dict[str, Any]:
    """The rule file's content.

    Args:
        lifetime: of leases, in seconds; they mature then, where the policy does not say.
        job: the scrape job of this rollout's harness.
        runbooks: where the runbooks are to be found, as a URL or folder.
    """
    series = Series(job)
    return {
        "groups": [
            {
                "name": f"canary-{group}",
                "rules": [alert.as_rule(runbooks) for alert in make(policy, lifetime, series)],
            }
            for group, make in _GROUPS.items()
        ]
    }


def alerts(policy: Policy, lifetime: float, series: Series) -> list[Alert]:
    """All alerts of a policy, in order."""
    return [alert for make in _GROUPS.values() for alert in make(policy, lifetime, series)]


def _rollout(policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    def state(name: str) -> str:
        return f"max({series('state', state=name)}) == 1"

    yield Alert(
        "CanaryRolledBack",
        state("rolled_back"),
        "critical",
        0,
        "The rollout was rolled back",
        "No new lease goes to new; leases that are open there finish there. The decision log says why.",
    )
    yield Alert(
        "CanaryAwaitingApproval",
        state("awaiting_approval"),
        "info",
        0,
        "The next stage waits for approval",
        "The gates have cleared the stage; somebody has to look and approve.",
    )
    yield Alert(
        "CanaryPaused",
        state("paused"),
        "warning",
        1800,
        "The rollout has been paused for half an hour",
        "An operator paused it, or both arms were down at once; nothing moves on until it is resumed.",
    )
    for stage in policy.stages:
        longest = stage.max_hold or 2 * stage.hold
        if longest and stage.weight < 1:
            yield Alert(
                "CanaryStageOverdue",
                f"max({series('stage_info', stage=stage.name)}) == 1 "
                f"and time() - max({series('stage_entered_timestamp_seconds')}) > {longest:g} "
                f"and {state('running')}",
                "warning",
                600,
                f"Stage {stage.name} takes longer than {show_duration(longest)}",
                "The gates have neither cleared it nor found harm: too few leases, or new at the margin.",
                {"stage": stage.name},
            )


def _gates(policy: Policy, lifetime: float, series: Series) -> Iterator[Alert]:
    for gate in policy.resolved_gates(lifetime):
        name, beyond, margin = _GATE_ALERTS[gate.name]
        old, new = (f"max({series('gate_value', metric=gate.name, arm=arm)})" for arm in ("old", "new"))
        enough = f"max({series('gate_count', metric=gate.name, arm='new')}) >= {ENOUGH}"
        yield Alert(
            name,
            f"{beyond(old, new, gate.rollback_margin)} and {enough}",
            "warning",
            900,
            f"The {title(gate.name)} of new is worse than the policy allows",
            f"It is beyond the margin of {margin(gate)} for a quarter of an hour. The gate rolls back once chance "
            "is no explanation; look at what is wrong before it does.",
        )


type _Beyond = Callable[[str, str, float], str]


def _below(old: str, new: str, margin: float) -> str:
    return f"{new} < {old} - {margin:g}"


def _above(old: str, new: str, margin: float) -> str:
    return f"{new} > {old} + {margin:g}"


def _times(old: str, new: str, margin: float) -> str:
    return f"{new} > {margin:g} * {old}"


def _points(gate: Gate) -> str:
    return show_points(gate.rollback_margin)


def _ratio(gate: Gate) -> str:
    return show_ratio(gate.rollback_margin)


_GATE_ALERTS: Mapping[str, tuple[str, _Beyond, Callable[[Gate], str]]] = {
    "lease_success": ("CanaryLeaseSuccessLow", _below, _points),
    "early_success": ("CanaryEarlySuccessLow", _below, _points),
    "acquire": ("CanaryAcquireLow", _below, _points),
    "call_success": ("CanaryCallSuccessLow", _below, _points),
    "latency_p95": ("CanaryLatencyHigh", _times, _ratio),
    "refund_ratio": ("CanaryRefundRatioHigh", _above, _points),
    "cost_per_success": ("CanaryCostPerSuccessHigh", _times, _ratio),
}


def _arms(_policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    for arm in ("old", "new"):
        share = series.share("calls_total", "5m", {"arm": arm, "outcome": FAULTS}, {"arm": arm})
        yield Alert(
            f"Canary{arm.title()}Failing",
            f"{share} > {FAILING:g}",
            "critical",
            120,
            f"More than {show_share(FAILING)} of the calls to {arm} fail",
            "Faults, timeouts, refused keys and limits; no stock and wrong requests are not counted.",
        )
    yield Alert(
        "CanarySpillover",
        f"{series.grew('spillovers_total', '10m')} > 0",
        "warning",
        300,
        "Connections to new cannot be opened",
        "Purchases that were drawn for new are served by old, and are counted as failures of new.",
    )


def _money(_policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    yield Alert(
        "CanaryLostPurchases",
        f"{series.grew('lost_purchases_total', '30m')} > 0",
        "critical",
        0,
        "Purchases may have been made although their answer never came",
        "A number may be paid for that no client knows; the client was told that it failed.",
    )
    yield Alert(
        "CanaryUnboundPurchases",
        f"{series.grew('unbound_purchases_total', '30m')} > 0",
        "critical",
        0,
        "Numbers were bought but not shown, because the store did not take them",
        "Durable before visible: what cannot be written is not handed out. The provider has been paid.",
    )
    yield Alert(
        "CanaryBalanceDrift",
        f"min by (arm) ({series('balance_explained')}) == 0",
        "warning",
        600,
        "The balance of {{ $labels.arm }} lacks more than refunds on their way",
        "Refunds are overdue, or money was spent that no lease accounts for.",
    )


def _routing(_policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    yield Alert(
        "CanaryMisrouted",
        f"{series.grew('misrouted_total', '10m')} > 0",
        "critical",
        0,
        "An arm did not know a running lease that it had issued",
        "Either the provider forgot it, or a call went to the wrong arm.",
    )
    yield Alert(
        "CanaryWebhooksWaiting",
        f"max({series('webhook_age_seconds')}) > 120",
        "critical",
        60,
        "The client does not take its webhooks",
        "Codes that providers sent reach no customer; they are kept, and sent again until they are taken.",
    )
    yield Alert(
        "CanaryUnknownActions",
        f"{series.grew('unknown_actions_total', '1h')} > 0",
        "info",
        0,
        "Clients use actions that the catalogue does not know",
        "They go to the safe arm, are not shadowed, and would all move at the cutover.",
    )
    yield Alert(
        "CanaryHazards",
        f"sum by (hazard) (increase({series('hazards_total')}[1h])) > 0",
        "warning",
        0,
        "A known migration trap is seen in live traffic: {{ $labels.hazard }}",
        'Seen {{ $value | printf "%.0f" }} times in the last hour.',
    )


def _shadow(policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    dropped, sent = (f"sum(rate({series(f'shadow_{what}_total')}[10m]))" for what in ("dropped", "sent"))
    yield Alert(
        "CanaryShadowDrops",
        f"{dropped} / ({dropped} + {sent}) > {DROPPED:g}",
        "warning",
        600,
        f"More than {show_share(DROPPED)} of the shadow copies are dropped",
        "The queue is full: new answers slower than copies come. No client waits for it.",
    )
    contract, coverage = policy.gates.contract, policy.gates.coverage
    if contract is not None:
        yield Alert(
            "CanaryContractDifferences",
            f"max({series('contract_differences')}) > {contract.max_differences}",
            "warning",
            0,
            "Answers of new differ in a way that would break clients",
            f"The policy allows {contract.max_differences}; no stage is left while there are more.",
        )
    if coverage is not None:
        yield Alert(
            "CanaryUnmappedActions",
            f"max({series('unmapped_actions')}) > 0",
            "warning",
            0,
            "Clients use actions that new cannot serve",
            "Those callers break at the cutover; they have to be found before it.",
        )


def _harness(policy: Policy, _lifetime: float, series: Series) -> Iterator[Alert]:
    stale = max(STALE, TICKS * policy.judging.tick)
    yield Alert(
        "CanaryDown",
        f"absent({series('build_info')})",
        "critical",
        120,
        "The harness is not scraped",
        "It does not run, or Prometheus cannot reach its admin address.",
    )
    yield Alert(
        "CanaryControllerStale",
        f"max({series('controller_heartbeat_age_seconds')}) > {stale:g} and {_judged(series)}",
        "critical",
        60,
        f"The controller gave no sign of life for {show_duration(stale)}",
        "Nobody judges; proxies send new leases to the safe arm until it is back.",
    )
    yield Alert(
        "CanaryStoreDown",
        f"min({series('store_up')}) == 0",
        "critical",
        60,
        "The store does not answer",
        "New leases go to the safe arm; known ones keep their arm from memory.",
    )
    yield Alert(
        "CanaryStoreLag",
        f"max({series('store_lag_seconds')}) > {LAG:g}",
        "critical",
        60,
        f"A proxy has not read the rollout for {show_duration(LAG)}",
        "A rollback would not reach it; it sends new leases to the safe arm meanwhile.",
    )
    yield Alert(
        "CanaryWritesFailing",
        f"{series.grew('flush_failures_total', '5m')} > 0",
        "warning",
        300,
        "Batches are not taken by the store",
        "They are kept in memory and written again; a crash would lose them.",
    )
    yield Alert(
        "CanaryInternalErrors",
        f"{series.grew('internal_errors_total', '15m')} > 0",
        "critical",
        0,
        "A defect of the harness kept calls from being answered",
        "The log has the traceback.",
    )


def _judged(series: Series) -> str:
    """While there is something to judge."""
    return f"max({series('state', state=('rolled_back', 'complete'))}) == 0"


type _Group = Callable[[Policy, float, Series], Iterator[Alert]]

_GROUPS: Mapping[str, _Group] = {
    "rollout": _rollout,
    "gates": _gates,
    "arms": _arms,
    "money": _money,
    "routing": _routing,
    "shadow": _shadow,
    "harness": _harness,
}
