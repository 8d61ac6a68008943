"""``canary watch``: the status, again and again."""

import sys
from collections.abc import Callable, Mapping
from time import sleep, time
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from canary.cli.desk import Desk, desk, places, stage_line
from canary.cli.errors import UsageError
from canary.cli.screen import picture
from canary.store.errors import StoreError

type Status = Mapping[str, Any]
type Show = Callable[[Status, str], None]
"""Shows a status, with what kept it from being a fresh one."""


@click.command()
@places
@click.option(
    "--every", type=click.FloatRange(min=0.2), default=2.0, show_default=True, help="Seconds between looks."
)
@click.option(
    "--times", type=click.IntRange(min=1), help="End after so many looks.  [default: go on until Ctrl-C]"
)
def watch(admin: str | None, state: str | None, name: str | None, every: float, times: int | None) -> None:
    """Keep the status on the screen. In a pipe: a line whenever stage, state or verdict change."""
    with desk(admin, state, name) as place:
        first = place.status()  # what is wrong from the beginning is a mistake of the command
        try:
            if sys.stdout.isatty():
                with Live(console=Console(markup=False, highlight=False, emoji=False), screen=True) as live:
                    _follow(
                        place,
                        first,
                        every,
                        times,
                        lambda status, trouble: live.update(_screen(status, trouble), refresh=True),
                    )
            else:
                _follow(place, first, every, times, _Lines())
        except KeyboardInterrupt:
            return


def _follow(place: Desk, status: Status, every: float, times: int | None, show: Show) -> None:
    """Look again and again; a look that fails is shown, and does not end the watch."""
    trouble, looks = "", 1
    show(status, trouble)
    while times is None or looks < times:
        sleep(every)
        looks += 1
        try:
            status, trouble = place.status(), ""
        except (UsageError, StoreError) as error:
            trouble = str(error)
        show(status, trouble)


def _screen(status: Status, trouble: str) -> Group:
    said = [Text(f"not fresh: {trouble}", style="red")] if trouble else []
    return Group(*said, *picture(status, time(), terminal=True))


class _Lines:
    """Prints a line when it differs from the one before."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, status: Status, trouble: str) -> None:
        verdict = status["verdict"]
        line = f"not fresh: {trouble}" if trouble else f"{stage_line(status)}, verdict {verdict['kind']}"
        if line != self._last:
            click.echo(line)
        self._last = line
