"""5sim v1: what it is asked, and what a client of handler_api sees of its documented answers."""

from decimal import Decimal

import pytest

from canary.core.dialects.fivesim import FIVESIM
from canary.core.model import Outcome, Progress
from tests.core.dialects.talk import ok, survives_anything, talk

SMS = {
    "created_at": "2018-10-13T08:20:38Z",
    "date": "",
    "sender": "VKcom",
    "text": "VK: 09363",
    "code": "09363",
}
ORDER = {
    "id": 11631253,
    "phone": "+62895000000",
    "operator": "beeline",
    "product": "telegram",
    "price": 21.5,
    "status": "RECEIVED",
    "expires": "2018-10-13T08:28:38.809469028Z",
    "sms": [SMS],
    "created_at": "2018-10-13T08:13:38.809469028Z",
    "country": "indonesia",
}
WAITING = {**ORDER, "sms": []}
ENDED = {**ORDER, "status": "CANCELED"}

test_nothing_makes_it_raise = survives_anything(FIVESIM, (ORDER, {"Data": [ORDER]}, {"balance": 1.5}))
test_nothing_makes_it_raise.__doc__ = "Whatever is answered; and it buys once."


def test_a_number() -> None:
    """A GET buys; names instead of ids; the price and both ends of the life are told."""
    found = talk(FIVESIM, "getNumber", ok(WAITING), service="tg", country="6")
    assert found.lines == ["GET /user/buy/activation/indonesia/any/telegram"]
    assert not found.asked[0].repeatable
    assert found.body == "ACCESS_NUMBER:11631253:62895000000"
    assert found.spoken is not None
    assert found.spoken.sold is not None
    assert (found.spoken.sold.price, found.spoken.sold.ends_at[:19]) == (
        Decimal("21.5"),
        "2018-10-13T08:28:38",
    )


def test_a_cap_goes_with_any_operator() -> None:
    """It is honoured for no other."""
    asked = talk(
        FIVESIM, "getNumber", ok("no free phones"), service="tg", country="6", operator="mts", maxPrice="0.5"
    )
    assert asked.lines == ["GET /user/buy/activation/indonesia/any/telegram?maxPrice=0.5"]
    assert talk(FIVESIM, "getNumber", ok(WAITING), service="tg", operator="mts").lines == [
        "GET /user/buy/activation/russia/mts/telegram"
    ]


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (ok("no free phones"), "NO_NUMBERS"),
        (ok("not enough user balance", 400), "NO_BALANCE"),
        (ok("not enough rating", 400), "ACCOUNT_INACTIVE"),
        (ok("bad country", 400), "BAD_COUNTRY"),
        (ok("no product", 400), "BAD_SERVICE"),
        (ok("server offline", 500), "ERROR_SQL"),
        (ok("", 401), "BAD_KEY"),
        (ok("", 429), "RATE_LIMITED"),
        (ok("", 503), "RATE_LIMITED"),
        (ok("something new", 400), "BAD_REQUEST"),
    ],
)
def test_refused_purchases(answer: object, word: str) -> None:
    """Each text has its word, and bought nothing."""
    found = talk(FIVESIM, "getNumber", answer, service="tg", country="6")  # type: ignore[arg-type]
    assert found.body == word
    assert found.reply is not None
    assert found.reply.outcome is not Outcome.UNKNOWN


@pytest.mark.parametrize(
    "answer", [ok(""), ok("something new"), ok("<html>", 502), ok({}), ok([]), ok({"id": 1})]
)
def test_a_purchase_that_is_not_understood(answer: object) -> None:
    """It has no reply: a number may have been bought."""
    assert talk(FIVESIM, "getNumber", answer, service="tg", country="6").spoken is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("order", "said", "progress"),
    [
        (WAITING, "STATUS_WAIT_CODE", Progress.WAITING),
        ({**WAITING, "status": "PENDING"}, "STATUS_WAIT_CODE", Progress.WAITING),
        (ORDER, "STATUS_OK:09363", Progress.CODE),
        ({**ORDER, "sms": [SMS, {"text": "Welcome", "code": ""}]}, "STATUS_OK:09363", Progress.CODE),
        ({**ORDER, "sms": [{"text": "no\ncode", "code": ""}]}, "STATUS_OK:no code", Progress.CODE),
        (ENDED, "STATUS_CANCEL", Progress.CANCELLED),
        ({**ORDER, "status": "TIMEOUT", "sms": []}, "STATUS_CANCEL", Progress.CANCELLED),
    ],
)
def test_statuses(order: object, said: str, progress: Progress) -> None:
    """The newest message with a code counts; what is no open order is cancelled or completed."""
    found = talk(FIVESIM, "getStatus", ok(order), id="11631253")
    assert found.lines == ["GET /user/check/11631253"]
    assert found.body == said
    assert found.reply is not None
    assert found.reply.progress is progress


def test_writes() -> None:
    """GETs that are sent once; there is no way to ask for another code."""
    finished = talk(FIVESIM, "setStatus", ok({**ORDER, "status": "FINISHED"}), id="1", status="6")
    assert (finished.lines, finished.body) == (["GET /user/finish/1"], "ACCESS_ACTIVATION")
    for status in ("8", "-1"):
        cancelled = talk(FIVESIM, "setStatus", ok(ENDED), id="1", status=status)
        assert (cancelled.lines, cancelled.body) == (["GET /user/cancel/1"], "ACCESS_CANCEL")
        assert not cancelled.asked[0].repeatable
    assert talk(FIVESIM, "setStatus", id="1", status="3").body == "BAD_STATUS"
    assert talk(FIVESIM, "setStatus", ok("order has sms", 400), id="1", status="8").body == "BAD_STATUS"
    assert talk(FIVESIM, "setStatus", ok("order not found", 400), id="1", status="8").body == "NO_ACTIVATION"
    assert talk(FIVESIM, "setStatus", ok(WAITING), id="1", status="8").spoken is None, "it lives on"


def test_a_cancel_that_is_refused_for_an_unknown_reason_is_looked_into() -> None:
    """An order that still waits may not be cancelled yet; one whose code came never will be."""
    refused = ok("in these words", 400)
    assert talk(FIVESIM, "setStatus", refused, ok(WAITING), id="1", status="8").body == "EARLY_CANCEL_DENIED"
    assert talk(FIVESIM, "setStatus", refused, ok(ORDER), id="1", status="8").body == "BAD_STATUS"


OFFERS = {
    "beeline": {"cost": 9, "count": 0},
    "mts": {"cost": 12.5, "count": 3},
    "tele2": {"cost": 14, "count": 4},
}


@pytest.mark.parametrize(
    ("params", "query", "table"),
    [
        ({"service": "tg"}, "product=telegram", {"telegram": {"indonesia": OFFERS}}),
        ({"country": "6"}, "country=indonesia", {"indonesia": {"telegram": OFFERS}}),
        (
            {"service": "tg", "country": "6"},
            "country=indonesia&product=telegram",
            {"indonesia": {"telegram": OFFERS}},
        ),
    ],
)
def test_prices(params: dict[str, str], query: str, table: object) -> None:
    """The cheapest operator that has numbers, and the numbers of all; however the answer is nested."""
    found = talk(FIVESIM, "getPrices", ok(table), **params)
    assert found.lines == [f"GET /guest/prices?{query}"]
    assert found.data == {"6": {"tg": {"cost": 12.5, "count": 7, "physicalCount": 7}}}


def test_the_market() -> None:
    """Stock, ranks, countries, operators and services in the clients' ids and codes."""
    by_country, by_product = {"indonesia": {"telegram": OFFERS}}, {"telegram": {"indonesia": OFFERS}}
    assert talk(FIVESIM, "getNumbersStatus", ok(by_country), country="6").data == {"tg": "7"}
    ranked = talk(FIVESIM, "getTopCountriesByService", ok(by_product), service="tg").data
    assert ranked == {"0": {"country": 6, "count": 7, "price": 12.5, "retail_price": 12.5}}
    places = {"indonesia": {"iso": {"id": 1}, "text_en": "Indonesia", "mts": {"activation": 1}}}
    assert talk(FIVESIM, "getCountries", ok(places)).data["6"]["eng"] == "Indonesia"
    assert talk(FIVESIM, "getOperators", ok(places), country="6").data["countryOperators"] == {"6": ["mts"]}
    assert talk(FIVESIM, "getOperators", ok(places), country="0").body == "OPERATORS_NOT_FOUND"
    products = {"telegram": {"Category": "activation"}, "1day": {"Category": "hosting"}}
    listed = talk(FIVESIM, "getServicesList", ok(products)).data["services"]
    assert listed == [{"code": "tg", "name": "telegram"}]
    assert talk(FIVESIM, "getPrices").body == "BAD_SERVICE", "the whole list has nine megabytes"


def test_the_account() -> None:
    """A balance with decimals whatever it is, and open orders in SMS-Activate's rows."""
    assert talk(FIVESIM, "getBalance", ok({"balance": 100})).body == "ACCESS_BALANCE:100.00"
    assert talk(FIVESIM, "getBalance", ok({"balance": 0.125})).body == "ACCESS_BALANCE:0.125"
    listed = talk(FIVESIM, "getActiveActivations", ok({"Data": [ORDER, ENDED]}))
    assert listed.lines == ["GET /user/orders?category=activation&limit=100&offset=0&order=id&reverse=true"]
    [row] = listed.data["activeActivations"]
    assert (row["activationId"], row["serviceCode"], row["countryCode"]) == (11631253, "tg", "6")
    assert (row["activationTime"], row["smsCode"]) == ("2018-10-13 08:13:38", ["09363"])
    assert talk(FIVESIM, "getActiveActivations", ok({"Data": []})).body == "NO_ACTIVATIONS"
    every = [ORDER, ENDED, {**ORDER, "status": "FINISHED"}]
    rows = talk(FIVESIM, "getHistory", ok({"Data": every})).data
    assert [(one["status"], one["cost"]) for one in rows] == [("4", 21.5), ("8", 0), ("6", 21.5)]


def test_hosting() -> None:
    """Of the lengths that it has; messages in rows; given back while it may be."""
    found = talk(FIVESIM, "getRentNumber", ok(WAITING), service="full", country="6", rent_time="24")
    assert found.lines == ["GET /user/buy/hosting/indonesia/any/1day"]
    assert found.data["phone"] == {"id": 11631253, "endDate": "2018-10-13T08:28:38", "number": "62895000000"}
    assert talk(FIVESIM, "getRentNumber", service="full", rent_time="5").data["message"] == "INVALID_TIME"
    read = talk(FIVESIM, "getRentStatus", ok({"Data": [SMS]}), id="1")
    assert read.data["values"]["0"]["text"] == "VK: 09363"
    assert talk(FIVESIM, "getRentStatus", ok({"Data": []}), id="1").data["message"] == "STATUS_WAIT_CODE"
    assert talk(FIVESIM, "setRentStatus", ok(ENDED), id="1", status="2").data == {"status": "success"}
    refused = talk(FIVESIM, "setRentStatus", ok("hosting order", 400), id="1", status="2")
    assert refused.data["message"] == "CANT_CANCEL"
    assert talk(FIVESIM, "getRentList", ok({"Data": [WAITING]})).data["values"]["0"]["id"] == 11631253


def test_what_clients_write_stays_in_its_place() -> None:
    """No service or id leaves its segment of the path."""
    found = talk(FIVESIM, "getNumber", ok("no product", 400), service="../../x?y", country="6")
    assert found.lines == ["GET /user/buy/activation/indonesia/any/..%2F..%2Fx%3Fy"]
    assert talk(FIVESIM, "getStatus", ok("", 404), id="..").lines == ["GET /user/check/-"]
