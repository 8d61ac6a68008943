"""``canary hazards``: the traps of a migration that live traffic showed, with the evidence for each."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from canary.cli.desk import desk, places

SHOWN = 5
"""Clients of one hazard that are shown; --json has them all."""


@click.command()
@places
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def hazards(admin: str | None, state: str | None, name: str | None, as_json: bool) -> None:
    """Show which traps of a migration clients stepped into, who, when, how often, and an example."""
    with desk(admin, state, name) as place:
        found = place.hazards()
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found["hazards"]):
        click.echo(line)


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield "no hazards: nothing that clients do was seen to hurt after the cutover"
    for one in found:
        yield f"{one['hazard']}: {one['n']} times"
        yield f"  {one['meaning']}"
        for seen in one["seen"][:SHOWN]:
            yield from _seen(seen)
        if len(one["seen"]) > SHOWN:
            yield f"  ... and {len(one['seen']) - SHOWN} clients more, see --json"


def _seen(seen: Mapping[str, Any]) -> Iterator[str]:
    who = seen["client"] or "an unknown client"
    key = f" with key {seen['key']}" if seen["key"] else ""
    held = f", {seen['amount']:.6g} held up" if seen["amount"] else ""
    yield f"  {who}{key}: {seen['n']} times, {_time(seen['first_at'])} to {_time(seen['last_at'])}{held}"
    yield f"    e.g. {seen['example']}"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
