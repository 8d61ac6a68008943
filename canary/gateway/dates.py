"""Dates as providers write them: with a time zone, without one, or as a number of seconds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from canary.core.leases import SKEW

HALF_HOUR = 1800.0
"""Zones differ by whole or half hours."""

_WIDEST = 14
"""Hours between UTC and the farthest zone."""


class Written(NamedTuple):
    """A date in seconds since the epoch; without a known zone it is read as UTC."""

    at: float
    zoned: bool


def written(text: str) -> Written | None:
    """The date in ``text``; ``None`` when it holds none."""
    if text.isascii() and text.isdigit():
        return Written(float(text), zoned=True) if len(text) == 10 else None
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    zoned = date.tzinfo is not None
    return Written((date if zoned else date.replace(tzinfo=UTC)).timestamp(), zoned)


def zone_between(date: Written, at: float) -> float | None:
    """How far ahead of UTC the writer of ``date`` must be if it means ``at``; ``None`` when no zone fits."""
    ahead = round((date.at - at) / HALF_HOUR) * HALF_HOUR
    fits = abs(date.at - at - ahead) <= SKEW and abs(ahead) <= _WIDEST * 3600
    return ahead if fits and not (date.zoned and ahead) else None


def end_of(end: Written, began: Written | None, at: float, usual: float | None) -> float | None:
    """When a lease that was bought at ``at`` ends.

    Args:
        end, began: as the purchase's reply writes them.
        usual: when such a lease ends as a rule.

    Returns:
        The end in seconds since the epoch, ``None`` when it would be over. Without a zone the beginning tells it,
        or else the whole hours that bring the end closest to the usual one.
    """
    zone = zone_between(began, at) if began is not None and not end.zoned else None
    if end.zoned or zone is not None or usual is None:
        found = end.at - (zone or 0.0)
        return found if found > at else None
    return min(_possible(end.at, at), key=lambda one: abs(one - usual), default=None)


def _possible(end: float, at: float) -> Iterator[float]:
    ends = (end - hours * 3600 for hours in range(-_WIDEST, _WIDEST + 1))
    return (one for one in ends if one > at)
