"""HeroSMS v1 as described."""

import json

from tests.sim.native.counter import Counter

ORDER = {"service": "tg", "country": 222, "amount": 1, "verificationType": "sms"}


def test_a_life() -> None:
    """A batch of one, its last code, 204 for what worked."""
    counter = Counter("herosms-v1")
    [bought] = json.loads(counter.ask("POST", "/activations", ORDER).text)["data"]
    assert (bought["id"], bought["country"], bought["status"]) == (1000, 222, "active")
    waiting = counter.ask("GET", "/activations/1000/otp/last")
    assert (waiting.status, json.loads(waiting.text)["details"]) == (404, "OTP Not Found")
    assert [one["id"] for one in counter.get("/activations?page=1&size=100")["data"]] == [1000]
    counter.clock.advance(11)
    assert counter.get("/activations/1000/otp/last")["data"]["code"] == counter.desk.books.lease("1000").code
    assert counter.ask("DELETE", "/activations/1000").status == 409
    assert counter.ask("POST", "/activations/1000/finish").status == 204
    assert counter.get("/activations")["data"] == []


def test_refusals_have_titles() -> None:
    """And the status that goes with each."""
    for knobs, title, status in (
        ({"stock_out": 1}, "NO_NUMBERS", 404),
        ({"deposit": "0"}, "NO_BALANCE", 402),
        ({"call_error": 1}, "SERVER_ERROR", 500),
    ):
        answer = Counter("herosms-v1", **knobs).ask("POST", "/activations", ORDER)
        assert (json.loads(answer.text)["title"], answer.status) == (title, status)
    unknown = Counter("herosms-v1").ask("GET", "/activations/1/otp/last")
    assert json.loads(unknown.text)["details"] == "Activation Not Found"
    early = Counter("herosms-v1", minimum_hold=120)
    early.ask("POST", "/activations", ORDER)
    assert json.loads(early.ask("DELETE", "/activations/1000").text)["info"] == {"minActivationTime": 120}


def test_offers() -> None:
    """By service and country, in its own ids."""
    offers = Counter("herosms-v1").get("/activations/offers?services=tg&countries=222")["data"]
    assert offers["tg"].keys() == {"222"}
