"""SMSPVA v2 as documented."""

from tests.sim.native.counter import Counter

NUMBER = "/activation/number/ID/opt29"


def test_a_life() -> None:
    """The code in the body is the HTTP status too; a number comes without its dial code."""
    counter = Counter("smspva")
    order = counter.get(NUMBER)
    assert order["statusCode"] == 200
    assert order["data"].keys() == {"orderId", "phoneNumber", "countryCode", "orderExpireIn"}
    sold = counter.desk.books.lease("1000")
    assert f"62{order['data']['phoneNumber']}" == sold.phone
    waiting = counter.ask("GET", "/activation/sms/1000")
    assert (waiting.status, '"statusCode": 202' in waiting.text) == (202, True)
    counter.clock.advance(11)
    assert counter.get("/activation/sms/1000")["data"]["sms"]["code"] == sold.code
    assert counter.ask("PUT", "/activation/clearsms/1000").status == 200
    assert counter.ask("GET", "/activation/sms/1000").status == 202
    assert counter.ask("PUT", "/activation/cancelorder/1000").status == 410, "a code had come"


def test_an_order_is_forgotten_after_ten_minutes() -> None:
    """Closed after 580 seconds, unknown after 600."""
    counter = Counter("smspva", success=0)
    counter.get(NUMBER)
    counter.clock.advance(581)
    assert counter.ask("GET", "/activation/sms/1000").status == 410
    counter.clock.advance(20)
    assert counter.ask("GET", "/activation/sms/1000").status == 406


def test_refusals() -> None:
    """By their documented codes."""
    assert Counter("smspva", stock_out=1).ask("GET", NUMBER).status == 501
    assert Counter("smspva", deposit="0").ask("GET", NUMBER).status == 407
    assert Counter("smspva").ask("GET", "/activation/number/ID/opt99999").status == 405
    assert Counter("smspva", call_error=1).ask("GET", NUMBER).status == 503


def test_lists() -> None:
    """Open orders, prices, the balance."""
    counter = Counter("smspva")
    counter.get(NUMBER)
    assert [one["orderId"] for one in counter.get("/activation/orders")["data"]["orders"]] == [1000]
    assert counter.get("/activation/serviceprice/ID/opt29")["data"]["price"] == 0.2
    assert counter.get("/activation/balance")["data"]["balance"] == 9999.8
