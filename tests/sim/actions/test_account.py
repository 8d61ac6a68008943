import pytest

from canary.sim.lease import State
from tests.factories import NOW
from tests.sim.counter import Counter


@pytest.mark.parametrize("action", ["getBalance", "getBalanceAndCashBack"])
def test_the_balance_is_the_deposit_less_what_was_kept(action):
    """Purchases lower it to the cent, refunds raise it again."""
    counter = Counter(deposit="17.154", price="0.333", success=0, refund_delay="1m")
    assert counter.text(action) == "ACCESS_BALANCE:17.154"
    counter.buy()
    assert counter.text(action) == "ACCESS_BALANCE:16.821"
    counter.advance(1200)
    assert counter.text(action) == "ACCESS_BALANCE:16.821"
    counter.advance(60)
    assert counter.text(action) == "ACCESS_BALANCE:17.154"


def test_active_activations_are_the_open_ones():
    """Each open activation has its documented row; rents and ended ones have none."""
    counter = Counter()
    first, second = counter.buy(service="wa"), counter.buy()
    counter.rent()
    counter.advance(10)
    counter.text("setStatus", id=second, status=6)
    answer = counter.data("getActiveActivations")
    assert answer["status"] == "success"
    (row,) = answer["activeActivations"]
    lease = counter.books.lease(first)
    assert (row["activationId"], row["serviceCode"], row["phoneNumber"]) == (int(first), "wa", lease.phone)
    assert (row["activationCost"], row["smsCode"], row["countryCode"]) == (0.2, [lease.code], "6")
    assert row["smsText"] == f"Your code is {lease.code}"
    assert counter.data("getListOfActiveActivations", start=0, length=10) == answer


def test_no_active_activations_have_a_word():
    """An account without open activations is told so."""
    assert Counter().text("getActiveActivations") == "NO_ACTIVATIONS"


def test_active_activations_come_in_pages():
    """HeroSMS's start and limit pick a part."""
    counter = Counter(dialect="herosms")
    ids = [counter.data("getNumberV2", service="tg", country=6)["activationId"] for _ in range(5)]
    rows = counter.data("getActiveActivations", start=1, limit=2)["data"]
    assert [row["activationId"] for row in rows] == ids[1:3]


def test_history_lists_every_activation_newest_first():
    """Open and ended ones, with what was kept of their price."""
    counter = Counter(success=0)
    first = counter.buy()
    counter.advance(200)
    second = counter.buy()
    counter.text("setStatus", id=first, status=8)
    rows = counter.data("getHistory")
    assert [(row["id"], row["status"], row["cost"]) for row in rows] == [
        (int(second), "4", 0.2),
        (int(first), "8", 0),
    ]
    assert [row["id"] for row in counter.data("getHistory", start=int(NOW) + 100)] == [int(second)]
    assert [row["id"] for row in counter.data("getHistory", offset=1, limit=1)] == [int(first)]
    assert counter.books.lease(first).state is State.CANCELLED


def test_requisites_are_json():
    """The old SDK's getQiwiRequisites has an object."""
    assert counter_keys("getQiwiRequisites") >= {"wallet", "comment"}


def counter_keys(action: str) -> set[str]:
    return set(Counter().data(action))
