"""SMSPVA v2: what it is asked, and what a client of handler_api sees of its documented answers."""

from decimal import Decimal

import pytest

from canary.core.dialects.model import Settings
from canary.core.dialects.smspva import SMSPVA
from canary.core.model import Outcome
from tests.core.dialects.talk import ok, survives_anything, talk

NAMES = Settings(
    services={"wa": "opt20", "tg": "opt29"},
    countries={"0": "RU", "16": "UK"},
    ids={"RU": "0", "UK": "16"},
    dial_codes={"RU": "7"},
    lifetime=580,
)
ORDER = {"orderId": 123456, "phoneNumber": 9876544321, "countryCode": "RU", "orderExpireIn": 580}
PRICE = {"statusCode": 200, "data": {"service": "opt20", "price": 0.5}}
SMS = {"statusCode": 200, "data": {"sms": {"code": "4711", "fullText": "Code 4711"}, "orderId": "123456"}}

test_nothing_makes_it_raise = survives_anything(
    SMSPVA, ({"statusCode": 200, "data": ORDER}, PRICE, SMS, {"statusCode": 200, "data": {"orders": [ORDER]}})
)
test_nothing_makes_it_raise.__doc__ = "Whatever is answered; and it buys once."


def worked(data: object) -> dict[str, object]:
    return {"statusCode": 200, "data": data}


def test_a_number() -> None:
    """A GET buys; the dial code is put before the digits; the price is asked for when the number is there."""
    found = talk(SMSPVA, "getNumber", ok(worked(ORDER)), ok(PRICE), names=NAMES, service="wa", country="0")
    assert found.lines == ["GET /activation/number/RU/opt20", "GET /activation/serviceprice/RU/opt20"]
    assert [one.repeatable for one in found.asked] == [False, True]
    assert found.body == "ACCESS_NUMBER:123456:79876544321"
    assert found.spoken is not None
    assert found.spoken.sold is not None
    assert (found.spoken.sold.price, found.spoken.sold.lives) == (Decimal("0.5"), 580)


@pytest.mark.parametrize("price", [ok("", 500), ok({"statusCode": 405}), ok("{"), None])
def test_no_purchase_fails_for_want_of_its_price(price: object) -> None:
    """The number is there: it is shown, with its price unknown."""
    found = talk(SMSPVA, "getNumber", ok(worked(ORDER)), price, names=NAMES, service="wa")  # type: ignore[arg-type]
    assert found.body == "ACCESS_NUMBER:123456:79876544321"


def test_a_cap_on_the_price_is_kept_here() -> None:
    """It is read before anything is bought."""
    dear = talk(SMSPVA, "getNumber", ok(PRICE), names=NAMES, service="wa", maxPrice="0.4")
    assert (dear.lines, dear.body) == (["GET /activation/serviceprice/RU/opt20"], "WRONG_MAX_PRICE:0.5")
    bought = talk(
        SMSPVA, "getNumber", ok(PRICE), ok(worked(ORDER)), names=NAMES, service="wa", maxPrice="0.5"
    )
    assert bought.body.startswith("ACCESS_NUMBER:")


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (501, "NO_NUMBERS"),
        (502, "NO_NUMBERS"),
        (405, "BAD_SERVICE"),
        (407, "NO_BALANCE"),
        (411, "RATE_LIMITED"),
        (401, "BAD_KEY"),
        (503, "ERROR_SQL"),
        (418, "BAD_REQUEST"),
    ],
)
def test_refused_purchases(code: int, word: str) -> None:
    """By the code in the body, whatever the status; nothing was bought."""
    for status in (200, code):
        found = talk(SMSPVA, "getNumber", ok({"statusCode": code}, status), names=NAMES, service="wa")
        assert found.body == word
        assert found.reply is not None
        assert found.reply.outcome is not Outcome.UNKNOWN


@pytest.mark.parametrize("answer", [ok(""), ok("<html>", 502), ok({"statusCode": 500}, 500), ok(worked({}))])
def test_a_purchase_that_is_not_understood(answer: object) -> None:
    """It has no reply: a number may have been bought."""
    assert talk(SMSPVA, "getNumber", answer, names=NAMES, service="wa").spoken is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ok(SMS), "STATUS_OK:4711"),
        (ok(worked({"sms": "Code 4711"})), "STATUS_OK:Code 4711"),
        (ok({"statusCode": 202}, 202), "STATUS_WAIT_CODE"),
        (ok(worked({"sms": None})), "STATUS_WAIT_CODE"),
        (ok({"statusCode": 410}, 410), "STATUS_CANCEL"),
        (ok({"statusCode": 406}, 406), "NO_ACTIVATION"),
        (ok({"statusCode": 407}, 407), "NO_BALANCE"),
    ],
)
def test_statuses(answer: object, said: str) -> None:
    """Received, awaited, closed, unknown, and a message that nobody paid for."""
    found = talk(SMSPVA, "getStatus", answer, names=NAMES, id="123456")  # type: ignore[arg-type]
    assert (found.lines, found.body) == (["GET /activation/sms/123456"], said)


def test_writes() -> None:
    """PUTs for a cancel and another code; an order whose code came is finished already."""
    cancelled = talk(SMSPVA, "setStatus", ok(worked({"orderId": 1})), id="1", status="8")
    assert (cancelled.lines, cancelled.body) == (["PUT /activation/cancelorder/1"], "ACCESS_CANCEL")
    again = talk(SMSPVA, "setStatus", ok(worked({"orderId": 1})), id="1", status="3")
    assert (again.lines, again.body) == (["PUT /activation/clearsms/1"], "ACCESS_RETRY_GET")
    assert talk(SMSPVA, "setStatus", ok({"statusCode": 404}, 404), id="1", status="3").body == "BAD_STATUS"
    assert talk(SMSPVA, "setStatus", ok(SMS), id="1", status="6").body == "ACCESS_ACTIVATION"
    assert talk(SMSPVA, "setStatus", ok({"statusCode": 202}), id="1", status="6").body == "BAD_STATUS"
    assert talk(SMSPVA, "setStatus", ok({"statusCode": 501}, 501), id="1", status="8").spoken is None


def test_the_account_and_the_market() -> None:
    """A balance, open orders with the time that is left of them, prices of one offer and of all."""
    assert talk(SMSPVA, "getBalance", ok(worked({"balance": 10.5}))).body == "ACCESS_BALANCE:10.50"
    row = {**ORDER, "service": "opt20", "orderExpireIn": 480}
    [shown] = talk(SMSPVA, "getActiveActivations", ok(worked({"orders": [row]})), names=NAMES).data[
        "activeActivations"
    ]
    assert (shown["serviceCode"], shown["countryCode"]) == ("wa", "0")
    assert shown["activationTime"] == "2023-11-14 22:11:40", "a hundred seconds ago"
    one = talk(SMSPVA, "getPrices", ok(PRICE), names=NAMES, service="wa", country="16")
    assert (one.lines, one.data) == (["GET /activation/serviceprice/UK/opt20"], {"16": {"wa": {"cost": 0.5}}})
    rows = [
        {"service": "opt20", "country": "RU", "price": 0.5},
        {"service": "opt29", "country": "UK", "price": 1},
    ]
    every = talk(SMSPVA, "getPrices", ok(worked(rows)), names=NAMES)
    assert every.data == {"0": {"wa": {"cost": 0.5}}, "16": {"tg": {"cost": 1}}}
    listed = talk(SMSPVA, "getServicesList", ok(worked(rows)), names=NAMES).data["services"]
    assert listed == [{"code": "wa", "name": "opt20"}, {"code": "tg", "name": "opt29"}]


@pytest.mark.parametrize("action", ["getNumbersStatus", "getCountries", "getRentNumber", "getHistory"])
def test_what_has_no_counterpart(action: str) -> None:
    """Nothing is asked."""
    found = talk(SMSPVA, action, service="wa", country="0")
    assert (found.asked, found.body) == ((), "BAD_ACTION")
