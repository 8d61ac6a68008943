"""The words of dialects: requests, settings, and writing what providers read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.dialects.model import Garbled, Settings, as_json, in_path, read_from, write_to
from canary.core.dialects.reading import amount_of
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
