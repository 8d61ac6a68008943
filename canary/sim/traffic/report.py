"""What a run of traffic saw: counts, latencies, and whether every lease stayed with one provider."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any

from canary.core.model import Failure, Reply


@dataclass(slots=True)
class Life:
    """One lease as its client saw it.

    ``outcome`` is ``succeeded``, ``cancelled``, ``expired``, ``forgotten``, ``hasty``, ``lost`` (the provider
    does not know it), ``stuck`` (a last write was refused or never answered), ``no_stock``, ``refused`` or ``failed``
    (no number), or ``cut`` (open when the run ended).
    """

    client: int
    style: str
    service: str
    country: str
    action: str
    id: str = ""
    phone: str = ""
    codes: list[str] = field(default_factory=list)
    outcome: str = "cut"
    why: str = ""  # the word or failure that decided a bad outcome
    arm: str = ""  # who served the purchase, when a harness says so
    calls: int = 0
    strangers: int = 0  # calls of this lease that were served by another arm
    unknown: int = 0  # answers that say the lease is not known
    foreign_codes: int = 0  # codes that belong to another number


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of latencies in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


def quantiles(values: Sequence[float]) -> Quantiles:
    """Quantiles by nearest rank; zeros for nothing."""
    ordered = sorted(values)
    if not ordered:
        return Quantiles(0, 0.0, 0.0, 0.0, 0.0)
    p50, p95, p99 = (ordered[max(0, ceil(q * len(ordered)) - 1)] for q in (0.50, 0.95, 0.99))
    return Quantiles(len(ordered), p50, p95, p99, ordered[-1])


@dataclass(frozen=True, slots=True)
class TrafficReport:
    """Attributes:
    seconds: how long the run took.
    leases: one row for each lease that was begun.
    skipped: leases that were not begun because too many were open.
    outcomes: leases by outcome.
    purchases: purchase calls that were sent, repeats included.
    calls: calls by action.
    replies: answered calls by the class of the answer.
    failures: unanswered calls by reason.
    latency: of answered calls, by action and for ``all``.
    arms: leases by the arm that served them, when a harness says so.
    unknown_leases, foreign_codes, arm_switches, duplicate_ids: each must be 0, or calls went astray.
    """

    seconds: float
    leases: tuple[Life, ...]
    skipped: int
    outcomes: dict[str, int]
    purchases: int
    calls: dict[str, int]
    replies: dict[str, int]
    failures: dict[str, int]
    latency: dict[str, Quantiles]
    arms: dict[str, int]
    unknown_leases: int
    foreign_codes: int
    arm_switches: int
    duplicate_ids: int

    @property
    def consistent(self) -> bool:
        """Whether every call of every lease reached the provider that issued it."""
        return not (self.unknown_leases or self.foreign_codes or self.arm_switches or self.duplicate_ids)

    def as_json(self, *, leases: bool = False) -> dict[str, Any]:
        """The report as JSON; the leases one by one only when asked for."""
        report = asdict(self)
        report["leases"] = report["leases"] if leases else len(self.leases)
        return {**report, "consistent": self.consistent}


class Recorder:
    """Takes notes while traffic runs; ``report`` may be asked for at any time."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.open = 0
        self.skipped = 0
        self.purchases = 0
        self._latencies: dict[str, list[float]] = {}
        self._replies: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()

    def answered(self, action: str, reply: Reply, latency: float) -> None:
        self._calls[action] += 1
        self._replies[reply.outcome.value] += 1
        self._latencies.setdefault(action, []).append(latency)

    def failed(self, action: str, failure: Failure) -> None:
        self._calls[action] += 1
        self._failures[failure.value] += 1

    @property
    def failures(self) -> int:
        """Calls without an answer."""
        return self._failures.total()

    def report(self, seconds: float) -> TrafficReport:
        """Everything so far."""
        lives = self.lives
        ids = Counter(life.id for life in lives if life.id)
        everything = [latency for values in self._latencies.values() for latency in values]
        latency = {action: quantiles(values) for action, values in sorted(self._latencies.items())}
        return TrafficReport(
            seconds=seconds,
            leases=tuple(lives),
            skipped=self.skipped,
            outcomes=dict(Counter(life.outcome for life in lives)),
            purchases=self.purchases,
            calls=dict(self._calls),
            replies=dict(self._replies),
            failures=dict(self._failures),
            latency={"all": quantiles(everything), **latency},
            arms=dict(Counter(life.arm for life in lives if life.arm)),
            unknown_leases=sum(life.unknown for life in lives),
            foreign_codes=sum(life.foreign_codes for life in lives),
            arm_switches=sum(life.strangers for life in lives),
            duplicate_ids=sum(count - 1 for count in ids.values()),
        )
