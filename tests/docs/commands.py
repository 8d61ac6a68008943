"""The commands that a page shows, and whether ``canary`` understands them."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from canary.cli import cli

ROOT = Path(__file__).parents[2]


def commands_in(page: Path) -> list[list[str]]:
    """The words of each ``canary`` command in the page's blocks of code, without ``canary`` itself."""
    return [shlex.split(line, comments=True)[1:] for line in _code(page) if line.startswith("canary ")]


def _code(page: Path) -> Iterator[str]:
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside or line.startswith("    "):
            yield line.strip()


def parsed(words: list[str]) -> click.Context:
    """The command with its options as ``canary`` reads them; nothing is carried out.

    Raises:
        click.ClickException: there is no such command or option, or a value is none.
    """
    command: click.Command = cli
    context = cli.make_context("canary", list(words))
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)
    return context
