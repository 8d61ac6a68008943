"""The data path beside its peers: ``python -m bench.data_path [--quick] [--json FILE]``.

Everything runs on this machine, over loopback. See docs/benchmarks.md for what the figures mean.
"""

import asyncio
import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench import leases, machine, nginx, peers, report
from bench.figures import Run, Runs
from bench.scenarios import FULL, QUICK, Effort, Voice, measure
from bench.targets import judge, open_leases


@click.command()
@click.option("--quick", is_flag=True, help="About 90 seconds instead of six minutes; noisier.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Also write every run's figures here."
)
@click.option(
    "--only", type=click.Choice(list(report.TITLES)), multiple=True, help="This alone; may be repeated."
)
def main(quick: bool, json_file: Path | None, only: tuple[str, ...]) -> None:
    """Measure the harness beside its peers, and say which targets hold."""
    console, began = Console(width=120), datetime.now(UTC)
    described = machine.described()
    console.print(f"{began:%Y-%m-%d %H:%M} UTC; " + ", ".join(f"{k} {v}" for k, v in described.items()))
    if not nginx.available():
        console.print(nginx.MISSING)
    kind, runs, lease_bytes = _measured(QUICK if quick else FULL, only)
    verdicts = [*judge(runs), open_leases(lease_bytes)]
    console.print(f"upstream: {kind}, TLS with an ECDSA P-256 certificate, ids unique, small canned replies")
    report.show(console, runs, verdicts)
    if json_file is not None:
        found = {
            "at": began.isoformat(),
            "machine": described,
            "upstream": kind,
            "runs": [run.figures() for run in runs.all],
            "targets": [asdict(one) for one in verdicts],
        }
        json_file.write_text(json.dumps(found, indent=1) + "\n")


def _measured(effort: Effort, only: tuple[str, ...]) -> tuple[str, Runs, float]:
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as name, progress.status("starting") as status:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers run as another user
        kind, runs = asyncio.run(_gather(folder, effort, only, Voice(status.update, progress.print)))
        return kind, Runs(runs), leases.bytes_each(folder)


async def _gather(folder: Path, effort: Effort, only: tuple[str, ...], voice: Voice) -> tuple[str, list[Run]]:
    async with peers.upstreams(folder) as upstreams:
        return upstreams.kind, [run async for run in measure(upstreams, effort, only, voice)]


if __name__ == "__main__":
    main()
