"""``canary plan``: how long each gate will take to decide at a given rate of leases."""

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path

import click

from canary.cli.params import SHARE
from canary.core.policy.notation import in_words, show_duration, show_share
from canary.core.stats.eprocess import Side
from canary.gateway.config import load
from canary.toolkit.plan import HOUR, Estimate, GatePlan, Plan, StagePlan, show_margin
from canary.toolkit.plan import plan as planned
from canary.toolkit.worlds import Supposed


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.option(
    "--leases-per-hour",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    help="New leases, on both arms together.",
)
@click.option(
    "--success", type=SHARE, default="85%", show_default=True, help="Leases on old that get a code."
)
@click.option(
    "--refund", type=SHARE, default="10%", show_default=True, help="Leases on old that are refunded."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def plan(policy: Path, leases_per_hour: float, success: float, refund: float, as_json: bool) -> None:
    """Say how many leases, and hours, each gate needs to find harm and to prove equality."""
    loaded = load(policy)
    lifetime = max(profile.lifetime for profile in loaded.profiles.values())
    found = planned(loaded.policy, lifetime, leases_per_hour, Supposed(success, refund))
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Plan) -> Iterator[str]:
    supposed = found.supposed
    yield (
        f"{found.name}, policy {found.policy_hash}: {found.leases_per_hour:g} new leases an hour; of old's leases "
        f"{show_share(supposed.success)} get a code and {show_share(supposed.refund)} are refunded"
    )
    for stage in found.stages:
        yield ""
        yield from _stage(stage)
    if found.notes:
        yield ""
    yield from found.notes


def _stage(found: StagePlan) -> Iterator[str]:
    stage = found.stage
    yield (
        f"stage {stage.name}: {show_share(stage.weight)} of new leases, {found.per_hour:.4g} an hour on new, "
        f"held {show_duration(stage.hold)}"
    )
    yield _row("gate", "to find or prove", "margin", "at least", "expected", "time")
    for gate in found.gates:
        yield from _gate(gate)
    yield f"  if the arms are equal it can be left after {_time(found.hours)}"
    yield from (f"  {note}" for note in found.notes)


def _gate(found: GatePlan) -> Iterator[str]:
    name = found.gate.name if found.gate.enforce else f"({found.gate.name})"
    questions = [(harm, Side.ROLLBACK) for harm in found.harms]
    if found.equal:
        questions.append((found.equal, Side.PROMOTE))
    for estimate, side in questions:
        yield _row(name, estimate.what, show_margin(found.gate, side), *_numbers(estimate))
        name = ""


def _numbers(estimate: Estimate) -> tuple[str, str, str]:
    if not isfinite(estimate.leases):
        return "-", "-", "never"
    return f"{estimate.bound:.0f}", f"{estimate.leases:.0f}", _time(estimate.hours)


def _time(hours: float) -> str:
    return in_words(hours * HOUR) if isfinite(hours) else "never"


def _row(*cells: str) -> str:
    gate, what, margin, bound, leases, time = cells
    return f"  {gate:<15} {what:<18} {margin:>7} {bound:>9} {leases:>9} {time:>13}"
