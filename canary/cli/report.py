"""``canary report``: what was decided, and whether the store still says the same."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import Progress

from canary.cli.desk import only_rollout
from canary.cli.state import existing_state
from canary.store.store import Store
from canary.toolkit.report import Report, Review
from canary.toolkit.report import report as made

DISAGREES = 1
"""Exit code when a decision does not follow from what the store holds."""


@click.command()
@click.option("--state", help="SQLite file or postgresql:// URL.  [default: the one in .canary/]")
@click.option("--name", help="The rollout, when the state holds several.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON, with the evidence.")
def report(state: str | None, name: str | None, as_json: bool) -> None:
    """Make every decision of the controller again from the store; exit code 1 if one does not agree."""
    store = Store(existing_state(state))
    try:
        with _progress() as progress:
            found = made(store, name or only_rollout(store), progress)
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        for line in _lines(found):
            click.echo(line)
    if found.disagreeing:
        sys.exit(DISAGREES)


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
