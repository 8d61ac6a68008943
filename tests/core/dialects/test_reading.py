"""Reading what providers write."""

from decimal import Decimal

import pytest

from canary.core.dialects.model import Garbled, Message, Order, Settings
from canary.core.dialects.reading import (
    amount_of,
    count_of,
    known_id,
    latest,
    mapping,
    refused_by,
    rows,
    text_of,
)


@pytest.mark.parametrize(
    ("value", "text", "amount", "count"),
    [
        ("12.5", "12.5", Decimal("12.5"), None),
        (7, "7", Decimal(7), 7),
        (Decimal("1E+3"), "1000", Decimal(1000), 1000),
        (Decimal("NaN"), "NaN", None, None),
        (True, "", None, None),
        (None, "", None, None),
        ([], "", None, None),
        ("two\nlines", "two lines", None, None),
        ("1e9", "1e9", None, None),
    ],
)
def test_members(value: object, text: str, amount: Decimal | None, count: int | None) -> None:
    """Text and numbers come interchangeably, on one line; nothing else is taken for either."""
    row = {"x": value}
    assert (text_of(row, "x"), amount_of(row, "x"), count_of(row, "x")) == (text, amount, count)
    assert text_of({"a": "", "b": "second"}, "a", "b") == "second"


@pytest.mark.parametrize(
    "order", [Order("", "7123"), Order("1"), Order("a:b", "7123"), Order("x" * 201, "7123")]
)
def test_a_number_that_nobody_could_ask_for_is_no_number(order: Order) -> None:
    """Without an id that fits into a reply, or without its digits."""
    with pytest.raises(Garbled):
        known_id(order)


def test_the_newest_message_with_a_code_counts() -> None:
    """A later one without is often only a greeting."""
    code, greeting = Message("Code 1", "1"), Message("Welcome")
    assert latest([code, greeting]) is code
    assert latest([greeting]) is greeting
    assert latest([]) == Message()


def test_shapes() -> None:
    """Objects and lists of them, or no sense."""
    assert mapping({"a": 1}) == {"a": 1}
    assert rows([{"a": 1}, 2]) == [{"a": 1}]
    for value in (None, [], "x"):
        with pytest.raises(Garbled):
            mapping(value)
    with pytest.raises(Garbled):
        rows({})


def test_a_profile_knows_refusals_before_the_dialect() -> None:
    """By a part of what the provider says, whatever its case; without one there is no word."""
    taught = Settings(refusals={"no stock": "OUT_OF_STOCK"})
    table = {"stock": "NO_NUMBERS"}
    assert refused_by(table, taught, "Sorry, No Stock!").word == "OUT_OF_STOCK"
    assert refused_by(table, Settings(), "Sorry, No Stock!").word == "NO_NUMBERS"
    assert refused_by(table, Settings(), "no").word == ""
