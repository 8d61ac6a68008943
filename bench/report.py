"""The results for a reader: a table per kind of upstream, the targets, and what went wrong."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Runs, Sample
from bench.peers import BARE
from bench.targets import Verdict, cpu, p50, p95, rate

TITLES = {
    "https": "HTTPS upstream, lease-shaped calls, as fast as they are answered",
    "http": "HTTP upstream, lease-shaped calls, as fast as they are answered",
    "round trip": "HTTPS upstream a round trip of 50 ms away, 150 lease-shaped calls/s",
    "shadow": "HTTPS upstream, 100 reads/s, close client",
    "memory": "Memory, keep-alive client",
}


def show(console: Console, runs: Runs, verdicts: Sequence[Verdict]) -> None:
    """Print everything."""
    for scenario in dict.fromkeys(run.scenario for run in runs.all):
        console.print(_table(runs, scenario))
    console.print(_verdicts(verdicts))
    for (scenario, peer), errors in runs.errors.items():
        console.print(
            f"{scenario}: {peer} gave no right reply to {errors} calls; they are in no figure above"
        )
    if not runs.errors:
        console.print("every call of every run got a right reply")


def p99(sample: Sample) -> float:
    return sample.quantile(0.99)


_COLUMNS: Sequence[tuple[str, Figure, float, str]] = (
    ("calls/s", rate, 1, ".0f"),
    ("CPU ms", cpu, 1e3, ".2f"),
    ("p50 ms", p50, 1e3, ".1f"),
    ("p95", p95, 1e3, ".1f"),
    ("p99", p99, 1e3, ".1f"),
)


def _table(runs: Runs, scenario: str) -> Table:
    table = Table(title=TITLES[scenario], title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("data path")
    table.add_column("client")
    for name, *_ in _COLUMNS:
        table.add_column(name, justify="right")
    table.add_column("x bare", justify="right")
    table.add_column("MB", justify="right")
    for client in ("keep-alive", "close"):
        for peer in runs.peers(scenario):
            if runs.of(scenario, peer, client):
                table.add_row(peer, client, *_cells(runs, scenario, peer, client))
    return table


def _cells(runs: Runs, scenario: str, peer: str, client: str) -> list[str]:
    cells = []
    for _, figure, scale, form in _COLUMNS:
        value = runs.middle(scenario, peer, client, figure)
        cells.append("" if value is None else format(value * scale, form))
    by_bare = runs.ratio(scenario, client, rate, peer, BARE)
    resident = runs.of(scenario, peer, client)[-1].resident
    return [*cells, f"{by_bare.middle:.2f}" if by_bare else "", f"{resident / 1e6:.0f}" if resident else ""]


def _verdicts(verdicts: Sequence[Verdict]) -> Table:
    table = Table(
        title="Targets (ratios: median over the rounds, lowest and highest in brackets)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for name in ("", "target", "measured", ""):
        table.add_column(name)
    for one in verdicts:
        table.add_row(str(one.number), one.target, one.measured, one.word)
    return table
