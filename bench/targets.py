"""The targets, each with what was measured and whether it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figure, Ratio, Runs, Sample, quantile
from bench.peers import BARE, CANARY, DIRECT, PASS, PASS_WORKERS, PLAIN, SHADOWING, SPLIT, THIN, WORKERS

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target; ``holds`` is ``None`` when it is only reported, or was not measured."""

    number: int
    target: str
    measured: str = "not measured"
    holds: bool | None = None

    @property
    def word(self) -> str:
        return {True: "holds", False: "does not hold", None: "-"}[self.holds]


# --- figures --------------------------------------------------------------------------------------------------------


def rate(sample: Sample) -> float:
    return sample.rate


def cpu(sample: Sample) -> float | None:
    return sample.cpu_per_call


def p50(sample: Sample) -> float:
    return sample.quantile(0.5)


def p95(sample: Sample) -> float:
    return sample.quantile(0.95)


# --- kinds of targets -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """The ratio of two peers' figures, as a median over the rounds; without a bound it is only reported."""

    number: int
    target: str
    scenario: str
    client: str
    figure: Figure
    above: str
    below: str
    at_least: float = 0.0
    at_most: float = float("inf")

    def __call__(self, runs: Runs) -> Verdict:
        found = runs.ratio(self.scenario, self.client, self.figure, self.above, self.below)
        if found is None:
            return Verdict(self.number, self.target)
        return Verdict(self.number, self.target, str(found), self._holds(found))

    def _holds(self, found: Ratio) -> bool | None:
        reported = self.at_least == 0 and self.at_most == float("inf")
        return None if reported else self.at_least <= found.middle <= self.at_most


@dataclass(frozen=True, slots=True)
class ArmsAlike:
    """Both arms of the harness are equally fast when their upstreams are."""

    client: str
    within: float = 0.05

    def __call__(self, runs: Runs) -> Verdict:
        target = f"p50 of the arms within {self.within:.0%} of each other, 50 ms away, {self.client}"
        old, new = (self._p50(runs, arm) for arm in ("old", "new"))
        if not old or not new:
            return Verdict(2, target)
        apart = abs(new / old - 1)
        return Verdict(2, target, f"{old * 1e3:.1f} ms and {new * 1e3:.1f} ms", apart <= self.within)

    def _p50(self, runs: Runs, arm: str) -> float | None:
        times = [
            x for run in runs.of("round trip", CANARY, self.client) for x in run.sample.latencies.get(arm, ())
        ]
        return quantile(times, 0.5) if times else None


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident memory from after the first run of the scenario to after the last."""

    bound: int = 5 * MEGABYTE

    def __call__(self, runs: Runs) -> Verdict:
        target = f"memory grows by < {self.bound // MEGABYTE} MB after the first 20 000 calls"
        turns = runs.of("memory", CANARY, "keep-alive")
        if len(turns) < 2:
            return Verdict(4, target)
        first, last = turns[0].resident or 0, turns[-1].resident or 0
        calls = sum(turn.sample.calls for turn in turns)
        measured = f"{(last - first) / MEGABYTE:+.1f} MB over {calls - turns[0].sample.calls} calls"
        return Verdict(4, target, measured, last - first < self.bound)


_TARGETS: Sequence[Callable[[Runs], Verdict]] = (
    Compared(1, "calls/s >= 2.0x bare mitmdump, keep-alive", "https", "keep-alive", rate, CANARY, BARE, 2.0),
    Compared(1, "calls/s >= 3.5x bare mitmdump, close", "https", "close", rate, CANARY, BARE, 3.5),
    Compared(
        1, "thin: calls/s >= 5x bare mitmdump, keep-alive", "https", "keep-alive", rate, THIN, BARE, 5.0
    ),
    Compared(1, "thin: calls/s >= 10x bare mitmdump, close", "https", "close", rate, THIN, BARE, 10.0),
    Compared(2, "calls/s >= 1.3x direct HTTPS, close", "https", "close", rate, CANARY, DIRECT, 1.3),
    Compared(2, "thin: calls/s >= 1.3x direct HTTPS, close", "https", "close", rate, THIN, DIRECT, 1.3),
    Compared(2, "pass-through: calls/s by direct, close", "https", "close", rate, PASS, DIRECT),
    Compared(
        2, "p50 <= 0.40x direct, 50 ms away, close", "round trip", "close", p50, CANARY, DIRECT, at_most=0.4
    ),
    ArmsAlike("keep-alive"),
    ArmsAlike("close"),
    Compared(
        3, "CPU <= 1.25x pass-through, keep-alive", "https", "keep-alive", cpu, CANARY, PASS, at_most=1.25
    ),
    Compared(3, "CPU <= 1.25x pass-through, close", "https", "close", cpu, CANARY, PASS, at_most=1.25),
    Growth(),
    Compared(
        5, "p95 <= 1.10x with every read shadowed", "shadow", "close", p95, SHADOWING, PLAIN, at_most=1.1
    ),
    Compared(
        6,
        "2 workers: CPU <= 1.10x of one, keep-alive",
        "https",
        "keep-alive",
        cpu,
        WORKERS,
        CANARY,
        at_most=1.1,
    ),
    Compared(6, "2 workers: CPU <= 1.10x of one, close", "https", "close", cpu, WORKERS, CANARY, at_most=1.1),
    *(
        Compared(
            6, f"pass-through, 2 workers: CPU by one, {client}", "https", client, cpu, PASS_WORKERS, PASS
        )
        for client in ("keep-alive", "close")
    ),
    Compared(7, "calls/s by nginx split_clients, keep-alive", "https", "keep-alive", rate, CANARY, SPLIT),
    Compared(7, "calls/s by nginx split_clients, close", "https", "close", rate, CANARY, SPLIT),
    Compared(7, "calls/s by direct, keep-alive", "https", "keep-alive", rate, CANARY, DIRECT),
    Compared(7, "thin: calls/s by nginx split_clients, keep-alive", "https", "keep-alive", rate, THIN, SPLIT),
    Compared(7, "thin: calls/s by nginx split_clients, close", "https", "close", rate, THIN, SPLIT),
)


def judge(runs: Runs) -> list[Verdict]:
    """Every target, in order."""
    return [target(runs) for target in _TARGETS]


def open_leases(bytes_each: float) -> Verdict:
    """What an open lease may cost in memory."""
    return Verdict(4, "an open lease costs < 1 KB in memory", f"{bytes_each:.0f} bytes", bytes_each < 1000)
