"""Figures of one run, and what a median over rounds makes of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of the load generator saw.

    ``latencies``: seconds per call by serving arm (``""`` when no arm is named). ``errors``: calls without a
    right reply, by what was wrong with them; they are in no other figure. ``cpu``: seconds of the process
    under test and its children, ``None`` when nothing stands between client and upstream.
    """

    seconds: float
    latencies: Mapping[str, Sequence[float]]
    errors: Counter[str] = field(default_factory=Counter)
    cpu: float | None = None

    @property
    def calls(self) -> int:
        return sum(len(times) for times in self.latencies.values())

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    @property
    def cpu_per_call(self) -> float | None:
        """Seconds."""
        return self.cpu / self.calls if self.cpu is not None and self.calls else None

    def quantile(self, share: float) -> float:
        """Seconds below which that share of all calls were answered."""
        return quantile([seconds for times in self.latencies.values() for seconds in times], share)


type Figure = Callable[[Sample], float | None]


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie, by nearest rank; NaN of none."""
    if not values:
        return float("nan")
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)]


@dataclass(frozen=True, slots=True)
class Run:
    """One turn of one peer; ``resident``: bytes of memory after it."""

    scenario: str
    peer: str
    client: str
    round: int
    sample: Sample
    resident: int | None = None

    def figures(self) -> dict[str, object]:
        """The run for a JSON file; times in milliseconds."""
        sample = self.sample
        return {
            "scenario": self.scenario,
            "peer": self.peer,
            "client": self.client,
            "round": self.round,
            "calls": sample.calls,
            "seconds": round(sample.seconds, 3),
            "calls_per_second": round(sample.rate, 1),
            "cpu_ms_per_call": _ms(sample.cpu_per_call),
            "resident_mb": None if self.resident is None else round(self.resident / 1e6, 1),
            **{f"p{share}_ms": _ms(sample.quantile(share / 100)) for share in (50, 95, 99)},
            "arms": {
                arm: {"calls": len(times), "p50_ms": _ms(quantile(times, 0.5))}
                for arm, times in sample.latencies.items()
                if arm
            },
            "errors": dict(sample.errors),
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None or isnan(seconds) else round(seconds * 1000, 3)


class Runs:
    """All runs, to be asked for what a table or a target needs."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self.all = tuple(runs)

    def of(self, scenario: str, peer: str, client: str) -> list[Run]:
        """One peer's runs of a scenario, in order of rounds."""
        return [r for r in self.all if (r.scenario, r.peer, r.client) == (scenario, peer, client)]

    def peers(self, scenario: str) -> list[str]:
        """Who took part, in order of appearance."""
        return list(dict.fromkeys(run.peer for run in self.all if run.scenario == scenario))

    def middle(self, scenario: str, peer: str, client: str, figure: Figure) -> float | None:
        """A figure's median over the rounds; ``None`` when there is none."""
        each = [figure(run.sample) for run in self.of(scenario, peer, client)]
        known = [value for value in each if value is not None]
        return median(known) if known else None

    def ratio(self, scenario: str, client: str, figure: Figure, above: str, below: str) -> "Ratio | None":
        """One peer's figure by another's, taken in each round; ``None`` when a peer is missing."""
        pairs = zip(self.of(scenario, above, client), self.of(scenario, below, client), strict=False)
        each = [Ratio.of(figure(a.sample), figure(b.sample)) for a, b in pairs]
        known = [one for one in each if one is not None]
        return Ratio(median(known), min(known), max(known)) if known else None

    @property
    def errors(self) -> Counter[tuple[str, str]]:
        """Calls without a right reply by scenario and peer."""
        found: Counter[tuple[str, str]] = Counter()
        for run in self.all:
            found[run.scenario, run.peer] += run.sample.errors.total()
        return +found


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio's median and range over the rounds: what slows the machine in a round meets both sides alike."""

    middle: float
    low: float
    high: float

    @staticmethod
    def of(above: float | None, below: float | None) -> float | None:
        """``None`` when it cannot be taken."""
        return above / below if above is not None and below else None

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.middle:.2f}"
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"
