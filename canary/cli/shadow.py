"""``canary shadow``: what shadow leases cost so far, and the switch that stops them on every replica at once."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from canary.cli.desk import desk, places
from canary.cli.operate import actor


@click.group()
def shadow() -> None:
    """Numbers that are bought on new for comparison: what they cost, and how to stop that."""


@shadow.command()
@places
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(admin: str | None, state: str | None, name: str | None, as_json: bool) -> None:
    """Show how many there are, what they cost, and whether they are stopped."""
    with desk(admin, state, name) as place:
        found = place.shadow()
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)
    if found["left_out"]:
        each = ", ".join(f"{n} {action}" for action, n in found["left_out"].items())
        click.echo(f"not repeated, because they are not of one number alone: {each}")


def _switch(name: str, *, stopped: bool, summary: str) -> click.Command:
    @click.command(name, help=summary)
    @places
    @click.option("--reason", default="", help="Why, for the record of decisions.")
    def command(admin: str | None, state: str | None, name: str | None, reason: str) -> None:
        with desk(admin, state, name) as place:
            for line in _lines(place.turn_shadow(stopped=stopped, actor=actor(), reason=reason)):
                click.echo(line)

    return command


shadow.add_command(
    _switch("stop", stopped=True, summary="Buy no further one, at once; those that are open are given back.")
)
shadow.add_command(
    _switch("start", stopped=False, summary="Go on after a stop, if the policy asks for them.")
)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    leases, spent, by = found["leases"], found["spent"], found["by"]
    yield (
        f"shadow leases: {leases['open']} open, {leases['reserved']} being bought or looked for, "
        f"{leases['ended']} given back or over"
    )
    yield (
        f"spent, refunds aside: {spent['run']:g} in this rollout, {spent['day']:g} today; "
        f"{spent['outstanding']:g} not given back yet"
    )
    if by is not None:
        at = datetime.fromtimestamp(by["at"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        reason = f": {by['reason']}" if by["reason"] else ""
        yield f"{'stopped' if found['stopped'] else 'started'} by {by['actor']}, {at}{reason}"
