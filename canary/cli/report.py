"""``canary report``: what was decided, whether the store still says the same, and all of it in a file."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import time

import click
from rich.console import Console
from rich.progress import Progress

from canary.cli.desk import only_rollout
from canary.cli.errors import UsageError
from canary.cli.state import existing_state
from canary.store.store import Store
from canary.toolkit.dossier import Facts, Section, sections
from canary.toolkit.horizon import horizon_of
from canary.toolkit.report import Report, Review
from canary.toolkit.report import report as made
from canary.toolkit.report_md import markdown
from canary.web.status import status_of

_FILE = click.Path(path_type=Path, dir_okay=False)

DISAGREES = 1
"""Exit code when a decision does not follow from what the store holds."""


@click.command()
@click.option("--state", help="SQLite file or postgresql:// URL.  [default: the one in .canary/]")
@click.option("--name", help="The rollout, when the state holds several.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, with the evidence.")
@click.option("--html", "page", type=_FILE, help="Write all of it, with plots and tests, into one HTML file.")
@click.option("--md", "text", type=_FILE, help="Write all of it but the plots as Markdown.")
def report(state: str | None, name: str | None, as_json: bool, page: Path | None, text: Path | None) -> None:
    """Make every decision of the controller again from the store; exit code 1 if one does not agree."""
    store = Store(existing_state(state))
    try:
        with _progress() as progress:
            found = made(store, name or only_rollout(store), progress)
        if page or text:
            _write(sections(_facts(store, found)), found.name, page, text)
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        for line in _lines(found):
            click.echo(line)
    if found.disagreeing:
        sys.exit(DISAGREES)


def _facts(store: Store, found: Report) -> Facts:
    """What the written report is made of besides the decisions."""
    now = time()
    return Facts(
        report=found,
        status=status_of(store, found.name, now),
        points=store.history(found.name),
        tests=horizon_of(store, found.name, [review.decision for review in found.reviews], now),
        findings=store.findings(found.name),
        hazards=store.hazards(found.name),
        at=now,
    )


def _write(found: Sequence[Section], name: str, page: Path | None, text: Path | None) -> None:
    """Write the files that were asked for.

    Raises:
        UsageError: one cannot be written.
    """
    from canary.toolkit.report_html import html  # noqa: PLC0415  the chart library takes a second to load

    for path, write in ((page, html), (text, markdown)):
        if path is None:
            continue
        try:
            path.write_text(write(name, found), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"the report cannot be written to {path}: {error.strerror}") from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal while purchases are read; silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda done, last: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("reading purchases")
        yield lambda done, last: bar.update(line, completed=done, total=last)


def _lines(found: Report) -> Iterator[str]:
    yield f"{found.name}, policy {found.policy_hash}"
    for review in found.reviews:
        yield from _review(review)
    yield ""
    yield _conclusion(found)


def _review(review: Review) -> Iterator[str]:
    decision = review.decision
    at = datetime.fromtimestamp(decision.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield ""
    yield f"{at}  {decision.event} by {decision.actor}: {decision.before} to {decision.after}, {decision.stage}"
    if decision.reason:
        yield f"  {decision.reason}"
    if review.agrees is not None:
        yield "  agrees with the store" if review.agrees else "  does NOT agree with the store:"
    yield from (f"  {difference}" for difference in review.differences)


def _conclusion(found: Report) -> str:
    made_again = found.agreeing + found.disagreeing
    if not found.reviews:
        return "nothing has been decided yet"
    return (
        f"{found.agreeing} of {made_again} decisions of the controller agree when made again from the store"
    )
