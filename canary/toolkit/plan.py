"""How long a policy's gates will take to decide, before anything is run: leases and hours, per stage and gate.

``bound`` is what no valid test can beat on average, ``leases`` what this one expects; both count leases on ``new``,
as if the stage began without evidence. Evidence adds up over stages, so later ones take less than is said here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite
from typing import Any

from canary.core.margins import COST, FACTORS, margin, rate_margin
from canary.core.policy.gates import Gate
from canary.core.policy.load import policy_hash
from canary.core.policy.model import ErrorRates, Policy, StagePolicy
from canary.core.policy.notation import in_words, show_points, show_ratio
from canary.core.stats.bound import Law, expected_of_laws, fewest_of_laws
from canary.core.stats.eprocess import Side
from canary.toolkit.worlds import Supposed, world

HOUR = 3600.0

ROUND = {True: (1.1, 1.25, 1.5, 2.0, 3.0), False: (0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20)}
"""Margins that are proposed instead of one that takes too long: factors, and differences of rates."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one decision takes; infinite where it is never made. ``hours`` include the age of the last lease."""

    what: str
    bound: float
    leases: float
    hours: float

    def as_json(self) -> dict[str, Any]:
        """For scripts; what never comes is ``null``."""
        return {name: None if value == inf else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class GatePlan:
    """How long one gate takes to find each harm, and to prove that the arms are equal; a guard does not.

    ``old``: the share of good outcomes that ``old`` is supposed to have.
    """

    gate: Gate
    old: float
    harms: tuple[Estimate, ...]
    equal: Estimate | None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self.gate) | {
            "old": self.old,
            "harms": [harm.as_json() for harm in self.harms],
            "equal": self.equal.as_json() if self.equal else None,
        }


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage. ``per_hour``: leases on ``new``. ``hours``: when it can be left, if the arms are equal."""

    stage: StagePolicy
    per_hour: float
    gates: tuple[GatePlan, ...]
    hours: float
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "stage": self.stage.name,
            "weight": self.stage.weight,
            "hold": self.stage.hold,
            "max_hold": self.stage.max_hold,
            "new_per_hour": self.per_hour,
            "gates": [gate.as_json() for gate in self.gates],
            "hours": self.hours if isfinite(self.hours) else None,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy's stages at a rate of new leases."""

    name: str
    policy_hash: str
    leases_per_hour: float
    supposed: Supposed
    stages: tuple[StagePlan, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "name": self.name,
            "policy_hash": self.policy_hash,
            "leases_per_hour": self.leases_per_hour,
            "supposed": asdict(self.supposed),
            "stages": [stage.as_json() for stage in self.stages],
            "notes": list(self.notes),
        }


def plan(policy: Policy, lifetime: float, leases_per_hour: float, supposed: Supposed) -> Plan:
    """Plan the stages in which leases are compared.

    Args:
        lifetime: of leases, in seconds, as the provider profiles have it.
        leases_per_hour: purchases on both arms together.
    """
    gates = policy.resolved_gates(lifetime)
    compared = [stage for stage in policy.stages if 0 < stage.weight < 1]
    stages = tuple(
        _Planner(stage, leases_per_hour * stage.weight, policy.error_rates, supposed).plan(gates)
        for stage in compared
    )
    return Plan(
        policy.name, policy_hash(policy), leases_per_hour, supposed, stages, tuple(_notes(policy, gates))
    )


def _notes(policy: Policy, gates: Sequence[Gate]) -> Iterator[str]:
    if any(gate.name == COST for gate in gates):
        yield f"{COST} depends on prices and is not planned"
    for stage in policy.stages:
        if stage.weight == 1:
            yield f"stage {stage.name} sends every new lease to new: without a control arm nothing is decided there"
    if policy.unit != "lease":
        yield f"with unit: {policy.unit} only the first purchase of each one counts; give the rate of new ones"
    if policy.gates.refunds is not None and policy.reconcile.poll is None:
        yield (
            "refunds are seen in balances, and nothing asks new for its own; "
            "add reconcile: {poll: 60s}, or the gate refunds stays without data"
        )


@dataclass(frozen=True, slots=True)
class _Planner:
    """Plans one stage with ``per_hour`` leases on ``new``."""

    stage: StagePolicy
    per_hour: float
    rates: ErrorRates
    supposed: Supposed

    def plan(self, gates: Sequence[Gate]) -> StagePlan:
        planned = tuple(self._gate(gate) for gate in gates if gate.name != COST)
        enforced = [one for one in planned if one.gate.enforce]
        slowest = max((one.gate.window for one in enforced), default=0.0)
        waits = [self.stage.hold / HOUR, *(one.equal.hours for one in enforced if one.equal)]
        if self.stage.min_leases:
            waits.append(self._hours(self.stage.min_leases, slowest))
        notes = tuple(note for one in enforced if (note := self._note(one)))
        return StagePlan(self.stage, self.per_hour, planned, max(waits), notes)

    def _gate(self, gate: Gate) -> GatePlan:
        found = world(gate, self.supposed)
        harms = [self._harm(gate, what, new, found.old) for what, new in found.harms.items()]
        equal = self._equal(gate) if gate.promote_margin is not None else None
        return GatePlan(gate, found.old.mean, tuple(harms), equal)

    def _harm(self, gate: Gate, what: str, new: Law, old: Law) -> Estimate:
        if new.mean >= old.mean - rate_margin(gate, Side.ROLLBACK):
            return Estimate(what, inf, inf, inf)  # within the margin: no harm to this policy
        return self._estimate(gate, Side.ROLLBACK, what, new, old)

    def _equal(self, gate: Gate) -> Estimate:
        found = world(gate, self.supposed)
        return self._estimate(gate, Side.PROMOTE, "equal", found.equal, found.old)

    def _estimate(self, gate: Gate, side: Side, what: str, new: Law, old: Law) -> Estimate:
        promotes = side is Side.PROMOTE
        level = self.rates.false_promote if promotes else gate.share * self.rates.false_rollback
        test = (rate_margin(gate, side), self.stage.weight, level)
        leases = expected_of_laws(side, new, old, *test)
        return Estimate(what, fewest_of_laws(new, old, *test), leases, self._hours(leases, gate.window))

    def _hours(self, leases: float, window: float) -> float:
        return leases / self.per_hour + window / HOUR

    @property
    def _limit(self) -> float:
        """Hours that the policy gives the stage: its longest time, or else its hold; 0 when it names neither."""
        return (self.stage.max_hold or self.stage.hold) / HOUR

    def _note(self, planned: GatePlan) -> str | None:
        """What is said of a gate that cannot pass in the stage's time."""
        if planned.equal is None or not self._limit or planned.equal.hours <= self._limit:
            return None
        gate, equal = planned.gate, planned.equal
        time = "max_hold" if self.stage.max_hold else "hold"
        takes = (
            f"about {equal.leases:.0f} leases on new, {_words(equal.hours)}"
            if equal.leases < inf
            else "for ever"
        )
        return (
            f"{gate.name} cannot be decided within the {time} of {_words(self._limit)}: to prove equality within "
            f"{show_margin(gate, Side.PROMOTE)} takes {takes}; give the stage more time or weight"
            f"{self._proposal(gate)}"
        )

    def _proposal(self, gate: Gate) -> str:
        """A wider margin that could be decided in time, if there is one."""
        for wider in ROUND[gate.name in FACTORS]:
            other = replace(gate, promote_margin=wider)
            if wider > margin(gate, Side.PROMOTE) and self._equal(other).hours <= self._limit:
                return f", or the gate a promote_margin of {show_margin(other, Side.PROMOTE)}"
        return ""


def show_margin(gate: Gate, side: Side) -> str:
    """A margin as a policy writes it."""
    return (show_ratio if gate.name in FACTORS else show_points)(margin(gate, side))


def _words(hours: float) -> str:
    return in_words(hours * HOUR)
