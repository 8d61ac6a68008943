"""The table: one row per claim, with what was measured, what was promised, and whether it holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scipy.stats import binom

FLUKE = 0.008
"""A rate is refused when a true rate at its limit would come out so high with less than this probability.

In 2000 replicates that is from 32 on for 1 %, and from 125 on for 5 %.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``holds`` is ``None`` where nothing was promised: a peer, or a number to know."""

    section: str
    what: str
    measured: str
    limit: str = ""
    holds: bool | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "FAILS", None: ""}[self.holds]

    def as_json(self) -> dict[str, Any]:
        return {
            "section": self.section,
            "what": self.what,
            "measured": self.measured,
            "limit": self.limit,
            "holds": self.holds,
            "numbers": dict(self.numbers),
        }


def refused_from(limit: float, replicates: int) -> int:
    """The smallest count of replicates that a rate of ``limit`` does not explain."""
    count = int(binom.isf(FLUKE, replicates, limit))
    while binom.sf(count - 1, replicates, limit) >= FLUKE:
        count += 1
    return count


def rate_row(section: str, what: str, hits: int, replicates: int, limit: float) -> Row:
    """A false rollback or promotion rate against its limit."""
    refused = refused_from(limit, replicates)
    return Row(
        section,
        what,
        f"{hits / replicates:.4f}  ({hits} of {replicates})",
        f"<= {limit:g} (fails at {refused})",
        hits < refused,
        {"rate": hits / replicates, "hits": hits, "replicates": replicates},
    )


def printed(rows: Iterable[Row]) -> str:
    """The rows as text, a heading per section."""
    rows = list(rows)
    what, measured, limit = (
        max(len(getattr(row, name)) for row in rows) for name in ("what", "measured", "limit")
    )
    lines: list[str] = []
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", section]
        line = f"  {row.what:<{what}}  {row.measured:<{measured}}  {row.limit:<{limit}}  {row.verdict}"
        lines.append(line.rstrip())
    return "\n".join(lines[1:])
