"""``canary replay``: recorded traffic sent to new, as far as it only reads, and compared with old's answers."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from canary.cli.differences import document, lines
from canary.cli.errors import UsageError
from canary.cli.probe import check_keys, usual_rate
from canary.core.model import Arm
from canary.core.policy.load import policy_json
from canary.core.recording import Recorded
from canary.gateway.config import Loaded, Secrets, load, resolve
from canary.proxy.flowfile import FlowFileError, recorded
from canary.store.differences import exemptions_in
from canary.toolkit.pools import Pace, opened
from canary.toolkit.replay import Replay, Replayer, Sent

DIFFERS = 1
"""Exit code when new's answers show what old's did not."""


@click.command()
@click.argument("flows", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), required=True, help="Names new and its key.")
@click.option(
    "--rate", type=click.FloatRange(0.01, 1000), help="Calls a second.  [default: 2, or new's limit]"
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def replay(flows: Path, policy: Path, rate: float | None, as_json: bool) -> None:
    """Send the reads of FLOWS (mitmproxy flows or HAR) to new; exit code 1 if its answers differ."""
    loaded = load(policy)
    check_keys(loaded, (Arm.NEW,))
    try:
        traffic = _begun(recorded(flows))
    except FlowFileError as error:
        raise UsageError(f"{error}; record one with canary record POLICY FILE") from None
    with _telling() as tell:
        found = asyncio.run(
            _replayed(loaded, resolve(loaded, arms=(Arm.NEW,)), traffic, rate or usual_rate(loaded), tell)
        )
    if as_json:
        click.echo(json.dumps(document(str(flows), found.findings, found.market) | _counts(found.sent)))
    else:
        for line in (*_said(found.sent), "", *lines(found.findings, found.market)):
            click.echo(line)
    if found.findings.differences:
        sys.exit(DIFFERS)


def _begun(traffic: Iterator[Recorded]) -> Iterable[Recorded]:
    """The same, of which the first is known to be readable."""
    return chain([first for first in [next(traffic, None)] if first is not None], traffic)


async def _replayed(
    loaded: Loaded,
    secrets: Secrets,
    traffic: Iterable[Recorded],
    rate: float,
    tell: Callable[[Sent], None],
) -> Replay:
    policy = loaded.policy
    async with opened(loaded, secrets, (Arm.NEW,)) as arms:
        replayer = Replayer(
            arms,
            Pace(rate),
            frozenset(loaded.profiles[Arm.NEW].unsupported_actions),
            {arm: policy.arm(arm).price_factor for arm in Arm},
            tell,
        )
        return await replayer.run(traffic, exemptions_in(policy_json(policy)))


@contextmanager
def _telling() -> Iterator[Callable[[Sent], None]]:
    """How far it is, on the terminal; silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda sent: None
        return
    with Status("replaying", console=Console(stderr=True)) as status:
        yield lambda sent: status.update(f"replaying: {'; '.join(_said(sent))}")


def _counts(sent: Sent) -> dict[str, object]:
    return {"sent": sent.calls, "failed": sent.failed, "skipped": dict(sent.skipped)}


def _said(sent: Sent) -> Iterator[str]:
    yield f"{sent.calls} calls sent to new, {sent.failed} of them got no answer"
    if sent.skipped:
        yield "not sent: " + ", ".join(f"{n} {why}" for why, n in sorted(sent.skipped.items()))
