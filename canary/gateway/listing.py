"""Numbers that an arm lists as open, and whether one was bought within a certain time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from canary.core.leases import SKEW
from canary.core.protocol.listing import Listed, listed
from canary.gateway.asking import Asked
from canary.gateway.dates import HALF_HOUR, written, zone_between

PAGE = 100
"""Rows of a list from which on it may go on; HeroSMS gives no more at once."""

MOST_PAGES = 20


async def open_numbers(ask: Callable[[Mapping[str, str]], Awaitable[Asked]]) -> tuple[Listed, ...] | None:
    """All that the account has open; ``None`` when the arm does not say.

    Args:
        ask: calls getActiveActivations with these parameters.
    """
    rows: dict[str, Listed] = {}
    for _ in range(MOST_PAGES):
        asked = await ask({"start": str(len(rows)), "limit": str(PAGE)} if rows else {})
        found = () if asked.exchange.reply.code == "NO_ACTIVATIONS" else listed(asked.content)
        if not asked.well or found is None:
            return None
        news = {row.id: row for row in found if row.id not in rows}
        rows |= news
        if len(found) < PAGE or not news:
            break
    return tuple(rows.values())


def zone_of(rows: Sequence[Listed], known: Mapping[str, float]) -> float | None:
    """How far ahead of UTC the arm's dates are, by those of which we know when they were bought."""
    dates = ((written(row.began_at), known[row.id]) for row in rows if row.id in known)
    zones = (zone_between(date, at) for date, at in dates if date is not None and not date.zoned)
    return next((zone for zone in zones if zone is not None), None)


def bought_between(row: Listed, after: float, until: float, zone: float | None) -> bool:
    """Whether the row was bought within that time. Without a known zone any of them will do."""
    date = written(row.began_at)
    if date is None:
        return False
    since = date.at - after + SKEW
    if not date.zoned:
        since = since % HALF_HOUR if zone is None else since - zone
    return 0 <= since <= until - after + 2 * SKEW
