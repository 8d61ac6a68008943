"""``canary ack``: findings that are known and harmless to one's clients no longer stop the rollout."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

import click

from canary.cli.desk import rollout_in, states
from canary.cli.errors import UsageError
from canary.cli.operate import actor
from canary.control.acknowledge import Which, acknowledge, open_findings
from canary.core.actions import lookup
from canary.core.compare.acks import UNMAPPED, Ack, Found, Place, place_of
from canary.core.compare.traits import Aspect
from canary.store.store import Store

KINDS = (*(aspect.value for aspect in Aspect), UNMAPPED)


@click.command()
@click.argument("action", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--path", help="Only at this path, as canary differences shows it.")
@click.option("--reason", help="Why it is harmless, for the record of decisions.")
@click.option("--list", "listing", is_flag=True, help="Show what has been acknowledged and what has not.")
@states
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def ack(
    action: str | None,
    kind: str | None,
    path: str | None,
    reason: str | None,
    listing: bool,
    state: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Acknowledge the differences of ACTION, or that new cannot serve it: they are no longer counted."""
    if listing == (action is not None):
        raise UsageError("name an ACTION of canary differences to acknowledge, or ask for --list")
    with rollout_in(state, name) as (store, rollout):
        if action is None:
            _show(store, rollout, as_json=as_json)
        else:
            _acknowledge(store, rollout, Which(_spelt(action), kind, path), reason)


def _spelt(action: str) -> str:
    known = lookup(action)
    return known.name if known else action


def _acknowledge(store: Store, rollout: str, which: Which, reason: str | None) -> None:
    if reason is None or not reason.strip():
        raise UsageError("--reason is missing; say for the record why your clients can live with it")
    done = acknowledge(store, rollout, which, reason=reason.strip(), actor=actor(), clock=time)
    if not done:
        raise UsageError(_nothing(which, open_findings(store.findings(rollout))))
    for one in done:
        click.echo(f"acknowledged: {said(place_of(one))}")


def _nothing(which: Which, others: Sequence[Found]) -> str:
    meant = said(Place(which.action, which.kind or "", which.path or ""))
    if not others:
        return f"there is nothing to acknowledge of {meant}: no finding is open"
    return f"there is nothing to acknowledge of {meant}; open are: {'; '.join(map(said, _places(others)))}"


def said(place: Place) -> str:
    """A place in words, as ``canary differences`` heads it."""
    if place.kind == UNMAPPED:
        return f"{place.action}: new cannot serve it"
    at = " " if place.kind == Aspect.WORD else " at "
    kind = place.kind.replace("_", " ")
    return place.action + (f": {kind}" if kind else "") + (f"{at}{place.path}" if place.path else "")


def _places(found: Iterable[Found]) -> list[Place]:
    return [place_of(one) for one in found]


def _show(store: Store, rollout: str, *, as_json: bool) -> None:
    findings = store.findings(rollout)
    others = _places(open_findings(findings))
    if as_json:
        click.echo(json.dumps(_document(rollout, findings.acks, others)))
        return
    for line in _lines(findings.acks, others):
        click.echo(line)


def _document(rollout: str, acks: Iterable[Ack], others: Iterable[Place]) -> dict[str, Any]:
    return {
        "name": rollout,
        "acknowledged": [
            one.place._asdict() | {"shown": one.shown, "reason": one.reason, "actor": one.actor, "at": one.at}
            for one in acks
        ],
        "open": [place._asdict() for place in others],
    }


def _lines(acks: Sequence[Ack], others: Sequence[Place]) -> Iterator[str]:
    if not acks:
        yield "nothing has been acknowledged"
    for one in acks:
        at = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield f"{said(one.place)}{f' ({one.shown})' if one.shown else ''}"
        yield f"  {at} by {one.actor}: {one.reason}"
    if others:
        yield "open:"
    yield from (f"  {said(place)}" for place in others)
