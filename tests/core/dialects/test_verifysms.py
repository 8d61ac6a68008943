"""VerifySMS's own API: public paths, and fields by the names that a profile gives them."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from canary.core.dialects.verifysms import VERIFYSMS
from canary.core.model import Outcome
from tests.core.dialects.talk import NAMES, ok, survives_anything, talk

RENTAL = {
    "id": "3f2a9c1b-0000",
    "phone": "+6285872391152",
    "status": "waiting",
    "code": None,
    "price": 0.35,
    "created_at": "2026-01-01T10:00:00Z",
    "expires_at": "2026-01-01T10:20:00Z",
}
RECEIVED = {**RENTAL, "status": "received", "code": "4711", "text": "Code 4711"}

test_nothing_makes_it_raise = survives_anything(
    VERIFYSMS,
    ({"data": RENTAL}, RECEIVED, {"data": [{"country": 6, "price": 1}]}, {"error": {"code": "NO_NUMBERS"}}),
)
test_nothing_makes_it_raise.__doc__ = "Whatever is answered; and it buys once."


def test_a_number() -> None:
    """In an envelope or not; the price is the reply's."""
    for answer in (RENTAL, {"data": RENTAL}):
        found = talk(VERIFYSMS, "getNumber", ok(answer, 201), service="tg", country="6")
        assert found.lines == ["POST /rentals"]
        assert json.loads(found.asked[0].body) == {"service": "telegram", "country": "indonesia"}
        assert found.body == "ACCESS_NUMBER:3f2a9c1b-0000:6285872391152"
        assert found.spoken is not None
        assert found.spoken.sold is not None
        assert found.spoken.sold.price == Decimal("0.35")


def test_fields_have_the_profile_s_names() -> None:
    """In what is sent and in what is read."""
    named = replace(
        NAMES,
        fields={"id": "rentalId", "phone": "msisdn", "service": "product", "status": "state", "code": "otp"},
        statuses={"OPEN": "waiting", "DONE": "ended"},
    )
    sold = {"rentalId": 7, "msisdn": "123456789", "state": "OPEN"}
    found = talk(VERIFYSMS, "getNumber", ok(sold), names=named, service="tg", country="6")
    assert json.loads(found.asked[0].body)["product"] == "telegram"
    assert found.body == "ACCESS_NUMBER:7:123456789"
    done = talk(VERIFYSMS, "getStatus", ok({**sold, "state": "DONE"}), names=named, id="7")
    assert done.body == "STATUS_CANCEL"
    coded = talk(VERIFYSMS, "getStatus", ok({**sold, "otp": "4711"}), names=named, id="7")
    assert coded.body == "STATUS_OK:4711"
    written = talk(VERIFYSMS, "setStatus", ok("", 204), names=named, id="7", status="8")
    assert json.loads(written.asked[0].body) == {"state": 8}


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        ("NO_NUMBERS", 404, "NO_NUMBERS"),
        ({"code": "no_balance"}, 402, "NO_BALANCE"),
        ("insufficient funds", 400, "NO_BALANCE"),
        ("", 401, "BAD_KEY"),
        ("", 429, "RATE_LIMITED"),
        ("surprise", 400, "BAD_REQUEST"),
    ],
)
def test_refused_purchases(error: object, status: int, word: str) -> None:
    """Handler_api's own words, others by what they say, or the status; nothing was bought."""
    found = talk(VERIFYSMS, "getNumber", ok({"error": error}, status), service="tg")
    assert found.body == word
    assert found.reply is not None
    assert found.reply.outcome is not Outcome.UNKNOWN


def test_a_profile_teaches_refusals() -> None:
    """Its table goes first."""
    taught = replace(NAMES, refusals={"surprise": "CHANNELS_LIMIT"})
    found = talk(VERIFYSMS, "getNumber", ok({"error": "A surprise!"}, 400), names=taught, service="tg")
    assert found.body == "CHANNELS_LIMIT"


@pytest.mark.parametrize("answer", [ok(""), ok({}), ok("<html>", 502), ok({"error": "surprise"}, 500)])
def test_a_purchase_that_is_not_understood(answer: object) -> None:
    """It has no reply: a number may have been bought."""
    assert talk(VERIFYSMS, "getNumber", answer, service="tg").spoken is None  # type: ignore[arg-type]


def test_a_life() -> None:
    """Statuses in both directions, handler_api's numbers for those that are set."""
    assert talk(VERIFYSMS, "getStatus", ok({"data": RENTAL}), id="a").body == "STATUS_WAIT_CODE"
    assert talk(VERIFYSMS, "getStatus", ok({"data": RECEIVED}), id="a").body == "STATUS_OK:4711"
    again = {**RECEIVED, "status": "retry"}
    assert talk(VERIFYSMS, "getStatus", ok({"data": again}), id="a").body == "STATUS_WAIT_RETRY:4711"
    for status, word in (("3", "ACCESS_RETRY_GET"), ("6", "ACCESS_ACTIVATION"), ("8", "ACCESS_CANCEL")):
        found = talk(VERIFYSMS, "setStatus", ok({"data": RENTAL}), id="a", status=status)
        assert (found.lines, json.loads(found.asked[0].body)) == (
            ["POST /rentals/a/status"],
            {"status": int(status)},
        )
        assert found.body == word
    early = ok({"error": "EARLY_CANCEL_DENIED"}, 409)
    assert talk(VERIFYSMS, "setStatus", early, id="a", status="8").body == "EARLY_CANCEL_DENIED"
    assert talk(VERIFYSMS, "setStatus", ok(""), id="a", status="8").spoken is None


def test_the_account_the_market_and_long_leases() -> None:
    """Every public path has its action."""
    assert talk(VERIFYSMS, "getBalance", ok({"data": {"balance": "7.5"}})).body == "ACCESS_BALANCE:7.50"
    rows = [{"country": "indonesia", "service": "telegram", "price": 0.35, "count": 7}]
    prices = talk(VERIFYSMS, "getPrices", ok({"data": rows}), service="tg", country="6")
    assert prices.lines == ["GET /prices?service=telegram&country=indonesia"]
    assert prices.data == {"6": {"tg": {"cost": 0.35, "count": 7, "physicalCount": 7}}}
    stock = talk(VERIFYSMS, "getNumbersStatus", ok({"data": rows}), country="6")
    assert (stock.lines, stock.data) == (["GET /countries/availability?country=indonesia"], {"tg": "7"})
    top = talk(VERIFYSMS, "getTopCountriesByService", ok(rows), service="tg")
    assert (top.lines, top.data["0"]["country"]) == (["GET /services/telegram/top-countries"], 6)
    countries = talk(VERIFYSMS, "getCountries", ok([{"id": 6, "iso2": "ID", "name": "Indonesia"}]))
    assert countries.data["6"]["eng"] == "Indonesia"
    rent = talk(VERIFYSMS, "getRentNumber", ok({"data": RENTAL}), service="tg", rent_time="24")
    assert (rent.lines, json.loads(rent.asked[0].body)["hours"]) == (["POST /rentals/long"], 24)
    assert talk(VERIFYSMS, "getRentStatus", ok(RECEIVED), id="a").data["values"]["0"]["text"] == "Code 4711"
    assert talk(VERIFYSMS, "getRentStatus", ok(RENTAL), id="a").data["message"] == "STATUS_WAIT_CODE"
