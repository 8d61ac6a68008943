"""The status of a rollout as a screen for people."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from canary.cli.desk import stage_line

PIPE_WIDTH = 160
"""Columns of output that goes to no terminal: nothing is wrapped that a script may look for."""

_COLOURS = {
    "running": "green",
    "complete": "green",
    "paused": "yellow",
    "awaiting_approval": "yellow",
    "rolled_back": "red",
    "advance": "green",
    "pass": "green",
    "hold": "yellow",
    "rollback": "red",
    "harm": "red",
}

LOST = 60.0
"""Seconds without a sign of life after which the controller is pointed out as missing."""


def show_status(status: Mapping[str, Any], file: TextIO, now: float) -> None:
    """Print the screen; without colours and lines when ``file`` is no terminal."""
    console = Console(file=file, markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(
            file=file, markup=False, highlight=False, emoji=False, soft_wrap=True, width=PIPE_WIDTH
        )
    for part in picture(status, now, terminal=console.is_terminal):
        console.print(part)


def picture(status: Mapping[str, Any], now: float, *, terminal: bool) -> Iterable[RenderableType]:
    """The parts of the screen, from top to bottom."""
    yield from _head(status, now)
    if status["metrics"]:
        yield _gates(status["metrics"], terminal)
    yield _arms(status, terminal)
    yield from _foot(status)


def ago(seconds: float) -> str:
    """A duration in its two largest units, as ``3h 20m``."""
    left = max(0, int(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return " ".join(parts[:2]) or "0s"


def _head(status: Mapping[str, Any], now: float) -> Iterable[Text]:
    yield Text.assemble(
        (stage_line(status), f"bold {_COLOURS[status['state']]}"), f", since {ago(now - status['since'])}"
    )
    verdict = status["verdict"]
    reasons = "; ".join(verdict["reasons"])
    kind = verdict["kind"]
    yield Text.assemble("verdict: ", (kind, _COLOURS.get(kind, "")), f" ({reasons})" if reasons else "")
    age = status["controller"]["heartbeat_age"]
    if age is None or age > LOST:
        seen = "never" if age is None else f"{ago(age)} ago"
        yield Text(
            f"controller last seen: {seen}; while none runs, new leases go to the safe arm", style="red"
        )


def _gates(metrics: Mapping[str, Mapping[str, Any]], terminal: bool) -> Table:
    table = _table(terminal, "gate", "verdict", "old", "n", "new", "n", "difference", "interval", "margin")
    for name, metric in metrics.items():
        show = _UNITS.get(name, _rate)
        verdict = str(metric.get("verdict", "-"))
        sides = [
            text
            for side in (metric.get("old") or {}, metric.get("new") or {})
            for text in (show(side.get("value")), _plain(side.get("n")))
        ]
        rest = (
            _plain(metric.get("difference")),
            _interval(metric.get("interval")),
            _plain(metric.get("margin")),
        )
        table.add_row(name, Text(verdict, style=_COLOURS.get(verdict, "")), *sides, *rest)
    return table


def _arms(status: Mapping[str, Any], terminal: bool) -> Table:
    table = _table(terminal, "arm", "open leases", "leases", "spent", "refunded", "per success")
    for arm in ("old", "new"):
        leases, money = status["leases"][arm], status["money"][arm]
        amounts = (_plain(money[key]) for key in ("spent", "refunded", "per_success"))
        table.add_row(arm, str(leases["open"]), str(leases["total"]), *amounts)
    return table


def _foot(status: Mapping[str, Any]) -> Iterable[str]:
    shadow = status["shadow"]
    yield (
        f"shadow: {shadow['sent']} sent, {shadow['dropped']} dropped, {shadow['differences']} differences, "
        f"{_plain(shadow['spent'])} spent"
    )
    webhooks = status.get("webhooks") or {}
    if any(webhooks.values()):
        yield (
            f"webhooks: {webhooks['received']} received, {webhooks['forwarded']} taken by the client, "
            f"{webhooks['waiting']} waiting"
        )
    if status["hazards"]:
        yield "hazards: " + ", ".join(f"{name} {n}" for name, n in status["hazards"].items())


def _table(terminal: bool, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(
            column, justify="left" if index == 0 or column == "verdict" else "right", no_wrap=True
        )
    return table


def _rate(value: object) -> str:
    return f"{value:.2%}" if isinstance(value, int | float) else _plain(value)


def _seconds(value: object) -> str:
    return f"{value:.3f}s" if isinstance(value, int | float) else _plain(value)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _interval(value: object) -> str:
    if not isinstance(value, list | tuple):
        return "-"
    return "[" + ", ".join(_plain(end) for end in value) + "]"


_UNITS: Mapping[str, Callable[[object], str]] = {
    "latency_p95": _seconds,
    "cost_per_success": _plain,
    "contract": _plain,
    "coverage": _plain,
    "refunds": _plain,
}
"""How a gate's values are written; the others are rates."""
