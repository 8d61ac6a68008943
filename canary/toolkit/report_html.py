"""The report as one HTML file that needs nothing else: no network, no server, no second file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import log10
from pathlib import Path

from plotly.graph_objects import Figure, Scatter
from plotly.offline import get_plotlyjs

from canary.toolkit.dossier import Code, Part, Plot, Section, Table, odds

STYLE = Path(__file__).with_name("report.css")

ACCENT, HARM, INK = "#0b6e72", "#b42318", "#16191d"
FONT = "ui-sans-serif, system-ui, Segoe UI, Roboto, DejaVu Sans, sans-serif"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
{style}
</style>
{library}
</head>
<body>
<main>
<h1>{title}</h1>
{sections}
</main>
</body>
</html>
"""


def html(name: str, found: Sequence[Section]) -> str:
    """The report of the rollout ``name``."""
    plotted = any(isinstance(part, Plot) for section in found for part in section.parts)
    return _PAGE.format(
        title=escape(f"Report: {name}"),
        style=STYLE.read_text(encoding="utf-8"),
        library=f"<script>{get_plotlyjs()}</script>" if plotted else "",
        sections="\n".join(_section(section) for section in found),
    )


def _section(section: Section) -> str:
    parts = "\n".join(_part(part) for part in section.parts)
    return f"<section>\n<h2>{escape(section.heading)}</h2>\n{parts}\n</section>"


def _part(part: Part) -> str:
    match part:
        case Table():
            return _table(part)
        case Plot():
            return _figure(part)
        case Code():
            return f"<pre>{escape(chr(10).join(part.lines))}</pre>"
        case text:
            return f"<p>{escape(text)}</p>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = "\n".join(
        "<tr>"
        + "".join([f'<th scope="row">{escape(row[0])}</th>', *(f"<td>{escape(c)}</td>" for c in row[1:])])
        + "</tr>"
        for row in table.rows
    )
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _figure(plot: Plot) -> str:
    at = [datetime.fromtimestamp(one, UTC) for one in plot.at]
    figure = Figure()
    sides = [("harm", plot.rollback, plot.rollback_at, HARM)]
    if plot.promote_at is not None:
        sides.append(("as good", plot.promote, plot.promote_at, ACCENT))
    for name, evidence, needed, colour in sides:
        line = {"color": colour, "width": 2, "shape": "hv"}
        figure.add_trace(Scatter(x=at, y=[e or None for e in evidence], name=name, mode="lines", line=line))
        figure.add_hline(y=needed, line={"color": colour, "dash": "dash"})
        label = {
            "text": f"{name} {odds(needed)}",
            "font": {"color": colour},
            "xanchor": "left",
            "showarrow": False,
        }
        # an annotation's place on a log axis is a logarithm
        figure.add_annotation(label, x=1, xref="paper", xshift=4, y=log10(needed))
    figure.update_layout(
        title={"text": escape(f"Evidence over time: {plot.metric}"), "font": {"size": 14}},
        yaxis={"type": "log", "range": _range(plot), "dtick": 1},
        height=260,
        margin={"l": 56, "r": 96, "t": 40, "b": 32},
        showlegend=False,
        template="plotly_white",
        font={"family": FONT, "color": INK},
    )
    shown: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False})
    return f"<figure>{shown}</figure>"


def _range(plot: Plot) -> tuple[float, float]:
    """From a little below no evidence to well above the thresholds; what is far above them has long been decided."""
    needed = max(plot.rollback_at, plot.promote_at or 1.0)
    highest = max((e for e in (*plot.rollback, *plot.promote) if e), default=1.0)
    return log10(0.6), log10(min(max(4 * needed, 1.5 * highest), 50 * needed))
