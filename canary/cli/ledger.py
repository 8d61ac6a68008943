"""``canary ledger``: what leases cost per arm and offer, whether refunds came, and which never did."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from canary.cli.desk import desk, places
from canary.cli.screen import ago
from canary.cli.tables import Column, table

SHOWN = 20
"""Rows of a long list that are shown; --json has them all."""


@click.command()
@places
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def ledger(admin: str | None, state: str | None, name: str | None, as_json: bool) -> None:
    """Show what leases cost, what came back, and what the balances say of it."""
    with desk(admin, state, name) as place:
        found = place.ledger()
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield from table(_ARMS, [{"arm": arm, **row} for arm, row in found["arms"].items()], sys.stdout)
    for arm, row in found["arms"].items():
        yield f"{arm}: {row['why']}"
    if found["offers"]:
        yield ""
        yield from table(_OFFERS, found["offers"][:SHOWN], sys.stdout)
        yield from _more(found["offers"], "offer")
    if found["overdue"]:
        yield ""
        yield "refunds that never came, oldest first"
        yield from table(_OVERDUE, found["overdue"][:SHOWN], sys.stdout)
        yield from _more(found["overdue"], "refund")
    lost = found["lost"]
    if lost["seen"]:
        yield ""
        yield (
            f"lost purchases: {lost['seen']}, of which {lost['recovered']} cancelled, {lost['absent']} not made, "
            f"{lost['unrecovered']} not recovered"
        )


def _more(rows: Sequence[object], thing: str) -> Iterator[str]:
    if len(rows) > SHOWN:
        yield f"... and {len(rows) - SHOWN} {thing}s more, see --json"


def _money(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}"


def _lag(row: Mapping[str, Any]) -> str:
    mean = row["refund_lag"]["mean"]
    return "-" if mean is None else ago(mean)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _leases(row: Mapping[str, Any]) -> str:
    return f"{row['leases']} ({row['unpriced']} without a price)" if row["unpriced"] else str(row["leases"])


_COSTS = (
    Column("leases", _leases),
    Column("successes", lambda row: str(row["successes"])),
    Column("sticker", lambda row: _money(row["sticker"])),
    Column("spent", lambda row: _money(row["spent"])),
    Column("refunded", lambda row: _money(row["refunded"])),
)
_PER_SUCCESS = Column("per success", lambda row: _money(row["per_success"]))
_ARMS = (
    Column("arm", lambda row: row["arm"]),
    *_COSTS,
    Column("outstanding", lambda row: _money(row["outstanding"])),
    Column("overdue", lambda row: _money(row["overdue"])),
    _PER_SUCCESS,
    Column("refund lag", _lag),
    Column("currency", lambda row: row["currency"]),
    Column("factor", lambda row: _money(row["factor"])),
)
_OFFERS = (
    Column("service", lambda row: row["service"] or "-"),
    Column("country", lambda row: row["country"] or "-"),
    Column("arm", lambda row: row["arm"]),
    *_COSTS,
    _PER_SUCCESS,
)
_OVERDUE = (
    Column("due since", lambda row: _time(row["due_at"])),
    Column("arm", lambda row: row["arm"]),
    Column("lease", lambda row: row["id"]),
    Column("service", lambda row: row["service"] or "-"),
    Column("country", lambda row: row["country"] or "-"),
    Column("price", lambda row: _money(row["price"])),
    Column("owed by", lambda row: row["basis"]),
    Column("its history", lambda row: row.get("history") or "-"),
)
