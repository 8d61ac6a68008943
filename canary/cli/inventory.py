"""``canary inventory``: every call site of the old API in a repository, and the hazards that can be seen in them."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from canary.cli.errors import UsageError
from canary.cli.screen import PIPE_WIDTH
from canary.gateway.config import shipped_profile
from canary.toolkit.inventory import sarif
from canary.toolkit.inventory.model import Hazard, Inventory, Level, Site
from canary.toolkit.inventory.tree import Progress, TreeError, take

_COLOURS = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_LEVELS = tuple(Level)

_LINES = 8
"""Of a file, how many lines are named in the table; all of them are in the JSON."""

FAILED = 1
"""Exit code when something was found that the caller does not want."""


@click.command()
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--provider", default="verifysms", show_default=True, metavar="NAME", help="The new provider's profile."
)
@click.option("--all", "everything", is_flag=True, help="Look into files that git does not track, too.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option(
    "--sarif",
    "sarif_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write SARIF 2.1.0 to this file.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "error", "warning", "note", "site"]),
    default="never",
    show_default=True,
    help="Exit with 1 when a hazard at least as bad is found; site: when anything is.",
)
def inventory(
    paths: tuple[Path, ...],
    provider: str,
    everything: bool,
    as_json: bool,
    sarif_file: Path | None,
    fail_on: str,
) -> None:
    """Find every call site of the old API under PATHS, and what in them goes wrong on a new provider."""
    profile = shipped_profile(provider)
    try:
        with progress_bar() as progress:
            found = take(paths, profile, everything=everything, progress=progress)
    except TreeError as error:
        raise UsageError(str(error)) from None
    if sarif_file is not None:
        _write(sarif_file, sarif.document(found))
    if as_json:
        click.echo(json.dumps(_document(found)))
    else:
        _show(found)
    if _fails(found, fail_on):
        sys.exit(FAILED)


def _fails(found: Inventory, fail_on: str) -> bool:
    if fail_on == "site":
        return bool(found.sites or found.hazards)
    if fail_on == "never":
        return False
    bad = _LEVELS[: _LEVELS.index(Level(fail_on)) + 1]
    return any(hazard.rule.level in bad for hazard in found.hazards)


def _write(file: Path, document: dict[str, Any]) -> None:
    try:
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A bar on a terminal, silence in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# --- JSON -----------------------------------------------------------------------------------------------------


def _document(found: Inventory) -> dict[str, Any]:
    return {
        "provider": found.provider,
        "seen": found.seen,
        "skipped": dict(found.skipped),
        "sites": len(found.sites),
        "hazards": len(found.hazards),
        "advice": found.advice,
        "groups": [asdict(group) for group in found.groups],
        "files": [
            {
                "path": file.path,
                "language": file.language,
                "role": file.role.value,
                "sites": [_site(site) for site in file.sites],
                "hazards": [_hazard(hazard) for hazard in file.hazards],
            }
            for file in found.files
        ],
    }


def _site(site: Site) -> dict[str, Any]:
    return {name: value for name, value in asdict(site).items() if name != "path"}


def _hazard(hazard: Hazard) -> dict[str, Any]:
    return {
        "rule": hazard.rule.id,
        "level": hazard.rule.level.value,
        "line": hazard.line,
        "column": hazard.column,
        "message": hazard.message,
        "text": hazard.text,
    }


# --- for people -----------------------------------------------------------------------------------------------


def _show(found: Inventory) -> None:
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH)
    calls = sum(len(file.calls) for file in found.files)
    console.print(
        f"{_many(calls, 'call')} of the old API in {_many(sum(bool(file.calls) for file in found.files), 'file')}, "
        f"{_many(len(found.hazards), 'hazard')} on the way to {found.provider}; {_many(found.seen, 'file')} looked at"
    )
    if not found.files:
        return
    console.print(found.advice)
    console.print()
    console.print(_files(found, console.is_terminal))
    if any(group.wrapper for group in found.groups):
        console.print()
        console.print(_groups(found, console.is_terminal))
    for text in _hazards(found):
        console.print(text)


def _files(found: Inventory, terminal: bool) -> Table:
    table = _table(terminal, "file", "language", "calls", "other", "hazards", "lines", "through")
    for file in found.files:
        through = sorted({site.wrapper for site in file.sites if site.wrapper})
        numbers = (len(file.calls), len(file.sites) - len(file.calls), len(file.hazards))
        cells = (*(str(n or "") for n in numbers), _lines(file.sites), ", ".join(through))
        table.add_row(file.path, file.language, *cells)
    return table


def _lines(sites: Sequence[Site]) -> str:
    shown = ", ".join(str(site.line) for site in sites[:_LINES])
    return f"{shown}, …" if len(sites) > _LINES else shown


def _groups(found: Inventory, terminal: bool) -> Table:
    table = _table(terminal, "calls through", "calls", "files")
    for group in found.groups:
        table.add_row(group.wrapper or "(nothing: direct)", str(group.calls), str(len(group.files)))
    return table


def _hazards(found: Inventory) -> Iterator[Text]:
    rules = sorted(
        {hazard.rule for hazard in found.hazards}, key=lambda rule: (_LEVELS.index(rule.level), rule.id)
    )
    for rule in rules:
        yield Text()
        yield Text.assemble((f"{rule.level} {rule.id}", f"bold {_COLOURS[rule.level]}"), f": {rule.title}")
        yield Text(f"  {rule.help}", style="dim")
        for hazard in found.hazards:
            if hazard.rule is rule:
                yield Text(f"  {hazard.path}:{hazard.line}: {hazard.message}")


def _table(terminal: bool, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = column in {"calls", "other", "hazards", "files"}
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    return table


def _many(n: int, thing: str) -> str:
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"
