"""A harness under steady traffic with faults: ``python -m bench.soak [--seconds 600]``.

Prints a line a minute, and at the end what grew beyond its bound or went astray; the exit code is then 1.
"""

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic

import aiohttp
import click
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from bench.figures import quantile
from bench.processes import ready_line, running
from canary.core.model import Effect
from canary.sim.behaviour import Behaviour, Spread
from canary.sim.provider import Provider
from canary.sim.traffic.plan import TrafficPlan
from canary.sim.traffic.report import Recorder, TrafficReport
from canary.sim.traffic.run import run_traffic

MEGABYTE = 1_000_000
CACHES = 20 * MEGABYTE
"""Bytes of memory that bounded caches still take up after the warm-up; what leaks at this pace takes up more."""

LEASE = 2000
"""Bytes that one lease of the traffic may add to the store, its purchase and indices included."""

_SELLS = Behaviour(
    success=0.85, code_delay=Spread(median=2.0, p95=6.0), minimum_hold=0, deposit="100000000", lifetime=60
)


# --- what is read ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """The harness at one moment, and its clients since the reading before.

    ``resident`` and ``store`` are bytes; ``p50`` and ``p95`` are seconds.
    """

    at: float
    resident: int
    files: int
    tasks: int
    store: int
    leases: int
    calls: int
    p50: float
    p95: float

    def __str__(self) -> str:
        return (
            f"{self.at:5.0f} s  {self.resident / MEGABYTE:6.1f} MB  {self.files:4d} files  {self.tasks:4d} tasks  "
            f"store {self.store / MEGABYTE:6.2f} MB  {self.leases:6d} leases  {self.calls:7d} calls  "
            f"p50 {self.p50 * 1e3:6.1f} ms  p95 {self.p95 * 1e3:6.1f} ms"
        )


class Timed(Recorder):
    """Notes of the traffic, with the latencies since they were last asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self._recent: list[float] = []

    def answered(self, action: str, reply: object, latency: float) -> None:
        super().answered(action, reply, latency)  # type: ignore[arg-type]
        self.calls += 1
        self._recent.append(latency)

    def recent(self) -> list[float]:
        """Seconds of each answered call since the last time."""
        recent, self._recent = self._recent, []
        return recent


@dataclass(frozen=True, slots=True)
class Watched:
    """A running harness: its admin server and its store."""

    proxy: str
    admin: str
    folder: Path

    async def read(self, began: float, notes: Timed) -> Reading:
        """Look at it now."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.admin}/metrics") as answer:
            text = await answer.text()
        found = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        times = notes.recent()
        return Reading(
            monotonic() - began,
            int(found["process_resident_memory_bytes"]),
            int(found["process_open_fds"]),
            int(found["canary_tasks"]),
            sum(file.stat().st_size for file in self.folder.glob("state.db*")),
            len(notes.lives),
            notes.calls,
            quantile(times, 0.5),
            quantile(times, 0.95),
        )


# --- what is done to it ---------------------------------------------------------------------------------------------

type Fault = Callable[[Provider, Provider, Path], Awaitable[None]]

LASTS = 4.0
"""Seconds of one fault."""

EVERY = 12.0
"""Seconds from one fault to the next."""


async def new_is_down(_: Provider, new: Provider, state: Path) -> None:
    """As while it restarts."""
    await new.change(refuse=True)
    await asyncio.sleep(LASTS)
    await new.change(refuse=False)


async def old_resets(old: Provider, _: Provider, state: Path) -> None:
    """A fifth of its connections."""
    await old.change(reset=0.2)
    await asyncio.sleep(LASTS)
    await old.change(reset=0.0)


async def new_hangs(_: Provider, new: Provider, state: Path) -> None:
    """A tenth of its calls."""
    await new.change(hang=0.1)
    await asyncio.sleep(LASTS)
    await new.change(hang=0.0)


async def the_store_is_busy(_: Provider, __: Provider, state: Path) -> None:
    """Somebody else writes and takes a while."""
    with closing(sqlite3.connect(state, autocommit=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(LASTS / 4)
        other.execute("ROLLBACK")


FAULTS: Sequence[Fault] = (new_is_down, old_resets, new_hangs, the_store_is_busy)


async def trouble(old: Provider, new: Provider, state: Path) -> None:
    """One fault after the other until cancelled."""
    for fault in cycle(FAULTS):
        await asyncio.sleep(EVERY)
        await fault(old, new, state)


_ONCE = (Effect.PURCHASE, Effect.LEASE_WRITE)
"""Effects of calls that reach an arm once at most."""


# --- what is expected -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation, what was seen, and whether it holds."""

    name: str
    seen: str
    holds: bool


def judged(first: Reading, readings: Sequence[Reading], last: Reading) -> list[Finding]:
    """Growth from after the warm-up to the end, and the drift of latency in between.

    Args:
        first: after the warm-up.
        readings: under traffic, in order.
        last: when all clients had left.
    """
    leases = last.leases - first.leases
    grown, held = last.resident - first.resident, CACHES + 1000 * leases
    stored, room = last.store - first.store, 5 * MEGABYTE + LEASE * leases
    third = max(len(readings) // 3, 1)
    early, late = readings[:third], readings[-third:]
    return [
        Finding("memory", f"{grown / MEGABYTE:+.1f} MB over {leases} leases", grown < held),
        Finding("files", f"{last.files - first.files:+d}", last.files - first.files <= 16),
        Finding("tasks", f"{last.tasks - first.tasks:+d}", last.tasks - first.tasks <= 8),
        Finding("store", f"{stored / MEGABYTE:+.2f} MB", stored < room),
        _drift("p50", [one.p50 for one in early], [one.p50 for one in late], unnoticed=0.02),
        _drift("p95", [one.p95 for one in early], [one.p95 for one in late], unnoticed=0.1),
    ]


def _drift(name: str, early: Sequence[float], late: Sequence[float], unnoticed: float) -> Finding:
    """The best of the last third beside the best of the first: faults make the others what they are."""
    seen = f"{min(early) * 1e3:.1f} ms at first, {min(late) * 1e3:.1f} ms at last"
    return Finding(name, seen, min(late) < max(2 * min(early), unnoticed))


def astray(report: TrafficReport, *providers: Provider) -> list[Finding]:
    """Calls that reached an arm which did not issue their lease, or were made twice."""
    foreign = sum(one.books.foreign for one in providers)
    repeated = sum(one.books.repeated[effect] for one in providers for effect in _ONCE)
    return [
        Finding("calls at a foreign arm", str(foreign), foreign == 0),
        Finding("purchases and lease writes sent twice", str(repeated), repeated == 0),
        Finding(
            "clients' view",
            f"{report.unknown_leases} unknown leases, {report.arm_switches} arm switches, "
            f"{report.foreign_codes} foreign codes, {report.duplicate_ids} duplicate ids",
            report.consistent,
        ),
    ]


# --- the run --------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long clients come.")
@click.option("--rate", default=5.0, show_default=True, help="Leases a second, some ten calls each.")
@click.option("--ingress", default="mitmproxy", show_default=True, type=click.Choice(["mitmproxy", "asgi"]))
def main(seconds: float, rate: float, ingress: str) -> None:
    """Let clients come for a while, with faults, and tell what grew and what went astray."""
    with tempfile.TemporaryDirectory(prefix="canary-soak-") as name:
        findings = asyncio.run(soak(Path(name), seconds, rate, ingress, Console(width=160).print))
    for one in findings:
        print(f"{'holds' if one.holds else 'DOES NOT HOLD':13}  {one.name}: {one.seen}")
    sys.exit(not all(one.holds for one in findings))


async def soak(
    folder: Path, seconds: float, rate: float, ingress: str, say: Callable[[str], object]
) -> list[Finding]:
    """One run; ``say`` gets a line for each reading."""
    notes, pace = Timed(), min(60.0, seconds / 5)
    plan = TrafficPlan(
        rate=rate, duration=seconds, clients=24, style="mixed", poll_interval=0.5, patience=min(8.0, seconds)
    )
    async with (
        Provider(_SELLS, seed="old") as old,
        Provider(_SELLS, seed="new") as new,
        harness(folder, old.url, new.url, ingress) as watched,
    ):
        began = monotonic()
        traffic = asyncio.create_task(run_traffic(plan, watched.proxy, recorder=notes))
        hurting = asyncio.create_task(trouble(old, new, folder / "state.db"))
        readings = []
        while not traffic.done() and monotonic() - began < seconds:
            await asyncio.wait([traffic], timeout=pace)
            readings.append(await watched.read(began, notes))
            say(str(readings[-1]))
        hurting.cancel()
        await old.change(reset=0.0)
        await new.change(refuse=False, hang=0.0)
        report = await traffic
        await asyncio.sleep(2.0)  # sockets of the last clients close
        last = await watched.read(began, notes)
        say(f"at rest: {last}")
        return [*judged(readings[0], readings, last), *astray(report, old, new)]


_PROFILE = "name: soak\ntitle: A provider of the soak\npoll_interval: 0s\nlifetime: 60s\n"


@asynccontextmanager
async def harness(folder: Path, old: str, new: str, ingress: str) -> AsyncIterator[Watched]:
    """``canary run`` in a stage of half and half that no verdict ends."""
    arms = {"old": old, "new": new}
    policy, log = folder / "policy.yaml", folder / "canary.log"
    (folder / "provider.yaml").write_text(
        "name: soak\ntitle: A provider of the soak\npoll_interval: 0s\nlifetime: 60s\n"
    )
    policy.write_text(
        "name: soak\narms:\n"
        + "".join(
            f"  {arm}: {{url: '{url}', provider: ./provider.yaml, timeout: 3s}}\n"
            for arm, url in arms.items()
        )
        + "stages:\n  - {name: half, weight: 50%, hold: 240h}\ngates:\n  lease_success: {margin: 2pp, enforce: false}\n"
    )
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "canary",
        "run",
        policy,
        "--state",
        folder / "state.db",
    ]
    command += [
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--log-level",
        "error",
        "--ingress",
        ingress,
    ]
    async with running(command, log, {"CANARY_ADMIN_TOKEN": "soak"}) as process:
        words = dict(
            word.partition("=")[::2] for word in (await ready_line(process, log)).split() if "=" in word
        )
        yield Watched(f"{words['proxy']}/stubs/handler_api.php", words["admin"], folder)


if __name__ == "__main__":
    main()
