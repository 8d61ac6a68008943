"""TextVerified v2: what it is asked, and what a client of handler_api sees of the answers that its own client knows."""

import json
from decimal import Decimal

import pytest

from canary.core.dialects.model import Garbled, Refused
from canary.core.dialects.textverified import TEXTVERIFIED
from canary.core.model import Outcome
from tests.core.dialects.talk import Dropped, ok, survives_anything, talk

OWN = "lr_01KC5G3NRXKPWJCGNE298YENGM"
CREATED = ok({"method": "GET", "href": f"https://www.textverified.com/api/pub/v2/verifications/{OWN}"}, 201)
PENDING = {
    "id": OWN,
    "number": "2125550123",
    "serviceName": "telegram",
    "state": "verificationPending",
    "totalCost": 0.95,
    "createdAt": "2026-01-01T10:00:00+00:00",
    "endsAt": "2026-01-01T10:20:00+00:00",
}
COMPLETED = {**PENDING, "state": "verificationCompleted"}
CANCELED = {**PENDING, "state": "verificationCanceled"}
SMS = {
    "data": [
        {"createdAt": "2026-01-01T10:02:00+00:00", "smsContent": "Welcome", "parsedCode": None, "from": "TG"},
        {
            "createdAt": "2026-01-01T10:01:00+00:00",
            "smsContent": "Code 4711",
            "parsedCode": "4711",
            "from": "TG",
        },
    ]
}
SALE = {
    "reservations": [{"id": "lr_R", "reservationType": "nonrenewable"}],
    "state": "succeeded",
    "total": 4.5,
}
RENTAL = {**PENDING, "id": "lr_R", "state": "nonrenewableActive"}

test_nothing_makes_it_raise = survives_anything(
    TEXTVERIFIED, (PENDING, COMPLETED, SMS, SALE, {"href": f"/x/{OWN}"}, {"currentBalance": 1})
)
test_nothing_makes_it_raise.__doc__ = "Whatever is answered; and it buys once."


def test_a_number() -> None:
    """One request buys, another reads what was bought; the price is the verification's."""
    found = talk(TEXTVERIFIED, "getNumber", CREATED, ok(PENDING), service="tg", country="187", maxPrice="1")
    assert found.lines == ["POST /verifications", f"GET /verifications/{OWN}"]
    assert [one.repeatable for one in found.asked] == [False, True]
    assert json.loads(found.asked[0].body) == {
        "serviceName": "telegram",
        "capability": "sms",
        "maxPrice": 1.0,
    }
    assert found.body == f"ACCESS_NUMBER:{OWN}:12125550123"
    assert found.spoken is not None
    assert found.spoken.sold is not None
    assert found.spoken.sold.price == Decimal("0.95")


def test_what_was_bought_is_asked_for_until_it_is_told() -> None:
    """A reading that fails may be tried again; the purchase is not."""
    found = talk(
        TEXTVERIFIED, "getNumber", CREATED, None, ok("", 500), ok(PENDING), service="tg", country="187"
    )
    assert [one.method for one in found.asked] == ["POST", "GET", "GET", "GET"]
    assert found.body.startswith("ACCESS_NUMBER:")
    never = talk(TEXTVERIFIED, "getNumber", CREATED, *[ok("", 404)] * 3, service="tg", country="187")
    assert never.spoken is None, "a number was bought that nobody can name"
    with pytest.raises(Dropped):
        talk(TEXTVERIFIED, "getNumber", CREATED, None, None, None, service="tg", country="187")


def test_numbers_are_of_the_usa() -> None:
    """Another country is refused without a request."""
    found = talk(TEXTVERIFIED, "getNumber", service="tg", country="6")
    assert (found.asked, found.body) == ((), "BAD_COUNTRY")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (ok({"errorCode": "Unavailable", "errorDescription": "Out of stock."}, 400), "NO_NUMBERS"),
        (ok({"errorCode": "InsufficientFunds"}, 400), "NO_BALANCE"),
        (ok("", 402), "NO_BALANCE"),
        (ok({"errorCode": "InvalidService"}, 400), "BAD_SERVICE"),
        (ok({"errorCode": "Unauthorized"}, 401), "BAD_KEY"),
        (ok("", 429), "RATE_LIMITED"),
        (ok({"errorCode": "New"}, 400), "BAD_REQUEST"),
    ],
)
def test_refused_purchases(answer: object, word: str) -> None:
    """By the status where it is plain, by what the error says otherwise; nothing was bought."""
    found = talk(TEXTVERIFIED, "getNumber", answer, service="tg", country="US")  # type: ignore[arg-type]
    assert found.body == word
    assert found.reply is not None
    assert found.reply.outcome is not Outcome.UNKNOWN


def test_statuses() -> None:
    """The messages are read once the verification is completed; the newest with a code counts."""
    waiting = talk(TEXTVERIFIED, "getStatus", ok(PENDING), id=OWN)
    assert (waiting.lines, waiting.body) == ([f"GET /verifications/{OWN}"], "STATUS_WAIT_CODE")
    came = talk(TEXTVERIFIED, "getStatus", ok(COMPLETED), ok(SMS), id=OWN)
    assert came.lines[1] == f"GET /sms?reservationId={OWN}&reservationType=verification"
    assert came.body == "STATUS_OK:4711"
    assert talk(TEXTVERIFIED, "getStatus", ok(COMPLETED), ok({"data": []}), id=OWN).body == "STATUS_WAIT_CODE"
    assert talk(TEXTVERIFIED, "getStatus", ok(CANCELED), id=OWN).body == "STATUS_CANCEL"
    assert talk(TEXTVERIFIED, "getStatus", ok("", 404), id=OWN).body == "NO_ACTIVATION"


def test_several_ids_at_once() -> None:
    """As resellers answer getStatusV2: a map, each id in its own words."""
    found = talk(TEXTVERIFIED, "getStatusV2", ok(PENDING), ok("", 404), id="lr_1,lr_2")
    assert found.data == {"lr_1": "STATUS_WAIT_CODE", "lr_2": "NO_ACTIVATION"}


def test_a_cancel_is_looked_after() -> None:
    """Its answer has no body, as a broken one would: only the verification tells that it was carried out."""
    done = talk(TEXTVERIFIED, "setStatus", ok(""), ok(CANCELED), id=OWN, status="8")
    assert done.lines == [f"POST /verifications/{OWN}/cancel", f"GET /verifications/{OWN}"]
    assert done.body == "ACCESS_CANCEL"
    assert talk(TEXTVERIFIED, "setStatus", ok(""), ok(PENDING), id=OWN, status="8").spoken is None
    refused = ok({"errorCode": "New"}, 400)
    assert (
        talk(TEXTVERIFIED, "setStatus", refused, ok(PENDING), id=OWN, status="8").body
        == "EARLY_CANCEL_DENIED"
    )


def test_the_account_and_the_market() -> None:
    """A balance, pending verifications, and one service's price and numbers: POSTs that only ask."""
    assert talk(TEXTVERIFIED, "getBalance", ok({"currentBalance": 12.5})).body == "ACCESS_BALANCE:12.50"
    listed = talk(TEXTVERIFIED, "getActiveActivations", ok({"data": [PENDING, CANCELED]})).data
    assert [row["activationId"] for row in listed["activeActivations"]] == [OWN]
    prices = talk(
        TEXTVERIFIED,
        "getPrices",
        ok({"price": 0.95}),
        ok({"availableQuantity": 7}),
        service="tg",
        country="US",
    )
    assert all(one.repeatable for one in prices.asked)
    assert prices.data == {"187": {"tg": {"cost": 0.95, "count": 7, "physicalCount": 7}}}
    services = talk(TEXTVERIFIED, "getServicesList", ok([{"serviceName": "telegram"}])).data["services"]
    assert services == [{"code": "tg", "name": "telegram"}]


def test_rents() -> None:
    """A sale names its reservation, and that the number; given back only when the rental says so."""
    where = ok({"href": "/api/pub/v2/sales/sale_1"}, 201)
    found = talk(
        TEXTVERIFIED,
        "getRentNumber",
        where,
        ok(SALE),
        ok(RENTAL),
        service="tg",
        country="187",
        rent_time="168",
    )
    assert json.loads(found.asked[0].body)["duration"] == "sevenDay"
    assert found.data["phone"] == {"id": "lr_R", "endDate": "2026-01-01T10:20:00", "number": "12125550123"}
    assert found.spoken is not None
    assert found.spoken.sold is not None
    assert found.spoken.sold.price == Decimal("4.5")
    read = talk(TEXTVERIFIED, "getRentStatus", ok(RENTAL), ok(SMS), id="lr_R").data
    assert read["values"]["0"]["text"] == "Code 4711"
    back = ok({**RENTAL, "state": "nonrenewableRefunded"})
    assert talk(TEXTVERIFIED, "setRentStatus", ok(""), back, id="lr_R", status="2").data == {
        "status": "success"
    }
    assert talk(TEXTVERIFIED, "setRentStatus", id="lr_R", status="1").data["message"] == "INCORECT_STATUS"


def test_the_token() -> None:
    """Read with its life; a wrong key is a wrong key; what could not be a header is none."""
    assert TEXTVERIFIED.login is not None
    token = TEXTVERIFIED.login.read(ok({"token": "abc", "expiresIn": 3600.5}))
    assert (token.value, token.seconds) == ("abc", 3600.5)
    assert "abc" not in repr(token)
    with pytest.raises(Refused, match="BAD_KEY"):
        TEXTVERIFIED.login.read(ok("", 401))
    for answer in (ok("", 500), ok({}), ok({"token": "a\nb"}), ok("x")):
        with pytest.raises(Garbled):
            TEXTVERIFIED.login.read(answer)
