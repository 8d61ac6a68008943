"""HeroSMS v1: what it is asked, and what a client of handler_api sees of its documented answers."""

import json
from decimal import Decimal

import pytest

from canary.core.dialects.herosms import HEROSMS
from canary.core.dialects.model import Settings
from canary.core.model import Outcome
from tests.core.dialects.talk import ok, survives_anything, talk

NAMES = Settings(countries={"0": "222", "6": "6"}, ids={"222": "0", "6": "6"})
ROW = {
    "id": 635468024,
    "phone": "6285872391152",
    "service": "tg",
    "country": 6,
    "status": "active",
    "price": "0.35",
    "createdAt": "2026-01-01T10:00:00Z",
    "expiresAt": "2026-01-01T10:20:00Z",
}
OTP = {"data": {"code": "4711", "text": "Code 4711", "sender": "TG", "receivedAt": "2026-01-01T10:01:00Z"}}
NONE_YET = ok({"title": "NOT_FOUND", "details": "OTP Not Found"}, 404)
NOBODYS = ok({"title": "NOT_FOUND", "details": "Activation Not Found"}, 404)
OFFERS = {"data": {"tg": {"222": {"prices": {"default": 0.35, "min": 0.3}, "counts": {"total": 7}}}}}

test_nothing_makes_it_raise = survives_anything(HEROSMS, ({"data": [ROW]}, OTP, OFFERS, {"title": "BAD_KEY"}))
test_nothing_makes_it_raise.__doc__ = "Whatever is answered; and it buys once."


def test_a_number() -> None:
    """A batch of one, in the provider's country ids; the price is the reply's."""
    found = talk(
        HEROSMS, "getNumber", ok({"data": [ROW]}), names=NAMES, service="tg", country="0", maxPrice="0.40"
    )
    assert found.lines == ["POST /activations"]
    assert json.loads(found.asked[0].body) == {
        "service": "tg",
        "country": 222,
        "amount": 1,
        "maxPrice": 0.4,
        "verificationType": "sms",
    }
    assert found.body == "ACCESS_NUMBER:635468024:6285872391152"
    assert found.spoken is not None
    assert found.spoken.sold is not None
    assert found.spoken.sold.price == Decimal("0.35")


@pytest.mark.parametrize(
    ("title", "status", "said"),
    [
        ("NO_NUMBERS", 404, "NO_NUMBERS"),
        ("OFFER_NOT_FOUND", 404, "NO_NUMBERS"),
        ("NO_BALANCE", 402, "NO_BALANCE"),
        ("BAD_KEY", 401, "BAD_KEY"),
        ("Unauthenticated", 401, "BAD_KEY"),
        ("CHANNELS_LIMIT", 403, "CHANNELS_LIMIT"),
        ("RATE_LIMIT", 429, "RATE_LIMITED"),
        ("UNPROCESSABLE_ENTITY", 422, "BAD_SERVICE"),
        ("", 402, "NO_BALANCE"),
        ("Something New", 409, "BAD_REQUEST"),
    ],
)
def test_refused_purchases(title: str, status: int, said: str) -> None:
    """Titles are words of handler_api, or have one; without any the status tells."""
    found = talk(HEROSMS, "getNumber", ok({"title": title, "details": ""}, status), names=NAMES, service="tg")
    assert found.body == said
    assert found.reply is not None
    assert found.reply.outcome is not Outcome.UNKNOWN


def test_a_price_that_is_too_low_is_told_with_the_lowest() -> None:
    """As SMS-Activate writes it."""
    refused = ok({"title": "WRONG_MAX_PRICE", "info": {"min": "0.0165"}}, 400)
    assert talk(HEROSMS, "getNumber", refused, names=NAMES, service="tg").body == "WRONG_MAX_PRICE:0.0165"


@pytest.mark.parametrize(
    "answer",
    [
        ok(""),
        ok({"data": []}),
        ok({"data": [ROW, ROW]}),
        ok({"title": "SERVER_ERROR"}, 500),
        ok("<html>", 502),
    ],
)
def test_a_purchase_that_is_not_understood(answer: object) -> None:
    """It has no reply: a number may have been bought."""
    assert talk(HEROSMS, "getNumber", answer, names=NAMES, service="tg").spoken is None  # type: ignore[arg-type]


def test_statuses() -> None:
    """A code; none yet, when the activation is in the list; the end, when it is not; nobody's."""
    own = {"names": NAMES, "id": "635468024"}
    assert talk(HEROSMS, "getStatus", ok(OTP), **own).body == "STATUS_OK:4711"  # type: ignore[arg-type]
    waiting = talk(HEROSMS, "getStatus", NONE_YET, ok({"data": [ROW]}), **own)  # type: ignore[arg-type]
    assert waiting.lines == ["GET /activations/635468024/otp/last", "GET /activations?page=1&size=100"]
    assert waiting.body == "STATUS_WAIT_CODE"
    assert talk(HEROSMS, "getStatus", NONE_YET, ok({"data": []}), **own).body == "STATUS_CANCEL"  # type: ignore[arg-type]
    assert talk(HEROSMS, "getStatus", NOBODYS, **own).body == "NO_ACTIVATION"  # type: ignore[arg-type]
    page = ok({"data": [{**ROW, "id": n} for n in range(100)]})
    further = talk(HEROSMS, "getStatus", NONE_YET, page, ok({"data": [ROW]}), **own)  # type: ignore[arg-type]
    assert further.lines[-1] == "GET /activations?page=2&size=100"
    assert further.body == "STATUS_WAIT_CODE"


def test_writes() -> None:
    """204 is the answer to what worked; an empty 200 says nothing."""
    done = ok("", 204)
    finished = talk(HEROSMS, "setStatus", done, id="1", status="6")
    assert (finished.lines, finished.body) == (["POST /activations/1/finish"], "ACCESS_ACTIVATION")
    cancelled = talk(HEROSMS, "setStatus", done, id="1", status="8")
    assert (cancelled.lines, cancelled.body) == (["DELETE /activations/1"], "ACCESS_CANCEL")
    assert talk(HEROSMS, "setStatus", ok(""), id="1", status="8").spoken is None
    for title, said in (
        ("EARLY_CANCEL_DENIED", "EARLY_CANCEL_DENIED"),
        ("OTP_RECEIVED", "BAD_STATUS"),
        ("ACTIVATION_NOT_ACTIVE", "BAD_STATUS"),
    ):
        assert talk(HEROSMS, "setStatus", ok({"title": title}, 409), id="1", status="8").body == said


def test_the_market_and_rents() -> None:
    """Offers in the clients' ids; long leases are activations with a duration."""
    found = talk(HEROSMS, "getPrices", ok(OFFERS), names=NAMES, service="tg", country="0")
    assert found.lines == ["GET /activations/offers?services=tg&countries=222"]
    assert found.data == {"0": {"tg": {"cost": 0.35, "count": 7, "physicalCount": 7}}}
    rent = talk(HEROSMS, "getRentNumber", ok({"data": [ROW]}), names=NAMES, service="tg", rent_time="24")
    assert json.loads(rent.asked[0].body)["duration"] == 24
    assert talk(HEROSMS, "getRentStatus", ok({"data": [OTP["data"]]}), id="1").data["quantity"] == "1"
    assert talk(HEROSMS, "getRentStatus", NOBODYS, id="1").data["message"] == "NO_ID_RENT"
    assert talk(HEROSMS, "getBalance").body == "BAD_ACTION"
