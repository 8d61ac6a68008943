"""``canary sim``: a simulated provider and a traffic generator, for tests, demos and users without accounts."""

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from canary.cli.errors import UsageError
from canary.sim.knobs import KnobError, changed
from canary.sim.profiles import PROFILES, profile
from canary.sim.provider import PATH, Provider
from canary.sim.scenario import SHIPPED, Step, load, play
from canary.sim.tls import Authority
from canary.sim.traffic import Recorder, TrafficPlan, TrafficReport, run_traffic
from canary.sim.traffic.plan import STYLES
from canary.sim.traffic.run import DEFAULT_KEY

ASTRAY = 1
"""Exit code of traffic that found calls at the wrong provider."""

_SCENARIOS = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
_knobs = click.option("--set", "knobs", multiple=True, metavar="KNOB=VALUE", help="Any other knob.")


@click.group()
def sim() -> None:
    """A provider and its clients, simulated on loopback."""


# --- provider ---------------------------------------------------------------------------------------------------


@sim.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 for a free one.")
@click.option(
    "--profile",
    "--dialect",
    "name",
    default="generic",
    show_default=True,
    help=f"One of {', '.join(PROFILES)}.",
)
@click.option("--scenario", help=f"A YAML file of timed changes, or one of {_SCENARIOS}.")
@_knobs
@click.option("--webhook", metavar="URL", help="Post every message there, too, until it answers 200.")
@click.option("--seed", help="Makes a run repeatable; give each provider its own.")
@click.option("--key-env", metavar="NAME", help="Accept only the API key in this environment variable.")
@click.option("--tls", is_flag=True, help="Speak HTTPS.")
@click.option("--ca", type=click.Path(path_type=Path), help="Keep the authority of --tls in this PEM file.")
def provider(
    port: int,
    name: str,
    scenario: str | None,
    knobs: Sequence[str],
    webhook: str | None,
    seed: str | None,
    key_env: str | None,
    tls: bool,
    ca: Path | None,
) -> None:
    """A handler_api provider on loopback, until SIGTERM; GET its control address for the knobs."""
    try:
        behaviour = changed(profile(name), _patch(knobs) | ({"webhook": webhook} if webhook else {}))
        steps = load(scenario, behaviour) if scenario else ()
        for step in steps:
            behaviour = changed(behaviour, step.set) if step.at == 0 else behaviour
    except KnobError as error:
        raise UsageError(str(error)) from None
    simulated = Provider(
        behaviour,
        port=port,
        seed=seed,
        keys=[_secret(key_env)] if key_env else (),
        authority=_authority(ca) if tls or ca else None,
    )
    try:
        asyncio.run(_provide(simulated, [step for step in steps if step.at > 0]))
    except OSError as error:
        raise UsageError(
            f"nothing can listen on port {port}: {os.strerror(error.errno or 0)}; try --port 0"
        ) from None


async def _provide(simulated: Provider, steps: Sequence[Step]) -> None:
    stop = _stop_event()
    async with simulated:
        trust = f" ca={simulated.ca_file}" if simulated.ca_file else ""
        click.echo(f"ready provider={simulated.url} control={simulated.control}{trust}")
        sys.stdout.flush()
        scenario = asyncio.create_task(play(steps, simulated.change))
        scenario.add_done_callback(lambda task: stop.set() if _failed(task) else None)
        await stop.wait()
        if _failed(scenario):
            scenario.result()
        scenario.cancel()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _authority(ca: Path | None) -> Authority:
    if ca is None:
        return Authority.temporary()
    try:
        return Authority.kept(ca)
    except (OSError, ValueError) as error:
        raise UsageError(f"the authority {ca} cannot be used: {error}; name another file with --ca") from None


# --- traffic ----------------------------------------------------------------------------------------------------


@sim.command()
@click.argument("url")
@click.option("--rate", default="2", show_default=True, help="Leases begun per second.")
@click.option("--duration", default="60s", show_default=True, help="How long leases are begun.")
@click.option("--clients", default="8", show_default=True)
@click.option("--style", type=click.Choice([*STYLES, "mixed"]), default="mixed", show_default=True)
@click.option("--poll-interval", default="3s", show_default=True)
@click.option("--patience", default="150s", show_default=True, help="Without a code for so long: cancel.")
@_knobs
@click.option("--seed", help="Repeats the clients' choices.")
@click.option("--key-env", metavar="NAME", help="The environment variable with the clients' API key.")
@click.option("--ca", default="", help="PEM file of an authority to trust.")
@click.option("--json", "as_json", is_flag=True)
def traffic(
    url: str, knobs: Sequence[str], key_env: str | None, ca: str, as_json: bool, **named: str | None
) -> None:
    """Clients that buy numbers, poll, and finish, cancel or forget; exit code 1 if calls went astray."""
    try:
        plan = changed(TrafficPlan(), {**named, **_patch(knobs)})
    except KnobError as error:
        raise UsageError(str(error)) from None
    key = _secret(key_env) if key_env else DEFAULT_KEY
    _check_url(url)
    _check_ca(ca)
    report = asyncio.run(_drive(plan, url, key, ca))
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        for name, value in _summary(report):
            click.echo(f"{name:<9} {value}")
    if not report.consistent:
        sys.exit(ASTRAY)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.query:
        raise UsageError("a provider's URL has no query; the key comes from --key-env")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url} is no provider's URL; expected such as http://127.0.0.1:8080{PATH}")


def _check_ca(ca: str) -> None:
    try:
        ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise UsageError(
            f"the authority {ca} cannot be read: {error.strerror}; expected a PEM file"
        ) from None


async def _drive(plan: TrafficPlan, url: str, key: str, ca: str) -> TrafficReport:
    recorder, stop = Recorder(), _stop_event()
    watching = asyncio.create_task(_watch(plan, recorder)) if sys.stderr.isatty() else None
    try:
        return await run_traffic(plan, url, key=key, ca_file=ca, recorder=recorder, stop=stop)
    finally:
        if watching:
            watching.cancel()


async def _watch(plan: TrafficPlan, recorder: Recorder) -> None:
    """A line on the terminal while traffic runs."""
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        line = progress.add_task("", total=plan.rate * plan.duration)
        while True:
            said = f"{len(recorder.lives)} leases, {recorder.open} open, {recorder.failures} calls failed"
            progress.update(line, completed=len(recorder.lives), description=said)
            await asyncio.sleep(0.25)


def _summary(report: TrafficReport) -> Iterable[tuple[str, str]]:
    latency = report.latency["all"]
    yield "leases", f"{len(report.leases)} in {report.seconds:.1f}s, {report.skipped} skipped"
    yield "outcomes", _counts(report.outcomes)
    yield "arms", _counts(report.arms)
    yield "calls", _counts(report.calls)
    yield "replies", _counts(report.replies)
    yield "failures", _counts(report.failures)
    yield (
        "latency",
        f"p50 {latency.p50:.3f}s, p95 {latency.p95:.3f}s, p99 {latency.p99:.3f}s, max {latency.max:.3f}s",
    )
    yield (
        "astray",
        f"{report.unknown_leases} unknown leases, {report.foreign_codes} foreign codes, "
        f"{report.arm_switches} arm switches, {report.duplicate_ids} duplicate ids",
    )


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


# --- both -------------------------------------------------------------------------------------------------------


def _patch(knobs: Iterable[str]) -> dict[str, Any]:
    """``--set`` options as one merge patch; ``prices.wa=0.5`` sets one entry of a table."""
    patch: dict[str, Any] = {}
    for knob in knobs:
        path, equals, text = knob.partition("=")
        if not equals:
            raise UsageError(f"--set {knob} has no value; expected KNOB=VALUE such as success=80%")
        *tables, last = path.split(".")
        target = patch
        for table in tables:
            target = target.setdefault(table, {})
        try:
            target[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(
                f"--set {knob} is no YAML value; expected such as 80% or {{median: 2s}}"
            ) from None
    return patch


def _secret(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UsageError(f"the environment variable {variable} is not set; export {variable}=... first")
    return value


def _stop_event() -> asyncio.Event:
    """Set by SIGTERM and by Ctrl-C."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop
