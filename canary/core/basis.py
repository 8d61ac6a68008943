"""What a verdict is made from besides the purchases: kept with each decision, it lets anyone make it again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any, Self

from canary.core.check import Check
from canary.core.evidence import Evidence
from canary.core.measure import Peaks
from canary.core.model import Arm
from canary.core.pairs import Pairs
from canary.core.policy.model import Policy
from canary.core.stage import Event
from canary.core.verdict import StageFacts, Verdict, VerdictKind, judge


@dataclass(frozen=True, slots=True)
class Ground:
    """What evidence is gathered under; another ground makes other evidence of the same purchases.

    ``since``: bets begin here, in seconds since the epoch. ``lifetime``: of leases, in seconds, as the provider
    profiles have it; the age at which most gates read a lease unless the policy names one.
    """

    attempt: int
    since: float
    lifetime: float

    def evidence(self, policy: Policy) -> Evidence:
        """Evidence before its first purchase."""
        factors = {arm: policy.arm(arm).price_factor for arm in Arm}
        gates = policy.resolved_gates(self.lifetime)
        return Evidence(gates, self.attempt, policy.judging.epoch, since=self.since, factors=factors)


@dataclass(frozen=True, slots=True)
class Basis:
    """What one look was handed.

    ``cursors``: per metric, the serial of the last purchase that the evidence holds. ``peaks``: of the look before.
    ``risked``: the chance that an era before this one rolled back by mistake. ``checks`` and ``pairs`` are counts
    that grow on: what they were cannot be read from the store again.
    """

    ground: Ground
    stage: StageFacts
    cursors: Mapping[str, int]
    peaks: Peaks
    risked: float
    checks: tuple[Check, ...] = ()
    pairs: Mapping[str, Pairs] = field(default_factory=dict)

    def judge(self, evidence: Evidence, policy: Policy) -> Verdict:
        """The verdict on evidence that holds exactly what the cursors say."""
        rates = policy.error_rates
        return judge(
            evidence,
            self.stage,
            rates,
            checks=self.checks,
            pairs=self.pairs,
            peaks=self.peaks,
            spent=self.risked,
        )

    def as_json(self) -> dict[str, Any]:
        """The basis as decisions keep it."""
        since = self.ground.since
        return asdict(self) | {"ground": asdict(self.ground) | {"since": since if isfinite(since) else None}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The basis that ``as_json`` wrote.

        Raises:
            KeyError, TypeError: another version wrote it.
        """
        ground = dict(data["ground"])
        ground["since"] = -inf if ground["since"] is None else ground["since"]
        return cls(
            Ground(**ground),
            StageFacts(**data["stage"]),
            data["cursors"],
            data["peaks"],
            data["risked"],
            tuple(Check(**check) for check in data["checks"]),
            {metric: Pairs(*counts) for metric, counts in data["pairs"].items()},
        )


_EVENTS = {VerdictKind.ADVANCE: Event.ADVANCE, VerdictKind.ROLLBACK: Event.HARM}


def event_of(verdict: Verdict) -> Event | None:
    """What the verdict asks for."""
    return Event.PAUSE if verdict.pause else _EVENTS.get(verdict.kind)
