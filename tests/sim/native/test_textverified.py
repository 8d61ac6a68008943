"""TextVerified v2 as its own client knows it."""

import json

import pytest

from tests.sim.native.counter import KEY, Counter

USER = {"x-api-key": KEY, "x-api-username": "somebody"}


@pytest.fixture
def counter() -> Counter:
    """One that has logged in."""
    counter = Counter("textverified")
    token = json.loads(counter.ask("POST", "/auth", **USER).text)["token"]
    counter.headers = {"authorization": f"Bearer {token}"}
    return counter


def test_a_token_lets_in_for_its_time(counter: Counter) -> None:
    """Neither the key itself does, nor a token that expired; a login needs key and name."""
    assert counter.ask("GET", "/account/me").status == 200
    assert counter.ask("GET", "/account/me", authorization=f"Bearer {KEY}").status == 401
    counter.clock.advance(3600)
    assert counter.ask("GET", "/account/me").status == 401
    assert counter.ask("POST", "/auth", **{**USER, "x-api-key": "another"}).status == 401
    assert counter.ask("POST", "/auth", **{"x-api-key": KEY}).status == 401


def test_a_life(counter: Counter) -> None:
    """What is created is looked for where the answer says; messages are a list of their own."""
    created = counter.ask("POST", "/verifications", {"serviceName": "telegram", "capability": "sms"})
    own = counter.desk.books.leases[-1].id
    assert (created.status, dict(created.headers)["Location"]) == (201, f"/api/pub/v2/verifications/{own}")
    assert own.startswith("lr_01K")
    details = counter.get(f"/verifications/{own}")
    assert (details["state"], details["totalCost"]) == ("verificationPending", 0.2)
    assert f"1{details['number']}" == counter.desk.books.leases[-1].phone
    assert counter.get(f"/sms?reservationId={own}")["data"] == []
    counter.clock.advance(11)
    assert counter.get(f"/verifications/{own}")["state"] == "verificationCompleted"
    assert (
        counter.get(f"/sms?reservationId={own}")["data"][0]["parsedCode"]
        == counter.desk.books.leases[-1].code
    )
    assert counter.ask("POST", f"/verifications/{own}/cancel").status == 400


def test_prices_and_rentals(counter: Counter) -> None:
    """One service at a time; a sale names its reservation."""
    asked = {"serviceName": "telegram", "numberType": "mobile", "capability": "sms"}
    assert json.loads(counter.ask("POST", "/pricing/verifications", asked).text)["price"] == 0.2
    assert json.loads(counter.ask("POST", "/inventory/verifications", asked).text)["availableQuantity"] > 0
    sale = json.loads(counter.ask("POST", "/reservations/rental", {**asked, "duration": "oneDay"}).text)[
        "href"
    ]
    [reserved] = counter.get(sale.removeprefix("/api/pub/v2"))["reservations"]
    rental = f"/reservations/rental/nonrenewable/{reserved['id']}"
    assert counter.get(rental)["state"] == "nonrenewableActive"
    assert counter.ask("POST", f"{rental}/refund").status == 200
    assert counter.get(rental)["state"] == "nonrenewableRefunded"


def test_refusals(counter: Counter) -> None:
    """An error's code and description, and its status."""
    refused = counter.ask("POST", "/verifications", {"serviceName": "carrier pigeon"})
    assert (refused.status, json.loads(refused.text)["errorCode"]) == (400, "InvalidService")
    assert counter.ask("GET", "/verifications/lr_1").status == 404
