"""The commands of a bad night, called as ``canary`` calls them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from click.testing import CliRunner

from canary.cli import cli
from canary.cli.errors import READABLE, said


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left: its exit code, its output, and the sentence on stderr."""

    code: int
    out: str
    err: str


def canary(*words: str) -> Said:
    """Run ``canary WORDS``; a defect shows itself."""
    result = CliRunner().invoke(cli, words, prog_name="canary")
    if isinstance(result.exception, READABLE):
        return Said(2, result.stdout, said(result.exception))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


async def canary_beside(words: Sequence[str]) -> Said:
    """Run it in a thread, beside a server in this loop."""
    return await asyncio.to_thread(canary, *words)
