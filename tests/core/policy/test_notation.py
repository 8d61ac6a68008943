"""Every way to write a share, duration, amount, margin or factor, and what is refused instead of guessed."""

import re
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.policy.notation import (
    country,
    duration,
    in_words,
    money,
    points,
    ratio,
    share,
    show_duration,
    show_points,
    show_ratio,
    show_share,
)

JUNK = [
    None,
    True,
    False,
    [],
    {},
    "",
    " ",
    "x",
    "-1",
    "1,5",
    "1e3",
    float("inf"),
    float("nan"),
    -1,
    -0.5,
    "٥%",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("5%", 0.05), ("0.1%", 0.001), ("5 %", 0.05), (" 12.5% ", 0.125), ("100%", 1.0), ("0%", 0.0)),
        *((".5%", 0.005), (0.05, 0.05), (0, 0.0), (1, 1.0)),
    ],
)
def test_shares(text: object, expected: float) -> None:
    """Percent or a fraction, exactly."""
    assert share(text) == expected


@pytest.mark.parametrize("text", [*JUNK, "101%", 1.01, "5", "0.05", "5%%", "-5%", 5])
def test_what_is_no_share(text: object) -> None:
    """A bare 5 could mean 5 % or 500 %, so it is refused like anything else outside 0 to 1."""
    with pytest.raises(ValueError, match=r"expected a share such as 5% or 0\.05, between 0% and 100%"):
        share(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("24h", 86400), ("90s", 90), ("1h30m", 5400), ("1h 30m", 5400), ("1.5h", 5400), ("250ms", 0.25)),
        *(("2d", 172800), ("1w", 604800), ("5 m", 300), (" 3s ", 3), (90, 90), (0.5, 0.5), (0, 0)),
    ],
)
def test_durations(text: object, expected: float) -> None:
    """Any sum of units, or bare seconds."""
    assert duration(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", [*JUNK, "5 minutes", "1h30", "90", "1:30", "h", "-5s", "5sm", "1y"])
def test_what_is_no_duration(text: object) -> None:
    """No guessing of units, signs or clock times."""
    with pytest.raises(ValueError, match="expected a duration such as 90s, 30m, 24h or 2d"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("$0.50", "0.5"), ("0.50", "0.5"), ("$ 3", "3"), (0.1, "0.1"), (100, "100"), ("$100", "100")),
        *((0, "0"), ("$0", "0"), ("$.5", "0.5")),
    ],
)
def test_amounts(text: object, expected: str) -> None:
    """Exact decimals, the same however many zeros are written, and never in powers of ten."""
    assert str(money(text)) == expected
    assert isinstance(money(text), Decimal)


@pytest.mark.parametrize("text", [*JUNK, "€5", "5$", "$-1", "$1,000", "$"])
def test_what_is_no_amount(text: object) -> None:
    """Other currencies, signs and separators are refused."""
    with pytest.raises(ValueError, match=re.escape("expected an amount such as $0.50")):
        money(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("2pp", 0.02), ("0.5 pp", 0.005), (0.02, 0.02), ("0pp", 0.0), ("99pp", 0.99)]
)
def test_percentage_points(text: object, expected: float) -> None:
    """A difference of rates, as written or as a fraction."""
    assert points(text) == expected


@pytest.mark.parametrize("text", [*JUNK, "2%", 2, "100pp", "1.25x", "pp"])
def test_what_are_no_points(text: object) -> None:
    """A bare 2 or a percentage could mean something else."""
    with pytest.raises(ValueError, match="expected percentage points such as 2pp"):
        points(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("1.25x", 1.25), ("2 x", 2.0), (1.5, 1.5), (1, 1.0), ("1x", 1.0)]
)
def test_factors(text: object, expected: float) -> None:
    """How many times as slow or dear new may be."""
    assert ratio(text) == expected


@pytest.mark.parametrize("text", [*JUNK, "25%", "0.9x", 0.9, 0, "x1"])
def test_what_is_no_factor(text: object) -> None:
    """A factor below 1 would ask new to be better than old."""
    with pytest.raises(ValueError, match=r"expected a factor such as 1\.25x, at least 1x"):
        ratio(text)


@given(st.decimals(0, 100, places=4))
def test_shares_are_shown_as_they_are_written(percent: Decimal) -> None:
    """Writing a share and reading it again gives the same share."""
    value = share(f"{percent:f}%")
    assert share(show_share(value)) == pytest.approx(value, rel=1e-9)


@given(st.integers(0, 10**7))
def test_durations_are_shown_as_they_are_written(seconds: int) -> None:
    """Whole seconds are shown in the largest unit that divides them, and read back exactly."""
    assert duration(show_duration(float(seconds))) == seconds
    assert len(show_duration(float(seconds))) <= len(f"{seconds}s")


@given(st.floats(1e-3, 1e6))
def test_any_duration_is_shown_readably(seconds: float) -> None:
    """Other durations lose nothing that matters."""
    assert duration(show_duration(seconds)) == pytest.approx(seconds, rel=1e-9)


@given(st.decimals(0, 99, places=3), st.decimals(1, 50, places=3))
def test_margins_are_shown_as_they_are_written(pp: Decimal, factor: Decimal) -> None:
    """Margins read back from what is shown are the same."""
    assert points(show_points(points(f"{pp}pp"))) == pytest.approx(points(f"{pp}pp"), rel=1e-9, abs=1e-12)
    assert ratio(show_ratio(ratio(f"{factor}x"))) == float(factor)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        *((show_share(0.05), "5%"), (show_share(0.001), "0.1%"), (show_duration(86400), "1d")),
        *((show_duration(5400), "90m"), (show_duration(0.25), "0.25s"), (show_duration(0), "0s")),
        *((show_points(0.02), "2pp"), (show_ratio(1.25), "1.25x")),
    ],
)
def test_what_is_shown(shown: str, expected: str) -> None:
    """Short and in the notation of policies."""
    assert shown == expected


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans())
def test_nothing_else_is_raised(value: object) -> None:
    """Whatever YAML gives, a notation reads it or refuses it in one sentence."""
    for parse in (share, duration, money, points, ratio):
        with suppress(ValueError):
            assert parse(value) >= 0


@pytest.mark.parametrize(
    ("written", "sent"), [(0, "0"), (187, "187"), ("187", "187"), ("US", "US"), ("no", "no")]
)
def test_countries(written: object, sent: str) -> None:
    """Ids and codes, as they travel in a call."""
    assert country(written) == sent


@pytest.mark.parametrize("text", [None, True, [], "", " ", "-1", -1, 0.5, "U S", "1,5", "US&id=1", "٥"])
def test_what_is_no_country(text: object) -> None:
    """What no call could carry is refused."""
    with pytest.raises(ValueError, match="expected a country's id such as 187, or its ISO code such as US"):
        country(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (90, "1 min"), (3600, "1 h"), (11400, "3 h 10 min"), (-5, "0 s")],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    """To the precision that matters at night."""
    assert in_words(seconds) == text
