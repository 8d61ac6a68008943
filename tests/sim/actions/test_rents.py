import re
from decimal import Decimal

import pytest

from tests.sim.counter import Counter


def test_a_rent_has_a_small_id_and_an_end():
    """getRentNumber answers id, endDate and number, and costs by the hour."""
    counter = Counter()
    answer = counter.data("getRentNumber", service="tg", country=6, rent_time=24)
    assert answer["status"] == "success"
    assert re.fullmatch(r"62\d{9}", answer["phone"].pop("number"))
    assert answer["phone"] == {"id": 1049, "endDate": "2023-11-15T22:13:20"}
    assert counter.books.spent == Decimal("12.00")


def test_waiting_for_a_rents_message_is_an_error_envelope():
    """getRentStatus reports waiting, the end and a cancel as status error; messages come in values."""
    counter = Counter()
    rent = counter.rent()
    assert counter.data("getRentStatus", id=rent) == {"status": "error", "message": "STATUS_WAIT_CODE"}
    counter.advance(10)
    answer = counter.data("getRentStatus", id=rent)
    assert (answer["status"], answer["quantity"]) == ("success", "1")
    assert answer["values"]["0"]["text"].startswith("Your code is ")
    counter.data("setRentStatus", id=rent, status=1)
    assert counter.data("getRentStatus", id=rent)["message"] == "STATUS_FINISH"
    assert counter.data("getRentStatus", id=7)["message"] == "NO_ID_RENT"


def test_a_rent_can_be_cancelled_for_twenty_minutes():
    """2 gives it back at first; later, and once a message came, it cannot be."""
    counter = Counter(success=0)
    first, late = counter.rent(), counter.rent()
    assert counter.data("setRentStatus", id=first, status=2) == {"status": "success"}
    assert counter.data("setRentStatus", id=first, status=2)["message"] == "ALREADY_CANCEL"
    assert counter.data("getRentStatus", id=first)["message"] == "STATUS_CANCEL"
    counter.advance(1201)
    assert counter.data("setRentStatus", id=late, status=2)["message"] == "CANT_CANCEL"
    assert counter.data("setRentStatus", id=late, status=5)["message"] == "INCORECT_STATUS"
    assert counter.data("setRentStatus", id=late, status=1) == {"status": "success"}
    assert counter.data("setRentStatus", id=late, status=1)["message"] == "ALREADY_FINISH"
    assert counter.books.refunded == Decimal("2.00")


def test_open_rents_are_listed():
    """getRentList has id and phone; none has a word."""
    counter = Counter()
    assert counter.data("getRentList") == {"status": "error", "message": "NO_NUMBERS"}
    rent = counter.rent()
    assert counter.data("getRentList")["values"]["0"]["id"] == int(rent)


def test_an_open_rent_is_prolonged_under_its_id_and_a_finished_one_under_a_new_id():
    """continueRentNumber changes the id exactly when the rent had ended."""
    counter = Counter()
    rent = counter.rent()
    assert counter.data("continueRentNumber", id=rent, rent_time=4)["phone"]["id"] == int(rent)
    counter.advance(8 * 3600)
    again = counter.data("continueRentNumber", id=rent, rent_time=4)["phone"]
    assert again["id"] == int(rent) + 1
    assert again["number"] == counter.books.leases[0].phone
    assert counter.books.spent == Decimal("6.00")


@pytest.mark.parametrize(
    ("hours", "answer"),
    [
        ("0", {"status": "error", "message": "INVALID_TIME"}),
        ("soon", {"status": "error", "message": "INVALID_TIME"}),
        ("2000", {"status": "error", "message": "MAX_HOURS_EXCEED", "info": {"max": 1344}}),
    ],
)
def test_a_bad_length_of_rent_is_refused(hours, answer):
    """Hours are a number of at least one, and eight weeks at most."""
    counter = Counter()
    assert counter.data("getRentNumber", service="tg", rent_time=hours) == answer
    assert counter.data("continueRentNumber", id=counter.rent(), rent_time=hours) == answer


def test_a_cancelled_rent_cannot_be_continued():
    """It is dead."""
    counter = Counter(success=0)
    rent = counter.rent()
    counter.data("setRentStatus", id=rent, status=2)
    assert counter.data("continueRentNumber", id=rent)["message"] == "RENT_DIE"


@pytest.mark.parametrize("action", ["continueRentInfo", "getContinueRentPriceNumber"])
def test_the_price_of_going_on_can_be_asked(action):
    """Price and currency, with the history when wanted."""
    counter = Counter()
    rent = counter.rent()
    assert counter.data(action, id=rent, hours=24) == {"status": "success", "price": 12.0, "currency": 840}
    assert counter.data(action, id=rent, hours=24, needHistory="true")["history"][0]["id"] == int(rent)


def test_what_can_be_rented():
    """getRentServicesAndCountries has countries, operators and services with cost and quantity."""
    answer = Counter().data("getRentServicesAndCountries", country=6, rent_time=4)
    assert set(answer) == {"countries", "operators", "services", "currency"}
    assert answer["services"]["tg"] == {"cost": 2.0, "quant": 250}
    assert Counter().data("serviceCountRent", country=6)["tg"] == 250


def test_a_herosms_rent_is_an_activation_with_a_long_life():
    """Its getRentNumber answers a V2 object, and NO_NUMBERS as 404 JSON."""
    counter = Counter(dialect="herosms")
    number = counter.data("getRentNumber", service="tg", country=6, duration=4)["activationId"]
    lease = counter.books.lease(number)
    assert lease.ends_at - lease.bought_at == 4 * 3600
    counter.become(stock_out=1)
    answer = counter.answer("getRentNumber", service="tg", country=6, duration=4)
    assert (answer.status, answer.word, answer.text[:8]) == (404, "NO_NUMBERS", '{"title"')
