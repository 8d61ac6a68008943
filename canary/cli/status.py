"""``canary status``: where the rollout stands, for people and for scripts."""

import json
import sys
from time import time

import click

from canary.cli.desk import desk, places
from canary.cli.screen import show_status


@click.command()
@places
@click.option("--json", "as_json", is_flag=True, help="Print the status as JSON.")
def status(admin: str | None, state: str | None, name: str | None, as_json: bool) -> None:
    """Show where the rollout stands and what its gates say."""
    with desk(admin, state, name) as place:
        found = place.status()
    if as_json:
        click.echo(json.dumps(found))
        return
    show_status(found, sys.stdout, time())
