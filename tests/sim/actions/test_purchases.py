import re
from decimal import Decimal

import pytest

from canary.sim.lease import State
from tests.factories import NOW
from tests.sim.counter import Counter


def test_a_number_is_sold_as_id_and_phone():
    """getNumber answers ACCESS_NUMBER:id:phone, with the country's prefix and no plus."""
    counter = Counter()
    answer = counter.text("getNumber", service="tg", country=6)
    assert re.fullmatch(r"ACCESS_NUMBER:635468024:62\d{9}", answer)
    (lease,) = counter.books.leases
    assert (lease.service, lease.country, lease.price) == ("tg", "6", Decimal("0.20"))


def test_a_number_v2_is_an_object():
    """getNumberV2 has every documented field."""
    answer = Counter().data("getNumberV2", service="tg", country=2, operator="mts")
    assert re.fullmatch(r"77\d{9}", answer.pop("phoneNumber"))
    assert answer == {
        "activationId": 635468024,
        "activationCost": 0.2,
        "currency": 840,
        "countryCode": "2",
        "canGetAnotherSms": "1",
        "activationTime": "2023-11-14 22:13:20",
        "activationOperator": "mts",
    }


@pytest.mark.parametrize("action", ["getNumber", "getNumberV2"])
@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"service": ""}, "BAD_SERVICE"),
        ({"service": "no such thing"}, "BAD_SERVICE"),
        ({"country": 999}, "BAD_COUNTRY"),
        ({"country": "ID"}, "BAD_COUNTRY"),
        ({"maxPrice": "0.19"}, "WRONG_MAX_PRICE:0.20"),
    ],
)
def test_a_purchase_with_a_bad_parameter_is_refused(action, params, word):
    """Each parameter has its word, and nothing is sold."""
    counter = Counter()
    assert counter.text(action, **{"service": "tg", "country": 6, **params}) == word
    assert counter.books.leases == []


def test_a_sufficient_cap_buys():
    """maxPrice and DaisySMS's max_price at the price are enough; nonsense is no cap."""
    counter = Counter()
    for cap in ({"maxPrice": "0.20"}, {"max_price": "1"}, {"maxPrice": "cheap"}):
        counter.buy(**cap)


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"stock_out": 1}, "NO_NUMBERS"),
        ({"deposit": 0}, "NO_BALANCE"),
        ({"stock_out_of": {"tg/6": 1}}, "NO_NUMBERS"),
    ],
)
def test_a_purchase_may_fail_for_stock_or_money(knobs, word):
    """Knobs take away stock and money."""
    assert Counter(**knobs).text("getNumber", service="tg", country=6) == word


def test_a_country_is_russia_when_none_is_named():
    """Without a country, and for any, a number comes from the default country."""
    counter = Counter()
    for params in ({}, {"country": ""}, {"country": "any"}, {"country": 0}):
        counter.text("getNumber", service="tg", **params)
    assert [lease.country for lease in counter.books.leases] == ["0"] * 4


def test_iso_codes_name_countries_for_a_dialect_that_knows_them():
    """VerifySMS understands ISO alpha-2 beside the numeric ids."""
    counter = Counter(dialect="verifysms")
    counter.buy(country="id")
    counter.buy(country="RU")
    assert [lease.country for lease in counter.books.leases] == ["6", "0"]


def test_5sim_sells_by_product_and_country_name():
    """Its handler_api asks for telegram and indonesia; codes are unknown there."""
    counter = Counter(dialect="5sim")
    assert counter.text("getNumber", service="tg", country=6) == "BAD_SERVICE"
    counter.buy(service="telegram", country="indonesia")
    assert counter.books.leases[0].country == "6"


def test_an_order_id_is_served_once():
    """SMS-Activate's getNumberV2 does not process the same order again; others know no such thing."""
    counter = Counter(dialect="sms-activate")
    counter.data("getNumberV2", service="tg", orderId="o-1")
    assert counter.text("getNumberV2", service="tg", orderId="o-1") == "ORDER_ALREADY_EXISTS"
    counter.become(dialect="generic")
    counter.data("getNumberV2", service="tg", orderId="o-1")
    assert len(counter.books.leases) == 2


def test_several_services_share_one_number():
    """getMultiServiceNumber answers a list; what cannot be had is left out, and all of it has the word."""
    counter = Counter(stock_out_of={"wa": 1})
    rows = counter.data("getMultiServiceNumber", multiService="tg,wa,go", country=6)
    assert [row["service"] for row in rows] == ["tg", "go"]
    assert len({row["phone"] for row in rows}) == 1
    assert len({row["activation"] for row in rows}) == 2
    assert counter.text("getMultiServiceNumber", multiService="wa", country=6) == "NO_NUMBERS"


def test_another_service_may_be_added_to_an_open_number():
    """getAdditionalService keeps the phone and gives a new id; the parent must be open and of another service."""
    counter = Counter()
    parent = counter.buy()
    phone = counter.books.lease(parent).phone
    assert (
        counter.text("getAdditionalService", id=parent, service="wa")
        == f"ADDITIONAL:{int(parent) + 1}:{phone}"
    )
    assert counter.text("getAdditionalService", id=parent, service="tg") == "REPEAT_ADDITIONAL_SERVICE"
    assert counter.text("getAdditionalService", id=1, service="wa") == "WRONG_ACTIVATION_ID"
    counter.advance(1200)
    assert counter.text("getAdditionalService", id=parent, service="wa") == "WRONG_ADDITIONAL_SERVICE"


@pytest.mark.parametrize("action", ["getExtraActivation", "reactivate"])
def test_a_finished_number_can_be_had_again(action):
    """Under a new id and the same phone; an open or unknown one cannot."""
    counter = Counter()
    parent = counter.buy()
    assert counter.text(action, activationId=parent) == "NEW_ACTIVATION_IMPOSSIBLE"
    assert counter.text(action, activationId=1) == "WRONG_ACTIVATION_ID"
    counter.advance(10)
    counter.text("setStatus", id=parent, status=6)
    counter.text(action, activationId=parent)
    first, again = counter.books.leases
    assert (again.phone, again.id) == (first.phone, str(int(parent) + 1))


def test_daisysms_answers_asleep():
    """Its extra activations sleep first."""
    counter = Counter(dialect="daisysms")
    parent = counter.buy()
    counter.advance(10)
    counter.text("setStatus", id=parent, status=6)
    assert re.fullmatch(
        rf"ASLEEP:\d+:62\d+:{int(NOW) + 10}", counter.text("getExtraActivation", activationId=parent)
    )


def test_prolonging_keeps_the_id_and_costs_again():
    """HeroSMS's prolong lengthens an open lease; one that has ended cannot be."""
    counter = Counter(success=0)
    lease_id = counter.buy()
    assert counter.data("prolong", id=lease_id)["activationId"] == int(lease_id)
    counter.advance(1300)
    lease = counter.books.lease(lease_id)
    assert (lease.open, lease.price) == (True, Decimal("0.40"))
    counter.advance(1200)
    assert counter.text("prolong", id=lease_id) == "RENEW_ACTIVATION_NOT_AVAILABLE"


def test_a_partner_product_is_a_sale_without_a_number():
    """It costs money and is over at once."""
    counter = Counter()
    assert counter.data("buyPartnerProduct", productId=3)["status"] == "success"
    assert counter.text("buyPartnerProduct") == "BAD_DATA"
    assert [lease.state for lease in counter.books.leases] == [State.FINISHED]
    assert counter.books.spent == Decimal("0.20")
