"""What watching costs the server: ``python -m bench.dashboard [--hours 24]``.

Three stores: empty, one lease, and a day at 100 calls and a lease a second. On each a real admin server is asked over
loopback for what it serves again and again: the dashboard's update, the status, the metrics. On the long one the
controller then takes in the day, and looks every five seconds while traffic goes on. Times are the process's own CPU
time, the asking included, so that other work on the machine is in none of them.
"""

import asyncio
import gc
import resource
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import aiohttp
import click
from rich import box
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.day import NAME, Day, policy
from canary.cli.memory import settle
from canary.control.acknowledge import acknowledge
from canary.control.controller import Controller
from canary.control.operator import Operator
from canary.core.model import Arm
from canary.core.policy.model import Profile
from canary.store.store import Store
from canary.web.admin import Admin
from canary.web.operations import Hands

UPDATE = 0.1
"""Seconds that an answer may take."""

LOOK = 0.05
"""Seconds that a look of the controller may take."""

AT_MOST = 5000
"""Purchases that one look takes in (``Store.matured``)."""

TURNS = 20
TICK = 5.0

ASKED = {
    "/api/v1/board": "an update of the page",
    "/api/v1/status": "the status",
    "/metrics": "a scrape",
    "/api/v1/history": "the evidence over time",
    "/": "the page itself",
}


@click.command()
@click.option("--hours", default=24.0, show_default=True, help="Of traffic in the long store.")
def main(hours: float) -> None:
    """Measure, and say whether the targets hold."""
    console = Console(width=120)
    console.print(", ".join(f"{name} {value}" for name, value in machine.described().items()))
    pasts: dict[str, Callable[[Day], None]] = {
        "empty": lambda day: None,
        "one lease": lambda day: day.goes_on(1.0),
        f"{hours:g} h": lambda day: day.goes_on(hours * 3600),
    }
    table = _table(f"server time per answer, ms: median and longest of {TURNS}", "store", *ASKED.values())
    with tempfile.TemporaryDirectory(prefix="canary-bench-") as folder:
        for name, past in pasts.items():
            day = Day(Store(Path(folder) / f"{name}.db"))
            past(day)
            profiles = {arm: Profile(name="p", title="P") for arm in Arm}
            controller = Controller(day.store, policy(), profiles, day.clock)
            _take_in(controller, day)
            table.add_row(name, *asyncio.run(_served(day)))
        console.print(table)
        console.print(_looks(controller, day))
    console.print(
        f"targets: an answer < {UPDATE * 1e3:g} ms, a look < {LOOK * 1e3:g} ms; ! where one does not hold"
    )


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for head in heads:
        table.add_column(head, justify="left" if head == "store" else "right")
    return table


def _shown(seconds: list[float], target: float) -> str:
    verdict = "" if max(seconds) < target else " !"
    return f"{median(seconds) * 1e3:.1f}, {max(seconds) * 1e3:.1f}{verdict}"


async def _served(day: Day) -> list[str]:
    admin = Admin(
        day.store,
        NAME,
        Hands(
            Operator.of_store(day.store, NAME, day.clock).act,
            partial(acknowledge, day.store, NAME, clock=day.clock),
        ),
        token="bench",
        host="127.0.0.1",
        port=0,
        proxies=None,
        clock=day.clock,
    )
    await admin.start()
    settle()  # as the harness does when it serves
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{admin.address[1]}") as session:
            return [_shown(await _asked(session, path), UPDATE) for path in ASKED]
    finally:
        await admin.stop()


async def _asked(session: aiohttp.ClientSession, path: str) -> list[float]:
    took = []
    for _ in range(TURNS + 1):
        began = process_time()
        async with session.get(path) as answer:
            await answer.read()
            assert answer.status == 200, path
        took.append(process_time() - began)
    return took[1:]  # the first one opens connections


def _take_in(controller: Controller, day: Day) -> None:
    """Look until all that there is has been taken in; one look takes in so many purchases at most."""
    for _ in range(day.bought // AT_MOST + 2):
        controller.tick()


def _looks(controller: Controller, day: Day) -> str:
    """Looks every five seconds while traffic goes on."""
    gc.collect()  # what writing the day left behind is not the controller's
    before, took = _resident(), []
    for _ in range(TURNS):
        day.goes_on(TICK)
        began = process_time()
        controller.tick()
        took.append(process_time() - began)
    grown = (_resident() - before) / 1e6
    calls = day.bought * day.calls / day.leases
    return (
        f"a look of the controller after {calls / 1e6:.1f} million calls, ms: {_shown(took, LOOK)}; "
        f"memory {grown:+.1f} MB over {TURNS} looks"
    )


def _resident() -> float:
    """Bytes of memory, now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
