"""One metric at one look: both arms' values, how they differ, and how strong the evidence is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, isfinite, log
from typing import Any

from canary.core.evidence import Evidence
from canary.core.margins import COST, FACTORS, LATENCY
from canary.core.model import Arm
from canary.core.pairs import Pairs
from canary.core.policy.gates import Gate
from canary.core.policy.model import ErrorRates
from canary.core.stats.eprocess import Side
from canary.core.stats.intervals import Compared, Interval
from canary.core.stats.paired import log_e as log_e_of_pairs
from canary.core.stats.pooled import Pooled
from canary.core.stats.strata import Money

DISPLAY = 0.05
"""The intervals shown hold with 95 %."""

type Peaks = Mapping[str, Mapping[str, float]]
"""metric -> side -> the highest log E so far. Ville's inequality bounds the highest: what was proven once stays so."""


class Finding(StrEnum):
    PASS = "pass"  # noqa: S105  proven to be within the promote margin
    HARM = "harm"  # proven to be outside the rollback margin
    UNDECIDED = "undecided"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class ArmValue:
    """A rate as a fraction, a p95 in seconds, or a cost per success in the account's unit of ``old``."""

    n: int = 0
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """The evidence of both sides and what it must reach, as logarithms; a guard has no promotion."""

    rollback: float
    rollback_at: float
    promote: float = -inf
    promote_at: float | None = None

    @property
    def harm(self) -> bool:
        return self.rollback >= self.rollback_at

    @property
    def equal(self) -> bool:
        return self.promote_at is not None and self.promote >= self.promote_at

    def as_json(self) -> dict[str, float | None]:
        """The e-values themselves."""
        return {
            "rollback": _shown(self.rollback),
            "rollback_at": _shown(self.rollback_at),
            "promote": None if self.promote_at is None else _shown(self.promote),
            "promote_at": None if self.promote_at is None else _shown(self.promote_at),
        }


def _shown(log_e: float) -> float:
    return exp(min(log_e, 700.0))


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """What a look says of one metric.

    ``difference`` is ``new - old`` for rates and ``new / old`` for latency and cost, ``interval`` its display
    interval, ``margin`` what it may be at most (rates that should be high: how far it may fall). ``enforced``:
    whether it can stop or roll back the rollout.
    """

    name: str
    verdict: Finding
    old: ArmValue
    new: ArmValue
    difference: float | None = None
    interval: Interval | None = None
    margin: float | None = None
    evidence: Weighed | None = None
    enforced: bool = True
    paired: bool = False

    def as_json(self) -> dict[str, Any]:
        """The metric as the status shows it."""
        return {
            "verdict": self.verdict.value,
            "old": {"n": self.old.n, "value": self.old.value},
            "new": {"n": self.new.n, "value": self.new.value},
            "difference": self.difference,
            "interval": [_finite(end) for end in self.interval] if self.interval else None,
            "margin": self.margin,
            "evidence": self.evidence.as_json() if self.evidence else None,
            "enforced": self.enforced,
        }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


LOWER_IS_BETTER = frozenset({"refund_ratio"})
"""Rates that are shown as the share that went badly."""

PAIRED = ("call_success", "latency_p95")
"""What a shadow stage can test, on pairs of answers to the same call."""


def measure(evidence: Evidence, gate: Gate, rates: ErrorRates, peaks: Peaks) -> MetricVerdict:
    """The metric by the leases that were drawn for either arm."""
    series = evidence[gate.name]
    before = peaks.get(gate.name, {})
    promotes = gate.promote_margin is not None
    weighed = Weighed(
        max(series.log_e(Side.ROLLBACK), before.get(Side.ROLLBACK, -inf)),
        -log(gate.share * rates.false_rollback),
        max(series.log_e(Side.PROMOTE), before.get(Side.PROMOTE, -inf)),
        -log(rates.false_promote) if promotes else None,
    )
    pooled = series.pooled
    old, new, difference, interval = _values(gate.name, pooled)
    n_old, n_new = pooled.leases(Arm.OLD), pooled.leases(Arm.NEW)
    return MetricVerdict(
        gate.name,
        _finding(weighed, n_old, n_new),
        ArmValue(n_old, old),
        ArmValue(n_new, new),
        difference,
        interval,
        gate.rollback_margin,
        weighed,
        gate.enforce,
    )


def measure_pairs(gate: Gate, pairs: Pairs, rates: ErrorRates) -> MetricVerdict:
    """The metric by pairs of answers to the same call, in a shadow stage.

    Harm takes both: evidence that ``new`` fails more often, and a difference above the margin. The margin of
    ``latency_p95`` is in the thresholds by which the pairs were counted.
    """
    weighed = Weighed(log_e_of_pairs(pairs), -log(gate.share * rates.false_rollback))
    allowed = 0.0 if gate.name in FACTORS else gate.rollback_margin
    finding = Finding.UNDECIDED if pairs.total else Finding.NO_DATA
    if weighed.harm and pairs.difference > allowed:
        finding = Finding.HARM
    old, new = pairs.rates
    return MetricVerdict(
        gate.name,
        finding,
        ArmValue(pairs.total, old),
        ArmValue(pairs.total, new),
        None if old is None or new is None else new - old,
        None,
        allowed,
        weighed,
        gate.enforce,
        paired=True,
    )


def unmeasured(gate: Gate) -> MetricVerdict:
    """The metric in a stage that has nothing to judge it by."""
    return MetricVerdict(
        gate.name, Finding.NO_DATA, ArmValue(), ArmValue(), margin=gate.rollback_margin, enforced=gate.enforce
    )


def peaks_of(metrics: Mapping[str, MetricVerdict], before: Peaks) -> dict[str, dict[str, float]]:
    """The peaks after a look, as JSON."""
    found = {name: dict(sides) for name, sides in before.items()}
    for name, metric in metrics.items():
        if metric.evidence is None or metric.paired:
            continue
        highest = {Side.ROLLBACK: metric.evidence.rollback, Side.PROMOTE: metric.evidence.promote}
        found[name] = {side.value: log_e for side, log_e in highest.items() if isfinite(log_e)}
    return found


def _finding(weighed: Weighed, n_old: int, n_new: int) -> Finding:
    if weighed.harm:
        return Finding.HARM
    if weighed.equal:
        return Finding.PASS
    return Finding.UNDECIDED if n_old and n_new else Finding.NO_DATA


type _Values = tuple[float | None, float | None, float | None, Interval | None]


def _values(metric: str, pooled: Pooled) -> _Values:
    """Old's value, new's value, how they differ, and the interval of that."""
    if metric == COST:
        return _cost(pooled)
    found = pooled.p95(DISPLAY) if metric == LATENCY else pooled.compared(DISPLAY)
    if found is None:
        return None, None, None, None
    if metric == LATENCY:
        return found.old, found.new, found.new / found.old, found.interval
    if metric in LOWER_IS_BETTER:
        found = Compared(1 - found.old, 1 - found.new, (-found.interval[1], -found.interval[0]))
    return found.old, found.new, found.new - found.old, found.interval


def _cost(pooled: Pooled) -> _Values:
    old, new = (_per_success(pooled.money[arm]) for arm in Arm)
    return old, new, new / old if new is not None and old else None, None


def _per_success(money: Money) -> float | None:
    return float(money.spent / money.codes) if money.codes else None
