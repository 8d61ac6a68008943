"""``canary differences``: where new's replies would break clients of old, what it cannot serve, how prices compare."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from canary.cli.desk import rollout_in, states
from canary.core.compare.acks import Ack, Findings, Found
from canary.core.compare.judge import Difference
from canary.core.compare.market import Market
from canary.core.compare.traits import Aspect


@click.command()
@states
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def differences(state: str | None, name: str | None, as_json: bool) -> None:
    """Show where new's replies differ from old's, and which clients that would break."""
    with rollout_in(state, name) as (store, rollout):
        findings = store.findings(rollout)
        market = Market.of(store.counters(rollout))
    if as_json:
        click.echo(json.dumps(document(rollout, findings, market)))
        return
    for line in lines(findings, market):
        click.echo(line)


def document(rollout: str, findings: Findings, market: Market) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "name": rollout,
        "differences": [
            asdict(one) | {"breaks": one.breaks, "acknowledged": one not in findings.open_differences}
            for one in findings.differences
        ],
        "unmapped": [
            asdict(one) | {"acknowledged": one not in findings.open_unmapped} for one in findings.unmapped
        ],
        "market": asdict(market),
    }


def lines(findings: Findings, market: Market) -> Iterator[str]:
    """The report for people."""
    found, missing = findings.differences, findings.unmapped
    if not found:
        yield "no differences: new's replies have shown nothing so far that old's do not show"
    else:
        yield f"{_many(len(found), 'difference')} between old's replies and new's"
    for one in found:
        yield ""
        yield from told(one)
        yield from _acknowledged(one, findings.acks)
    if missing:
        yield ""
        yield f"{_many(len(missing), 'action')} in use that new cannot serve"
    for action in missing:
        yield f"  {action.action}: {action.why} ({_many(action.calls, 'call')})"
        yield from _acknowledged(action, findings.acks)
    if market.pairs:
        yield ""
        yield from _market(market)


def _acknowledged(one: Found, acks: Sequence[Ack]) -> Iterator[str]:
    for ack in acks:
        if ack.covers(one):
            yield f"  known   acknowledged by {ack.actor}, {_time(ack.at)}: {ack.reason}"


def told(one: Difference) -> Iterator[str]:
    """A difference for people: both sides, how often and when it was seen, what it breaks."""
    at = " " if one.kind is Aspect.WORD else " at "
    yield f"{one.action}: {one.kind.replace('_', ' ')}{f'{at}{one.path}' if one.path else ''}"
    yield f"  old     {one.old}{_example(one.old_example)}"
    yield f"  new     {one.new}{_example(one.new_example)}"
    yield f"  seen    {_many(one.count, 'time')}, {_time(one.first_at)} to {_time(one.last_at)}"
    yield f"  breaks  {one.breaks}"


def _example(example: str) -> str:
    return f"   e.g. {' '.join(example.split())}" if example.strip() else ""


def _market(market: Market) -> Iterator[str]:
    yield f"offers in {_many(market.pairs, 'pair')} of replies, for information only"
    yield f"  in stock  {market.both} at both, {market.only_old} at old alone, {market.only_new} at new alone"
    if market.price_ratio is not None:
        yield (
            f"  prices    new is at {market.price_ratio:.1%} of old (geometric mean over {market.priced}): "
            f"{market.cheaper} cheaper, {market.dearer} dearer"
        )


def _many(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
