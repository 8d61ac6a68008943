"""Clients of old while new, which is only shadowed, misbehaves: ``python -m bench.hostile [--quick]``.

For each misdeed two harnesses take turns before the same old arm at a steady 100 reads/s: one shadows nothing, the
other repeats every read to the hostile arm. Turns are short, so that whatever else the machine does meets both alike,
and all calls of a harness count together. Clients must not notice: p95 at most 1.10x, memory bounded.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

from bench import mix, peers
from bench.figures import Run, Runs, quantile
from bench.hostile_arms import MISDEEDS
from bench.load import Shape, drive
from bench.peers import Peer, Upstream
from bench.processes import peak_bytes, ready_line, resident_bytes, running
from bench.targets import MEGABYTE

BAR = 1.10
"""Times the p95 without shadowing."""

MOST = 200 * MEGABYTE
"""Bytes by which the harness may grow: 64 MiB that wait, and an answer of 8 MiB at its limit for each of 8 workers,
while it is read and while it is joined."""

TURN = 1.0
"""Seconds."""

PLAIN, SHADOWING = "shadows nothing", "shadows every read"


@dataclass(frozen=True, slots=True)
class Case:
    """What one misdeed did to clients; ``grown``: bytes of memory at most, by peer."""

    misdeed: str
    runs: Runs
    grown: dict[str, int]

    @property
    def ratio(self) -> float:
        return self.p95(SHADOWING) / self.p95(PLAIN)

    def p95(self, peer: str) -> float:
        """Seconds, over all turns of a peer."""
        turns = self.runs.of(self.misdeed, peer, "close")
        return quantile(
            [x for turn in turns for times in turn.sample.latencies.values() for x in times], 0.95
        )

    @property
    def holds(self) -> bool:
        return not self.runs.errors and self.ratio <= BAR and self.grown[SHADOWING] <= MOST


@click.command()
@click.option("--quick", is_flag=True, help="Two minutes instead of six; noisier.")
@click.option("--only", type=click.Choice(list(MISDEEDS)), multiple=True, help="This alone; may be repeated.")
def main(quick: bool, only: tuple[str, ...]) -> None:
    """Measure what a hostile shadow arm costs clients; exit code 1 if they notice."""
    rounds = 8 if quick else 30
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers run as another user
        cases = asyncio.run(_measured(folder, only or tuple(MISDEEDS), rounds))
    console.print(_table(cases))
    for case in cases:
        for (_, peer), errors in case.runs.errors.items():
            console.print(f"{case.misdeed}: {errors} calls got no right reply from the harness that {peer}")
    sys.exit(not all(case.holds for case in cases))


async def _measured(folder: Path, misdeeds: tuple[str, ...], rounds: int) -> list[Case]:
    shape = Shape(close=True, seconds=TURN, clients=16, rate=100, script=mix.reads)
    async with peers.upstreams(folder) as upstreams, _hostile(folder) as ports:
        found = []
        for misdeed in misdeeds:
            arms = {"old": upstreams.plain.arms["old"], "new": ports[misdeed]}
            found.append(await _case(misdeed, replace(upstreams.plain, arms=arms), shape, rounds))
        return found


@asynccontextmanager
async def _hostile(folder: Path) -> AsyncIterator[dict[str, int]]:
    log, root = folder / "hostile.log", str(Path(__file__).parents[1])
    async with running([sys.executable, "-m", "bench.hostile_arms"], log, {"PYTHONPATH": root}) as process:
        _, *ports = (await ready_line(process, log)).split()
        yield dict(zip(MISDEEDS, map(int, ports), strict=True))


async def _case(misdeed: str, upstream: Upstream, shape: Shape, rounds: int) -> Case:
    async with AsyncExitStack() as stack:
        started = [await _start(stack, upstream, misdeed, name) for name in (PLAIN, SHADOWING)]
        before = {peer.name: resident_bytes(_pid(peer)) for peer in started}
        for peer in started:
            await drive(peer.target, shape)
        runs = [
            Run(misdeed, peer.name, shape.name, number, await drive(peer.target, shape))
            for number in range(rounds)
            # each goes first in turn: what a turn leaves behind meets both alike
            for peer in (started if number % 2 else reversed(started))
        ]
        grown = {peer.name: peak_bytes(_pid(peer)) - before[peer.name] for peer in started}
        return Case(misdeed, Runs(runs), grown)


async def _start(stack: AsyncExitStack, upstream: Upstream, misdeed: str, name: str) -> Peer:
    shadow = "100%" if name == SHADOWING else "0%"
    start = peers.canary(f"{misdeed} {name}", weight="0%", shadow=shadow)
    return replace(await stack.enter_async_context(start(upstream)), name=name)


def _pid(peer: Peer) -> int:
    assert peer.pid is not None, "a harness is a process"
    return peer.pid


def _table(cases: list[Case]) -> Table:
    table = Table(
        title=f"100 reads/s; bar: p95 <= {BAR:.2f}x, memory < +{MOST // MEGABYTE} MB at its peak",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for name in ("new", "p95 alone", "p95 shadowing", "ratio", "MB alone", "MB shadowing", ""):
        table.add_column(name, justify="left" if name in {"new", ""} else "right")
    for case in cases:
        table.add_row(
            case.misdeed,
            *(f"{case.p95(peer) * 1e3:.1f} ms" for peer in (PLAIN, SHADOWING)),
            f"{case.ratio:.2f}",
            *(f"{case.grown[peer] / MEGABYTE:+.0f}" for peer in (PLAIN, SHADOWING)),
            "holds" if case.holds else "does not hold",
        )
    return table


if __name__ == "__main__":
    main()
