"""``canary shadow``: what shadow leases cost so far, and the switch that stops them on every replica at once."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import time
from typing import Any

import click

from canary.cli.desk import rollout_in, states
from canary.cli.operate import actor
from canary.store.shadow_leases import LEFT_OUT, ShadowBook, Switch


@click.group()
def shadow() -> None:
    """Numbers that are bought on new for comparison: what they cost, and how to stop that."""


@shadow.command()
@states
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(state: str | None, name: str | None, as_json: bool) -> None:
    """Show how many there are, what they cost, and whether they are stopped."""
    with rollout_in(state, name) as (store, rollout):
        found = _document(store.shadow_book(rollout)) | {"left_out": _left_out(store.counters(rollout))}
    if as_json:
        click.echo(json.dumps({"name": rollout, **found}))
        return
    for line in _lines(found):
        click.echo(line)
    if found["left_out"]:
        each = ", ".join(f"{n} {action}" for action, n in found["left_out"].items())
        click.echo(f"not repeated, because they are not of one number alone: {each}")


def _left_out(counters: Mapping[str, int]) -> dict[str, int]:
    """Purchases of kinds that are not repeated, by action."""
    found = ((name.removeprefix(LEFT_OUT), n) for name, n in counters.items() if name.startswith(LEFT_OUT))
    return dict(sorted(found))


def _switch(name: str, *, stopped: bool, summary: str) -> click.Command:
    @click.command(name, help=summary)
    @states
    @click.option("--reason", default="", help="Why, for the record of decisions.")
    def command(state: str | None, name: str | None, reason: str) -> None:
        with rollout_in(state, name) as (store, rollout):
            book = store.shadow_book(rollout)
            book.turn(Switch(stopped, reason, actor(), time()))
            for line in _lines(_document(book)):
                click.echo(line)

    return command


shadow.add_command(
    _switch("stop", stopped=True, summary="Buy no further one, at once; those that are open are given back.")
)
shadow.add_command(
    _switch("start", stopped=False, summary="Go on after a stop, if the policy asks for them.")
)


def _document(book: ShadowBook) -> dict[str, Any]:
    spent, switch = book.spent(time()), book.switch()
    return {
        "stopped": switch.stopped,
        "by": {"actor": switch.actor, "reason": switch.reason, "at": switch.at} if switch.at else None,
        "leases": {state.value: n for state, n in book.counts().items()},
        "spent": {
            "run": float(spent.run),
            "day": float(spent.day),
            "outstanding": float(spent.outstanding),
        },
    }


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
