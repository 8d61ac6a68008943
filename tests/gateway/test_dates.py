"""Dates without a time zone: read by what is known beside them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.leases import SKEW
from canary.gateway.dates import Written, end_of, written, zone_between
from tests.factories import NOW

HOUR = 3600.0
USUAL = NOW + 1200


def local(at: float, hours: float = 0.0) -> str:
    """A date as a server so many hours ahead of UTC writes it."""
    return (datetime.fromtimestamp(at, UTC) + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2023-11-14 22:13:20", Written(NOW, zoned=False)),
        ("2023-11-14T22:13:20", Written(NOW, zoned=False)),
        ("2023-11-14T22:13:20Z", Written(NOW, zoned=True)),
        ("2023-11-15T01:13:20+03:00", Written(NOW, zoned=True)),
        ("1700000000", Written(NOW, zoned=True)),
        ("", None),
        ("soon", None),
        ("17", None),
        ("2023-13-99", None),
    ],
)
def test_dates_of_every_form(text: str, found: Written | None) -> None:
    """SMS-Activate's, RFC 3339, seconds since the epoch, and what is none."""
    assert written(text) == found


@pytest.mark.parametrize("hours", [-5, 0, 3, 5.5, 14])
def test_the_beginning_tells_the_zone(hours: float) -> None:
    """A lease that was bought now began now, whatever the provider's clock on the wall says."""
    end, began = written(local(NOW + 2400, hours)), written(local(NOW - 2, hours))
    assert end is not None
    assert end_of(end, began, NOW, USUAL) == NOW + 2400


@pytest.mark.parametrize("hours", [-5, 0, 3, 8])
@pytest.mark.parametrize("life", [600, 1200, 2400])
def test_without_a_beginning_the_usual_end_tells_the_hour(hours: float, life: float) -> None:
    """Of all whole hours the one that brings the end closest to the usual one."""
    end = written(local(NOW + life, hours))
    assert end is not None
    assert end_of(end, None, NOW, USUAL) == NOW + life


def test_an_end_of_unknown_kind_is_read_as_utc() -> None:
    """A rent of unknown length has no usual end."""
    end = written(local(NOW + 90 * HOUR))
    assert end is not None
    assert end_of(end, None, NOW, None) == NOW + 90 * HOUR


def test_an_end_that_is_past_is_none() -> None:
    """A lease that was just bought is not over; with a zone nothing else can be meant."""
    end = written("2023-11-14T22:13:19Z")
    assert end is not None
    assert end_of(end, None, NOW, USUAL) is None


@given(st.floats(-14 * HOUR, 14 * HOUR), st.floats(0, 86400))
def test_an_end_is_always_to_come(ahead: float, life: float) -> None:
    """Whatever a provider writes."""
    end = Written(NOW + life + ahead, zoned=False)
    found = end_of(end, None, NOW, USUAL)
    assert found is None or found > NOW


@pytest.mark.parametrize(
    ("date", "zone"),
    [
        (Written(NOW + 3 * HOUR + 5, zoned=False), 3 * HOUR),
        (Written(NOW - 5, zoned=True), 0.0),
        (Written(NOW + 3 * HOUR, zoned=True), None),
        (Written(NOW + 3 * HOUR + SKEW + 5, zoned=False), None),
        (Written(NOW + 20 * HOUR, zoned=False), None),
    ],
)
def test_a_zone_is_whole_and_near(date: Written, zone: float | None) -> None:
    """Half hours, fourteen at most, and no more off than clocks are."""
    assert zone_between(date, NOW) == zone
