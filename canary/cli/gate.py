"""``canary gate``: may the pipeline go on? The answer is the exit code; ``canary.web.gate`` says when which is given.

0  cleared
1  harm
2  the command was not called as it should be
3  undecided
4  no data, or the rollout cannot be looked at

With --wait also a later stage than the one at the beginning is cleared; with --stage that stage is asked for.
"""

import json
import sys
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

import click

from canary.cli.desk import desk, places
from canary.cli.errors import RefusedError, UsageError
from canary.cli.params import DURATION
from canary.store.errors import StoreError
from canary.web.gate import CODES, Answer, Outcome, judged

POLL = 1.0
"""Seconds between two looks while waiting."""


@click.command()
@places
@click.option("--wait", type=DURATION, default=0, help="Wait so long for cleared or harm, such as 24h.")
@click.option("--stage", help="The stage to be cleared or left, instead of the present one.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def gate(
    admin: str | None, state: str | None, name: str | None, wait: float, stage: str | None, as_json: bool
) -> None:
    """Exit 0 when the stage is cleared, 1 on harm or rollback, 3 when undecided, 4 without data."""
    if admin is not None:
        with desk(admin, state, name):
            pass  # an address that is none is not worth waiting for
    until = monotonic() + wait
    first: Mapping[str, Any] | None = None
    while True:
        answer = _ask(admin, state, name, stage, first)
        first = first or answer.status or None
        left = until - monotonic()
        if answer.outcome in {Outcome.CLEARED, Outcome.HARM} or left <= 0:
            break
        sleep(min(POLL, left))
    lost = not answer.status and not as_json
    click.echo(json.dumps(answer.as_json()) if as_json else answer.sentence, err=lost)
    sys.exit(CODES[answer.outcome])


def _ask(
    admin: str | None, state: str | None, name: str | None, stage: str | None, first: Mapping[str, Any] | None
) -> Answer:
    try:
        with desk(admin, state, name) as place:
            if stage is not None:
                return place.gate(stage)
            status = place.status()
    except RefusedError:  # waiting will not make it right
        raise
    except (UsageError, StoreError) as error:
        return Answer(Outcome.NO_DATA, str(error), {})
    return judged(status, first or status)
