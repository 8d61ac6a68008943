"""Tables for people: with lines on a terminal, plain columns in a pipe."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDTH = 240
"""Columns of a table that no terminal limits."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what a row shows under it."""

    name: str
    show: Callable[[Mapping[str, Any]], str]


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], file: TextIO) -> Iterator[str]:
    """The rows as lines; the first column stands left, the others right."""
    terminal = file.isatty()
    drawn = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False)
    for index, column in enumerate(columns):
        drawn.add_column(column.name, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(column.show(row) for column in columns))
    paper = StringIO()
    Console(file=paper, markup=False, highlight=False, emoji=False, width=WIDTH).print(drawn)
    yield from (line.rstrip() for line in paper.getvalue().splitlines() if line.strip())
