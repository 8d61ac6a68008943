"""``canary ack``: findings that are known and harmless to one's clients no longer stop the rollout."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from canary.cli.desk import Desk, desk, places
from canary.cli.errors import UsageError
from canary.cli.operate import actor
from canary.core.actions import lookup
from canary.core.compare.acks import UNMAPPED, Place, Which, in_words
from canary.core.compare.traits import Aspect

KINDS = (*(aspect.value for aspect in Aspect), UNMAPPED)


@click.command()
@click.argument("action", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--path", help="Only at this path, as canary differences shows it.")
@click.option("--reason", help="Why it is harmless, for the record of decisions.")
@click.option("--list", "listing", is_flag=True, help="Show what has been acknowledged and what has not.")
@places
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def ack(
    action: str | None,
    kind: str | None,
    path: str | None,
    reason: str | None,
    listing: bool,
    admin: str | None,
    state: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Acknowledge the differences of ACTION, or that new cannot serve it: they are no longer counted."""
    if listing == (action is not None):
        raise UsageError("name an ACTION of canary differences to acknowledge, or ask for --list")
    with desk(admin, state, name) as place:
        if action is None:
            _show(place.acks(), as_json=as_json)
        else:
            _acknowledge(place, Which(_spelt(action), kind, path), reason)


def _spelt(action: str) -> str:
    known = lookup(action)
    return known.name if known else action


def _acknowledge(place: Desk, which: Which, reason: str | None) -> None:
    if reason is None or not reason.strip():
        raise UsageError("--reason is missing; say for the record why your clients can live with it")
    for one in place.acknowledge(which, actor(), reason.strip()):
        click.echo(f"acknowledged: {in_words(one)}")


def _show(found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["acknowledged"]:
        yield "nothing has been acknowledged"
    for one in found["acknowledged"]:
        at = datetime.fromtimestamp(one["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield f"{_said(one)}{f' ({one["shown"]})' if one['shown'] else ''}"
        yield f"  {at} by {one['actor']}: {one['reason']}"
    if found["open"]:
        yield "open:"
    yield from (f"  {_said(one)}" for one in found["open"])


def _said(one: Mapping[str, Any]) -> str:
    return in_words(Place(one["action"], one["kind"], one["path"]))
