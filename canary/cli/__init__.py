"""The command line: parse, call, print. Each command's module is loaded when it is called."""

import importlib
import sys
from typing import Any

import click

from canary import __version__
from canary.cli.errors import READABLE, said

COMMANDS = {
    "run": "canary.cli.run",
    "proxy": "canary.cli.run",
    "controller": "canary.cli.controller",
    "check": "canary.cli.check",
    "plan": "canary.cli.plan",
    "status": "canary.cli.status",
    "watch": "canary.cli.watch",
    "gate": "canary.cli.gate",
    "report": "canary.cli.report",
    "differences": "canary.cli.differences",
    "ledger": "canary.cli.ledger",
    "hazards": "canary.cli.hazards",
    "ack": "canary.cli.ack",
    "shadow": "canary.cli.shadow",
    "probe": "canary.cli.probe",
    "record": "canary.cli.record",
    "replay": "canary.cli.replay",
    "pause": "canary.cli.operate",
    "resume": "canary.cli.operate",
    "promote": "canary.cli.operate",
    "rollback": "canary.cli.operate",
    "approve": "canary.cli.operate",
    "restart": "canary.cli.operate",
    "export": "canary.cli.export",
    "inventory": "canary.cli.inventory",
    "wizard": "canary.cli.wizard",
    "countries": "canary.cli.countries",
    "sim": "canary.cli.sim",
    "demo": "canary.cli.demo",
}
"""Command to module; the module holds a click command of the same name."""


class _Commands(click.Group):
    """A group that imports a command only when it is needed: ``canary rollback`` must not wait for mitmproxy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name)
        return command


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="canary")
def cli() -> None:
    """Move handler_api.php traffic from one SMS-verification provider to another, and prove that it works."""


def main(args: list[str] | None = None) -> Any:
    """The ``canary`` command. An error that the user can mend is one sentence on stderr, exit code 2."""
    try:
        return cli.main(args, prog_name="canary")
    except READABLE as error:
        click.echo(said(error), err=True)
        sys.exit(2)
