"""``canary probe``: the contract check of new before any traffic goes there."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from canary.cli.differences import told
from canary.cli.errors import UsageError
from canary.cli.screen import PIPE_WIDTH
from canary.core.model import Arm
from canary.core.policy.load import policy_json
from canary.core.policy.model import PASSTHROUGH
from canary.gateway.config import Loaded, Secrets, load, resolve
from canary.store.differences import exemptions_in
from canary.toolkit.pools import Asker, Pace, opened
from canary.toolkit.probe import Prober, Subject
from canary.toolkit.probed import Probe, Result

DIFFERS = 1
"""Exit code when clients of old would break, or new does not work."""

USUAL_RATE = 2.0
"""Calls a second, unless the profile's limit is lower."""

WRONG_KEY = "0000canaryprobe0000ofawrongkey00"

_COLOURS = {
    Result.OK: "green",
    Result.DIFFERS: "red",
    Result.FAILED: "red",
    Result.UNMAPPED: "yellow",
    Result.SKIPPED: "yellow",
}


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.option("--both", is_flag=True, help="Ask old too, instead of trusting its documentation.")
@click.option("--reads-only", is_flag=True, help="Buy nothing, not even in new's sandbox.")
@click.option("--service", default="tg", show_default=True, help="What is asked for.")
@click.option("--country", default="6", show_default=True, help="Where, as an id of old.")
@click.option(
    "--rate", type=click.FloatRange(0.01, 100), help="Calls a second.  [default: 2, or new's limit]"
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def probe(
    policy: Path,
    both: bool,
    reads_only: bool,
    service: str,
    country: str,
    rate: float | None,
    as_json: bool,
) -> None:
    """Ask new all that may be asked, and show where clients of old would break; exit code 1 if anywhere."""
    loaded = load(policy)
    arms = (Arm.NEW, Arm.OLD) if both else (Arm.NEW,)
    check_keys(loaded, arms)
    subject = Subject(
        loaded.profiles,
        loaded.policy.arms.new.countries,
        exemptions_in(policy_json(loaded.policy)),
        service,
        country,
    )
    pace = rate or usual_rate(loaded)
    with _telling() as tell:
        found = asyncio.run(
            _probed(loaded, resolve(loaded, arms=arms), subject, arms, pace, reads_only, tell)
        )
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        _show(found)
    if not found.sound:
        sys.exit(DIFFERS)


def check_keys(loaded: Loaded, arms: tuple[Arm, ...]) -> None:
    """See that there is a key to ask each arm with.

    Raises:
        UsageError: there is none.
    """
    for arm in arms:
        if loaded.policy.arm(arm).api_key == PASSTHROUGH:
            raise UsageError(
                f"{loaded.place('arms', arm)}: there is no api_key to ask {arm} with; "
                "give it {env: NAME} or {file: PATH}"
            )


def usual_rate(loaded: Loaded) -> float:
    """Calls a second that new is asked when nobody says otherwise."""
    limit = loaded.profiles[Arm.NEW].rate_limit
    return min(USUAL_RATE, limit.per_second) if limit else USUAL_RATE


async def _probed(
    loaded: Loaded,
    secrets: Secrets,
    subject: Subject,
    arms: tuple[Arm, ...],
    rate: float,
    reads_only: bool,
    tell: Callable[[str], None],
) -> Probe:
    sandbox = None if reads_only else loaded.profiles[Arm.NEW].sandbox_header
    pace = Pace(rate)
    async with (
        opened(loaded, secrets, arms) as known,
        opened(loaded, secrets, (Arm.NEW,), {Arm.NEW: WRONG_KEY}) as strangers,
    ):
        prober = Prober(
            subject,
            Asker(known, Arm.NEW, pace, sandbox),
            None if secrets.headers[Arm.NEW] else Asker(strangers, Arm.NEW, pace),
            Asker(known, Arm.OLD, Pace(rate)) if Arm.OLD in arms else None,
            sandbox=sandbox is not None,
            tell=tell,
        )
        return await prober.run()


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """What is being asked, on the terminal; silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda what: None
        return
    with Status("asking new", console=Console(stderr=True)) as status:
        yield lambda what: status.update(f"asking new: {what}")


def _show(found: Probe) -> None:
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(f"new held against {found.against}")
    console.print(_table(found, console.is_terminal))
    for row in found.rows:
        for one in row.differences:
            console.print()
            for line in told(one):
                console.print(line)
    console.print()
    console.print(_conclusion(found))


def _table(found: Probe, terminal: bool) -> Table:
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False, header_style="bold")
    for column in ("checked", "result", "detail"):
        table.add_column(column, no_wrap=column != "detail")
    for row in found.rows:
        table.add_row(row.what, Text(row.result.value, style=_COLOURS[row.result]), row.detail)
    return table


def _conclusion(found: Probe) -> str:
    if found.sound:
        return "nothing was found that would break clients of old"
    worse = sum(row.result in {Result.DIFFERS, Result.FAILED} for row in found.rows)
    return f"{worse} of {len(found.rows)} checks found what would break clients of old"
