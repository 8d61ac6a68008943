"""Single values and what they look like."""

import pytest

from canary.core.compare.values import (
    COMMA,
    FIXED,
    FRACTION,
    ODD,
    WHOLE,
    WIDTHS,
    amount_style,
    date_format,
    id_width,
    phone_style,
)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("1", 0),
        ("2147483647", 0),
        ("2147483648", 1),
        ("9007199254740991", 1),
        ("9007199254740992", 2),
        ("9" * 5000, 2),
        ("0" * 30, 0),
        ("ORD-7F3A", 3),
        ("635f1c9e", 3),
        ("٣", 3),
        ("-1", 3),
        ("", 3),
    ],
)
def test_ids_by_their_size(text: str, width: int) -> None:
    """Below 2^31, below 2^53, above it, or text; the bounds themselves count as above."""
    assert id_width(text) == WIDTHS[width]


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("79584123456", "without +"),
        ("+79584123456", "with +"),
        ("79584******", "without +"),
        ("", None),
        ("unknown", None),
        ("12", None),
    ],
)
def test_phones_by_their_plus(text: str, style: str | None) -> None:
    """A phone has a plus or none; what is no phone has no style."""
    assert phone_style(text) == style


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("17.154", FRACTION),
        ("17.10", FIXED),
        ("100", WHOLE),
        ("-3.5", FRACTION),
        ("17,15", COMMA),
        ("1e3", ODD),
        ("", ODD),
        ("$5", ODD),
    ],
)
def test_amounts_by_their_decimals(text: str, style: str) -> None:
    """Only a trailing zero proves fixed decimals."""
    assert amount_style(text) == style


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2022-06-01 17:30:57", "YYYY-MM-DD hh:mm:ss"),
        ("2022-06-01T17:30:57Z", "RFC 3339"),
        ("2022-06-01T17:30:57.123456+00:00", "RFC 3339"),
        ("2020-01-31T12:01:52", "ISO 8601 without zone"),
        ("2022-06-01", "YYYY-MM-DD"),
        ("1654104657", "unix seconds"),
        ("1654104657000", "unix milliseconds"),
        ("1 June", None),
    ],
)
def test_dates_by_their_format(text: str, name: str | None) -> None:
    """Fractions of a second make no other format."""
    assert date_format(text) == name
