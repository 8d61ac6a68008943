"""The operator's events, from ``pause`` to ``restart``: through the admin API, or on the store alone.

These are the commands of a bad night: they need no running harness, and import little.
"""

import getpass
import platform

import click

from canary.cli.desk import desk, places, stage_line
from canary.core.stage import Event


def actor() -> str:
    """Who acts, for the record."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container without a user database
        user = "unknown"
    return f"{user}@{platform.node()} (cli)"


def _operation(event: Event, summary: str) -> click.Command:
    @click.command(event.value, help=summary)
    @places
    @click.option("--reason", default="", help="Why, for the record of decisions.")
    def operation(admin: str | None, state: str | None, name: str | None, reason: str) -> None:
        with desk(admin, state, name) as place:
            after = place.act(event, actor(), reason)
        click.echo(stage_line(after))

    return operation


pause = _operation(Event.PAUSE, "Keep the rollout where it is; the gates still roll back on harm.")
resume = _operation(Event.RESUME, "Go on after a pause.")
promote = _operation(Event.PROMOTE, "Move on to the next stage without waiting for the gates.")
rollback = _operation(Event.ROLLBACK, "Send no new lease to new, at once; its open leases finish there.")
approve = _operation(Event.APPROVE, "Enter the stage that waits for approval.")
restart = _operation(Event.RESTART, "After a rollback: begin another attempt at the first stage.")
