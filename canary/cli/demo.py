"""``canary demo``: within a minute, a canary that is caught and rolled back, and one that is promoted."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from canary.cli.desk import stage_line
from canary.cli.stagehand import Playing, Scene, playing

DEADLINE = 150.0
"""Seconds after which the demo gives up on a slow machine."""

SCENES = (
    Scene("caught", "half of new's codes stop coming", "rolled_back", harm={"success": 0.4}),
    Scene("promoted", "new is as good as old", "complete"),
)

POLICY: dict[str, Any] = {
    "stages": [
        {"name": "shadow", "weight": "0%", "shadow": "100%", "hold": "2s"},
        {"name": "canary", "weight": "30%", "shadow": "10%", "hold": "4s", "min_leases": 30},
        {"name": "half", "weight": "60%", "hold": "2s", "min_leases": 30},
        {"name": "cutover", "weight": "100%", "hold": "2s", "approval": "required"},
    ],
    # a minute is short, so the margins are wide; everything else is as in a real rollout
    "gates": {
        "lease_success": {"rollback_margin": "2pp", "promote_margin": "20pp", "window": "2s"},
        "acquire": {"rollback_margin": "2pp", "promote_margin": "10pp", "window": "1s"},
        "call_success": {"rollback_margin": "1pp", "promote_margin": "10pp", "window": "2s"},
        "latency_p95": {"rollback_margin": "1.5x", "promote_margin": "3x", "window": "2s"},
        "refund_ratio": {"rollback_margin": "3pp", "promote_margin": "20pp", "window": "2s"},
    },
    "judging": {"tick": "500ms", "epoch": "10s", "warmup_leases": 60},
    "maturity": "2s",
}


@click.command()
@click.option("--keep", is_flag=True, help="Go on until Ctrl-C, to look around.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Of the simulated providers and customers."
)
def demo(keep: bool, seed: int) -> None:
    """Play two rollouts between simulated providers: one is rolled back by itself, one is promoted."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="canary-demo-") as folder:
        plays = asyncio.run(_play(console, Path(folder), keep, seed))
    _sum_up(console, plays)
    if not all(play.as_expected for play in plays):
        raise click.exceptions.Exit(1)


async def _play(console: Console, folder: Path, keep: bool, seed: int) -> list[Playing]:
    async with AsyncExitStack() as stack:
        entering = [stack.enter_async_context(playing(scene, POLICY, folder, seed)) for scene in SCENES]
        plays = [await entered for entered in entering]
        for play in plays:
            console.print(f"{play.scene.title}: dashboard [bold]{play.admin}/[/], proxy {play.proxy}")
        with Live(_table(plays), console=console, refresh_per_second=4, transient=True) as live:
            until = monotonic() + DEADLINE
            while keep or (monotonic() < until and not all(play.ended_at for play in plays)):
                live.update(_table(plays))
                await asyncio.sleep(0.25)
    return plays


def _table(plays: Sequence[Playing]) -> Table:
    table = Table("rollout", "stage", "leases old / new", "verdict", expand=True)
    for play in plays:
        status = play.status
        if not status:
            table.add_row(play.scene.title, "starting", "", "")
            continue
        leases = " / ".join(str(status["leases"][arm]["total"]) for arm in ("old", "new"))
        reasons = status["verdict"]["reasons"]
        table.add_row(play.scene.title, stage_line(status), leases, reasons[0] if reasons else "")
    return table


def _sum_up(console: Console, plays: Sequence[Playing]) -> None:
    for play in plays:
        console.print(f"\n[bold]{play.scene.title}[/]: {_outcome(play)}")
        for reason in play.status.get("verdict", {}).get("reasons", ())[:3]:
            console.print(f"  because {reason}")
        report = play.report
        calls = sum(report.calls.values())
        where = "each at the arm that sold its number" if report.consistent else "SOME AT THE WRONG ARM"
        console.print(f"  {len(report.leases)} leases in {calls} calls, {where}")
    console.print(
        "\nNext: canary sim provider and canary run policies/canary-5pct.yaml, or canary demo --keep to look around"
    )


def _outcome(play: Playing) -> str:
    if play.ended_at is None:
        return f"not decided within {DEADLINE:.0f} s; the machine is slow, try again when it is idle"
    state = play.status["state"].replace("_", " ")
    if play.harmed_at is not None:
        leases = play.status["leases"]["new"]["total"]
        return f"{state} {play.ended_at - play.harmed_at:.0f} s after the harm began, {leases} leases had gone to new"
    return f"{state} after {play.ended_at - play.began_at:.0f} s, stage by stage, each when its gates had cleared"
