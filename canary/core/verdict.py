"""The verdict of a look: advance, roll back or hold, and why. Pure: the same evidence gives the same verdict.

Looks cost nothing: every test holds at all times together, so one may look at any time and as often as one
likes. Rules are tried in order, and the first that has something to say decides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import log
from typing import Any, Literal

from canary.core import reasons
from canary.core.check import Check
from canary.core.evidence import Evidence
from canary.core.margins import FACTORS, margin
from canary.core.measure import (
    PAIRED,
    Finding,
    MetricVerdict,
    Peaks,
    measure,
    measure_pairs,
    peaks_of,
    unmeasured,
)
from canary.core.model import Arm, Rollout, RolloutState
from canary.core.pairs import Pairs
from canary.core.policy.gates import Gate
from canary.core.policy.model import ErrorRates, Policy
from canary.core.scores import STOCK
from canary.core.stats import srm
from canary.core.stats.eprocess import Side
from canary.core.stats.strata import WARMUP, Stratum

FEWEST_LEASES = 10
"""Matured leases of either arm that a gate must have seen in the present stage before it is left.

Evidence adds up over stages, and a stage without traffic has shown nothing; as many would show a dead arm.
"""

FLOOR = 0.5
"""Both arms below this part of what ``old`` was before: the trouble is common to them."""

FLOOR_METRICS = ("acquire", "lease_success")
FLOOR_EPOCHS = 2


class VerdictKind(StrEnum):
    ADVANCE = "advance"
    ROLLBACK = "rollback"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class StageFacts:
    """The stage that is judged. Times are seconds; ``held`` is how long it has been in force."""

    index: int
    weight: float
    held: float
    hold: float = 0.0
    max_hold: float | None = None
    min_leases: int = 0
    warmup_leases: int = 0
    on_undecided: Literal["hold", "rollback"] = "hold"


def stage_facts(policy: Policy, rollout: Rollout, now: float) -> StageFacts:
    """The facts of the stage that a rollout is in. Its longest time ends only a running one: a pause outlasts it."""
    stage = policy.stages[rollout.stage_index]
    running = rollout.state is RolloutState.RUNNING
    return StageFacts(
        rollout.stage_index,
        rollout.weight,
        now - rollout.since,
        stage.hold,
        stage.max_hold if running else None,
        stage.min_leases,
        policy.judging.warmup_leases,
        policy.on_undecided,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look says.

    ``pause``: hold, and wait for an operator. ``peaks``: to be handed to the next look. ``alpha_spent``: the
    chance of any false rollback so far, over all attempts and edits of the margins.
    """

    kind: VerdictKind
    reasons: tuple[str, ...]
    metrics: Mapping[str, MetricVerdict] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    pause: bool = False
    peaks: Peaks = field(default_factory=dict)
    alpha_spent: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The verdict as status and decisions show it."""
        return {
            "kind": self.kind.value,
            "reasons": list(self.reasons),
            "pause": self.pause,
            "alpha_spent": self.alpha_spent,
            "metrics": {name: metric.as_json() for name, metric in self.metrics.items()}
            | {check.name: _check_json(check) for check in self.checks},
        }


def _check_json(check: Check) -> dict[str, Any]:
    """A check as the status shows it, in the shape of a metric."""
    enough = check.seen and check.seen >= check.needed
    finding = Finding.HARM if check.failed else Finding.PASS if enough else Finding.NO_DATA
    return {
        "verdict": finding.value,
        "old": None,
        "new": {"n": check.seen, "value": check.found},
        "difference": None,
        "interval": None,
        "margin": check.allowed,
        "evidence": None,
        "enforced": check.blocks,
    }


def judge(
    evidence: Evidence,
    stage: StageFacts,
    rates: ErrorRates,
    *,
    checks: Sequence[Check] = (),
    pairs: Mapping[str, Pairs] | None = None,
    peaks: Peaks | None = None,
    spent: float = 0.0,
) -> Verdict:
    """Judge the stage.

    Args:
        pairs: of a shadow stage, by metric: calls that both arms answered.
        peaks: of the look before, in this attempt and under these margins.
        spent: false-rollback probability that earlier attempts or margins had.
    """
    look = _Look(evidence, stage, rates, tuple(checks), pairs or {}, peaks or {})
    ruling = next(found for rule in _RULES if (found := rule(look)) is not None)
    said = ruling.reasons
    if spent and ruling.kind is VerdictKind.ROLLBACK:
        said = (*said, reasons.already_spent(spent, rates.false_rollback))
    return Verdict(
        ruling.kind,
        said,
        look.metrics,
        look.checks,
        ruling.pause,
        peaks_of(look.metrics, look.peaks),
        spent + rates.false_rollback,
    )


@dataclass(frozen=True, slots=True)
class _Ruling:
    kind: VerdictKind
    reasons: tuple[str, ...]
    pause: bool = False


@dataclass(frozen=True)
class _Look:
    """Everything that the rules look at."""

    evidence: Evidence
    stage: StageFacts
    rates: ErrorRates
    checks: tuple[Check, ...]
    pairs: Mapping[str, Pairs]
    peaks: Peaks

    @cached_property
    def metrics(self) -> dict[str, MetricVerdict]:
        return {gate.name: self._metric(gate) for gate in self.evidence.gates}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What keeps the stage from being left."""
        return (
            *self.time_left,
            *(self._warmth() if self.stage.weight == 0 else self._proof()),
            *self.objections,
        )

    @property
    def enforced(self) -> list[Gate]:
        return [gate for gate in self.evidence.gates if gate.enforce]

    @property
    def gating(self) -> list[Gate]:
        """The gates that must pass; guards need not."""
        return [gate for gate in self.enforced if gate.promote_margin is not None]

    @property
    def slowest(self) -> Gate:
        """The gate that matures last: what it has seen, all have."""
        rates = [gate for gate in self.enforced if gate.name not in FACTORS]
        return max(rates, key=lambda gate: gate.window, default=STOCK)

    def _metric(self, gate: Gate) -> MetricVerdict:
        if self.stage.weight > 0:
            return measure(self.evidence, gate, self.rates, self.peaks)
        if gate.name in PAIRED and gate.name in self.pairs:
            return measure_pairs(gate, self.pairs[gate.name], self.rates)
        return unmeasured(gate)

    @property
    def time_left(self) -> list[str]:
        """What of the stage's hold is left, said."""
        stage = self.stage
        return [reasons.holding(stage.held, stage.hold)] if stage.held < stage.hold else []

    def _warmth(self) -> list[str]:
        warm, needed = self.evidence[self.slowest.name].pooled.warm, self.stage.warmup_leases
        harms = [reasons.harm(m) for m in self.metrics.values() if m.enforced and m.verdict is Finding.HARM]
        return [*([reasons.warming(warm, needed)] if warm < needed else []), *harms]

    def _proof(self) -> list[str]:
        said = []
        slowest = self.slowest
        for gate in self.gating or [STOCK]:
            found = self.metrics[gate.name]
            needed = max(FEWEST_LEASES, self.stage.min_leases if gate in {slowest, STOCK} else 0)
            n = self._in_stage(gate)
            if gate.enforce and found.verdict is not Finding.PASS:
                said.append(reasons.undecided(found, margin(gate, Side.PROMOTE)))
            if n < needed:
                said.append(reasons.few_leases(found, n, needed))
        return said

    def _in_stage(self, gate: Gate) -> int:
        """Leases on ``new`` in this stage, or on ``old`` where those are fewer than would show anything."""
        pooled = self.evidence[gate.name].pooled
        old, new = (pooled.leases(arm, self.stage.index) for arm in Arm)
        return new if old >= FEWEST_LEASES else min(old, new)

    @property
    def objections(self) -> list[str]:
        """What plain counts say against leaving the stage."""
        return [said for check in self.checks if (said := check.objection)]


# --- the rules ----------------------------------------------------------------------------------------------------


def _mismatch(look: _Look) -> _Ruling | None:
    """A lopsided sample makes every comparison worthless, harm included."""
    drawn, matured = look.evidence[STOCK.name].pooled.read(), look.evidence[look.slowest.name].pooled.known()
    said = tuple(
        reasons.mismatch(samples, what)
        for samples, what in ((drawn, "purchases"), (matured, "matured purchases"))
        if srm.log_e(samples) >= log(srm.THRESHOLD)
    )
    return _Ruling(VerdictKind.HOLD, said) if said else None


def _harm(look: _Look) -> _Ruling | None:
    """Any gate; each has its own part of alpha (weighted Bonferroni)."""
    if look.stage.weight == 0:
        return None
    said = tuple(
        reasons.harm(found)
        for found in look.metrics.values()
        if found.enforced and found.verdict is Finding.HARM
    )
    return _Ruling(VerdictKind.ROLLBACK, said) if said else None


def _refused(look: _Look) -> _Ruling | None:
    """Counts that are harm by themselves, whatever ``old`` is like."""
    if look.stage.weight == 0:
        return None
    said = tuple(check.objection for check in look.checks if check.rolls_back and check.failed)
    return _Ruling(VerdictKind.ROLLBACK, said) if said else None


def _both_down(look: _Look) -> _Ruling | None:
    said = []
    for metric in FLOOR_METRICS:
        if metric not in look.metrics:
            continue
        series = look.evidence[metric]
        bets = [stratum for key, stratum in series.strata(FLOOR_EPOCHS) if key != WARMUP]
        floor = FLOOR * next((1 - s.frozen.f0 for _, s in series.strata() if s.frozen), 0.0)
        means = [_mean(bets, arm) for arm in Arm]
        if all(mean is not None and mean < floor for mean in means):
            old, new = (mean or 0.0 for mean in means)
            said.append(reasons.both_down(metric, old, new, floor))
    return _Ruling(VerdictKind.HOLD, tuple(said), pause=True) if said else None


def _mean(strata: Sequence[Stratum], arm: Arm) -> float | None:
    """The mean score of one arm's bets, or ``None`` when they are too few to tell."""
    counts = [
        (bet, n) for stratum in strata for bet, n in stratum.bets[Side.ROLLBACK].items() if bet.arm is arm
    ]
    leases = sum(n for _, n in counts)
    if leases < FEWEST_LEASES:
        return None
    return 1 - sum(n * bet.bad / bet.of for bet, n in counts) / leases


def _no_control(look: _Look) -> _Ruling | None:
    """With every new lease on ``new`` nothing is left to compare: the stage is over when its hold is."""
    if look.stage.weight < 1:
        return None
    missing = (*look.time_left, *look.objections)
    kind = VerdictKind.HOLD if missing else VerdictKind.ADVANCE
    return _Ruling(kind, (*missing, reasons.no_control()))


def _advance(look: _Look) -> _Ruling | None:
    """Every gate has passed (intersection-union: no correction), and time and leases are there."""
    if look.missing:
        return None
    if look.stage.weight == 0:
        return _Ruling(VerdictKind.ADVANCE, (reasons.passed(look.stage.held), reasons.shadow_only()))
    said = [reasons.equal(look.metrics[gate.name], margin(gate, Side.PROMOTE)) for gate in look.gating]
    return _Ruling(VerdictKind.ADVANCE, (reasons.passed(look.stage.held), *said))


def _expired(look: _Look) -> _Ruling | None:
    """At the horizon the policy may give up, but nothing is ever promoted by time."""
    longest = look.stage.max_hold
    if longest is None or look.stage.held < longest:
        return None
    rolls_back = look.stage.on_undecided == "rollback"
    said = (reasons.expired(longest, rolls_back=rolls_back), *look.missing)
    return _Ruling(VerdictKind.ROLLBACK if rolls_back else VerdictKind.HOLD, said)


def _hold(look: _Look) -> _Ruling:
    said = (reasons.shadow_only(),) if look.stage.weight == 0 else ()
    return _Ruling(VerdictKind.HOLD, (*look.missing, *said))


_RULES: tuple[Callable[[_Look], _Ruling | None], ...] = (
    _refused,
    _mismatch,
    _harm,
    _both_down,
    _no_control,
    _advance,
    _expired,
    _hold,
)
