"""What a balance says: nothing is called missing that may only not have been there yet."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.accounts import Account, Books, Owed, Range, Reading, Word, arrived, judged, word_of
from canary.core.model import Arm
from canary.core.money import Money
from canary.core.protocol.listing import listed
from tests.factories import NOW

D = Decimal


def exact(amount: str) -> Range:
    return Range(D(amount), D(amount))


def reading(balance: str, at: float = 0.0) -> Reading:
    return Reading(Arm.OLD, "", NOW + at, NOW + at + 1, D(balance))


def after(*told: tuple[str, str, str]) -> Account:
    """The account after readings of (balance, spent until then, refunds due until then)."""
    account = None
    for n, (balance, spent, due) in enumerate(told):
        account = judged(reading(balance, 60.0 * n), exact(spent), exact(due), account)
    assert account is not None
    return account


def parts(account: Account) -> tuple[Decimal, Decimal, Decimal]:
    return account.outstanding, account.unexplained, account.expected


@pytest.mark.parametrize(
    ("told", "outstanding", "unexplained", "expected"),
    [
        ([("10", "0", "0"), ("9", "1", "0")], "0", "0", "9"),
        ([("10", "0", "0"), ("9", "1", "0.4")], "0.4", "0", "9.4"),
        ([("10", "0", "0"), ("9", "1", "0.4"), ("9.4", "1", "0.4")], "0", "0", "9.4"),
        ([("10", "0", "0"), ("9", "1", "0.4"), ("9.1", "1", "0.4")], "0.3", "0", "9.4"),
        ([("10", "0", "0"), ("8.5", "1", "0")], "0", "0.5", "9"),
        ([("10", "0", "0"), ("8.5", "1", "0"), ("9", "1", "0")], "0", "0", "9"),
        ([("10", "0", "0"), ("8.5", "1", "0"), ("8.5", "1", "0.3"), ("8.8", "1", "0.3")], "0", "0.5", "9.3"),
        ([("10", "0", "0"), ("60", "0", "0"), ("59", "1", "0.4")], "0.4", "0", "59.4"),
    ],
    ids=["as spent", "under way", "come", "come in part", "unexplained", "mended", "both", "paid in"],
)
def test_what_is_missing_is_told_apart(
    told: list[tuple[str, str, str]], outstanding: str, unexplained: str, expected: str
) -> None:
    """Refunds under way, money that nothing explains, and what was paid in meanwhile."""
    assert parts(after(*told)) == (D(outstanding), D(unexplained), D(expected))


def test_what_may_not_have_been_there_yet_is_not_missing() -> None:
    """A purchase and a refund under way while the balance was told blur it, never raise an alarm."""
    first = judged(reading("10"), exact("0"), exact("0"), None)
    blurred = judged(reading("9.5", 60), Range(D("0.2"), D("0.5")), Range(D("0"), D("0.3")), first)
    assert parts(blurred) == (D(0), D(0), D("9.5"))
    assert blurred.at_most == D("0.6")


steps = st.lists(
    st.tuples(st.sampled_from(["buy", "owe", "pay", "look"]), st.integers(0, 3)), min_size=1, max_size=40
)


@given(steps)
def test_the_books_of_a_quiet_account_are_exact(steps: list[tuple[str, int]]) -> None:
    """Whatever happens between balances: what is outstanding is what the provider owes, to the cent."""
    spent = owed = refunded = D(0)
    account = judged(reading("100"), exact("0"), exact("0"), None)
    for n, (what, which) in enumerate(steps, 1):
        price = D(which + 1) / 10
        if what == "buy":
            spent += price
        elif what == "owe" and spent - owed - refunded >= price:
            owed += price
        elif what == "pay" and owed >= price:
            owed, refunded = owed - price, refunded + price
        elif what == "look":
            balance = 100 - spent + refunded
            due = owed + refunded
            account = judged(reading(f"{balance}", 60.0 * n), Range(spent, spent), Range(due, due), account)
            assert parts(account) == (owed, D(0), balance + owed)
            assert account.arrived == refunded


def owed(n: int, due_at: float, price: str = "0.2") -> Owed:
    return Owed(("activation", str(n)), NOW + due_at, D(price))


def test_refunds_are_confirmed_in_the_order_in_which_they_fell_due() -> None:
    """A balance tells an amount, not whose it is; an overdue one is the last that is thought of."""
    waiting = [owed(1, 300), owed(2, 100), owed(3, 200)]
    assert [one.lease[1] for one in arrived(waiting, D("0.4"), NOW)] == ["2", "3"]
    assert [one.lease[1] for one in arrived(waiting, D("0.4"), NOW + 150)] == ["3", "1"]
    assert [one.lease[1] for one in arrived(waiting, D("0.6"), NOW + 150)] == ["3", "1", "2"]


def test_a_refund_dearer_than_what_came_is_not_confirmed() -> None:
    """It cannot have been in it."""
    waiting = [owed(1, 100, "0.5"), owed(2, 200, "0.2")]
    assert [one.lease[1] for one in arrived(waiting, D("0.3"), NOW)] == ["2"]


def test_books_say_whether_all_is_explained() -> None:
    """Refunds on their way are no anomaly, overdue ones and unexplained money are; without a balance all has come."""
    money = Money(D(1), D("0.4"), D(1), 3)
    assert (Books(money).refunded, Books(money).drift, Books(money).explained) == (D("0.4"), None, True)
    coming = after(("10", "0", "0"), ("9", "1", "0.4"))
    assert (Books(money, (coming,)).refunded, Books(money, (coming,)).drift) == (D(0), D("-0.4"))
    assert Books(money, (coming,)).explained
    assert not Books(money, (coming,), D("0.1")).explained
    assert not Books(money, (after(("10", "0", "0"), ("8", "1", "0")),)).explained


def test_a_provider_s_own_word_comes_before_the_order_in_time() -> None:
    """What its history has given back is what came, and what it still charges for is what did not."""
    waiting = [
        Owed(("old", "activation", own), NOW + n, D("0.2"), word)
        for n, (own, word) in enumerate(
            [("1", Word.CHARGED), ("2", None), ("3", Word.REFUNDED), ("4", Word.ACTIVE)]
        )
    ]
    assert [one.lease[2] for one in arrived(waiting, D("0.2"), NOW)] == ["3"]
    assert [one.lease[2] for one in arrived(waiting, D("0.4"), NOW)] == ["3", "2"]
    assert [one.lease[2] for one in arrived(waiting, D("0.8"), NOW)] == ["3", "2", "1", "4"]


@pytest.mark.parametrize(
    ("row", "active", "word"),
    [
        ({"id": 7, "cost": "0.20", "status": "8"}, False, Word.CHARGED),
        ({"id": 7, "cost": 0}, False, Word.REFUNDED),
        ({"id": 7, "cost": "0.00"}, False, Word.REFUNDED),
        ({"id": 7}, False, None),
        ({"activationId": 7, "activationCost": 0.2}, True, Word.ACTIVE),
    ],
)
def test_a_row_says_what_became_of_a_refund(row: dict[str, object], active: bool, word: Word | None) -> None:
    """By what it charges; one that tells no price says nothing."""
    found = listed(json.dumps([row]).encode())
    assert found is not None
    assert word_of(found[0], active=active) is word
