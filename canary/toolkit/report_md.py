"""The report as Markdown: for a pull request, a ticket, a mail. Plots are left out."""

from collections.abc import Iterator, Sequence

from canary.toolkit.dossier import Code, Part, Section, Table


def markdown(name: str, found: Sequence[Section]) -> str:
    """The report of the rollout ``name``."""
    lines = [f"# Report: {_text(name)}"]
    for section in found:
        lines += ["", f"## {section.heading}"]
        for part in section.parts:
            shown = list(_part(part))
            lines += ["", *shown] if shown else []
    return "\n".join(lines) + "\n"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, str):
        yield _text(part)
    elif isinstance(part, Code):
        yield from (f"    {line}" for line in part.lines)
    elif isinstance(part, Table):
        yield _row(part.head)
        yield _row(["---"] * len(part.head))
        yield from (_row([_cell(cell) for cell in row]) for row in part.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return _text(" ".join(text.split())).replace("|", "\\|")


def _text(text: str) -> str:
    """Text as it is: nothing that came over the wire becomes markup."""
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in text)


_MARKUP = frozenset("\\`*_<>[]#")
