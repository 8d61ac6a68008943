"""The words of dialects: reading what providers write, and writing what they read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.dialects.model import (
    Garbled,
    Message,
    Order,
    Settings,
    amount_of,
    as_json,
    count_of,
    in_path,
    known_id,
    latest,
    read_from,
    text_of,
    write_to,
)
from tests.core.dialects.talk import ok


def test_requests_say_whether_they_may_be_repeated() -> None:
    """A read may; whatever buys or writes may not. What has no value is left out of both."""
    read = read_from("/prices", country="ru", product="", limit=None)
    assert (read.method, read.query, read.repeatable) == ("GET", "country=ru", True)
    written = write_to("POST", "/x", {"a": 1, "b": None, "price": Decimal("0.5")})
    assert (written.body, written.repeatable) == (b'{"a":1,"price":0.5}', False)
    assert write_to("DELETE", "/x").body == b""


@given(st.decimals(min_value=0, max_value=10**6, places=4))
def test_money_survives_json(amount: Decimal) -> None:
    """What is written as a number reads back as the same amount."""
    assert amount_of(ok(as_json({"price": amount})).data, "price") == amount


@given(st.text(max_size=30))
def test_a_value_stays_one_segment(text: str) -> None:
    """Whatever a client writes neither leaves its place in a path nor is it lost."""
    segment = in_path(text)
    assert segment.isascii()
    assert not set(segment) & set("/?# \r\n")
    assert segment not in {".", ".."}


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


def test_names_of_services_and_countries() -> None:
    """Both ways; what a table does not have is passed on as it is."""
    names = Settings({"tg": "telegram", "telegram2": "telegram"}, {"US": "usa"}, {"usa": "187"})
    assert (names.service("tg"), names.service("signal"), names.code("telegram")) == (
        "telegram",
        "signal",
        "tg",
    )
    assert (names.country("us"), names.country("6"), names.id("usa")) == ("usa", "6", "187")


def test_responses_without_sense() -> None:
    """What is no JSON is said to be none; a byte order mark and blanks are no part of it."""
    assert ok("\ufeff {} \r\n").data == {}
    for content in ("", "{", "[" * 100_000):
        with pytest.raises(Garbled):
            _ = ok(content).data
