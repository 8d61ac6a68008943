"""5sim v1 as documented."""

import pytest

from tests.sim.native.counter import Counter

BUY = "/user/buy/activation/indonesia/any/telegram"


def test_a_life() -> None:
    """An order has the documented members in each of its states."""
    counter = Counter("5sim-native")
    order = counter.get(BUY)
    assert order.keys() == {
        *("id", "phone", "operator", "product", "price", "status"),
        *("expires", "sms", "created_at", "country"),
    }
    assert (order["id"], order["status"], order["sms"], order["product"]) == (
        1000,
        "RECEIVED",
        [],
        "telegram",
    )
    assert order["phone"].startswith("+62")
    counter.clock.advance(11)
    [sms] = counter.get("/user/check/1000")["sms"]
    assert sms["text"] == f"Your code is {sms['code']}"
    assert counter.get("/user/finish/1000")["status"] == "FINISHED"
    assert counter.get(BUY)["id"] == 1001
    assert counter.get("/user/cancel/1001")["status"] == "CANCELED"
    listed = counter.get("/user/orders?category=activation&limit=1")
    assert ([one["id"] for one in listed["Data"]], listed["Total"]) == ([1001], 2)


@pytest.mark.parametrize(
    ("knobs", "path", "status", "text"),
    [
        ({"stock_out": 1}, BUY, 200, "no free phones"),
        ({"deposit": "0"}, BUY, 400, "not enough user balance"),
        ({}, "/user/buy/activation/indonesia/any/nothing", 400, "no product"),
        ({}, "/user/buy/activation/atlantis/any/telegram", 400, "bad country"),
        ({}, f"{BUY}?maxPrice=0.01", 200, "no free phones"),
        ({}, "/user/check/1", 404, "order not found"),
        ({}, "/user/cancel/1", 400, "order not found"),
        ({"call_error": 1}, BUY, 500, "internal error"),
    ],
)
def test_refusals_are_plain_text(knobs: dict[str, object], path: str, status: int, text: str) -> None:
    """With the documented status."""
    answer = Counter("5sim-native", **knobs).ask("GET", path)
    assert (answer.status, answer.text) == (status, text)


def test_prices_nest_by_what_is_asked_for() -> None:
    """By country first, but by product when that alone is asked for."""
    counter = Counter("5sim-native")
    assert counter.get("/guest/prices?country=indonesia&product=telegram").keys() == {"indonesia"}
    assert counter.get("/guest/prices?product=telegram").keys() == {"telegram"}


def test_hosting() -> None:
    """Of documented lengths, with an inbox."""
    counter = Counter("5sim-native")
    rent = counter.get("/user/buy/hosting/indonesia/any/1day")["id"]
    counter.clock.advance(11)
    assert counter.get(f"/user/sms/inbox/{rent}")["Total"] == 1
    assert counter.ask("GET", "/user/buy/hosting/indonesia/any/5days").text == "no product"
