"""What became of a lease's price: when it is owed back, why, and sums that stay exact."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.leases import LeaseEvent, apply
from canary.core.model import LeaseState
from canary.core.money import Basis, Due, Money, Result, given_back, money_of, refund_due, result_of
from tests.factories import NOW, tlease

S = LeaseState
END = NOW + 1200
CLAIMED = {"claimed_at": NOW + 150}


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, None),
        (CLAIMED, Due(NOW + 150, Basis.CLAIM)),
        ({**CLAIMED, "state": S.REFUNDED, "ended_at": NOW + 160}, Due(NOW + 150, Basis.CLAIM)),
        ({"state": S.EXPIRED, "ended_at": NOW + 600}, Due(NOW + 600, Basis.CLOSED)),
        ({"state": S.EXPIRED, "ended_at": NOW + 600, "auto_refund": False}, Due(NOW + 600, Basis.CLOSED)),
        ({"state": S.EXPIRED, "ended_at": END + 900}, Due(END, Basis.RULE)),
        ({"state": S.EXPIRED, "ended_at": END - 5}, Due(END - 5, Basis.RULE)),
        ({"state": S.EXPIRED, "ended_at": END + 900, "auto_refund": False}, None),
        ({"state": S.ABANDONED, "ended_at": END + 2}, Due(END, Basis.RULE)),
        ({"state": S.ABANDONED, "ended_at": END + 2, "auto_refund": False}, None),
        ({"state": S.SUCCEEDED, "ended_at": NOW + 60}, None),
        ({**CLAIMED, "code_at": NOW + 200}, None),
    ],
)
def test_when_a_refund_falls_due_and_why(changes: dict[str, object], due: Due | None) -> None:
    """A cancel, an early end, or the end of the lifetime where the provider refunds by itself; a code settles it."""
    assert refund_due(tlease(**changes)) == due


def test_a_code_that_comes_late_takes_the_refund_back() -> None:
    """What was given back before it is still known, for scores that are read at an earlier age."""
    lease = apply(tlease(state=S.REFUNDED, ended_at=NOW + 160, **CLAIMED), LeaseEvent.CODE, NOW + 300)
    assert refund_due(lease) is None
    assert given_back(lease) == Due(NOW + 150, Basis.CLAIM)


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, Result.OPEN),
        ({"code_at": NOW + 5}, Result.SUCCESS),
        ({"state": S.SUCCEEDED, "ended_at": NOW + 60}, Result.SUCCESS),
        (CLAIMED, Result.REFUND),
        ({"state": S.ABANDONED, "ended_at": END}, Result.REFUND),
        ({"state": S.ABANDONED, "ended_at": END, "auto_refund": False}, Result.LOSS),
    ],
)
def test_every_price_has_one_result(changes: dict[str, object], result: Result) -> None:
    """Open, paid for, owed back, or gone."""
    assert result_of(tlease(**changes)) is result


def test_each_result_adds_to_its_own_sums() -> None:
    """What waits is spent and not settled, what is owed back is both, and no price makes no sum."""
    price = Decimal("0.35")
    assert money_of(Result.OPEN, price) == Money(price, leases=1)
    assert money_of(Result.SUCCESS, price) == Money(price, settled=price, successes=1, leases=1)
    assert money_of(Result.REFUND, price) == Money(price, price, price, leases=1)
    assert money_of(Result.REFUND, price, confirmed=True).confirmed == price
    assert money_of(Result.LOSS, price) == Money(price, settled=price, leases=1)
    assert money_of(Result.SUCCESS, None, n=3) == Money(unpriced=3)


prices = st.decimals(0, 100, places=4)
moneys = st.builds(money_of, st.sampled_from(Result), prices, n=st.integers(1, 50))


@given(moneys, moneys, moneys)
def test_sums_are_exact_in_any_order(a: Money, b: Money, c: Money) -> None:
    """Money adds up without a rest, and the parts of it stay parts."""
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Money() == a
    assert (a + b).refunded <= (a + b).settled <= (a + b).spent


def test_the_effective_price_is_not_the_sticker_price() -> None:
    """$0.08 at 70 % without refunds costs more than $0.10 at 90 % with them."""
    cheap = money_of(Result.SUCCESS, Decimal("0.08"), n=70) + money_of(Result.LOSS, Decimal("0.08"), n=30)
    dear = money_of(Result.SUCCESS, Decimal("0.10"), n=90) + money_of(Result.REFUND, Decimal("0.10"), n=10)
    assert (cheap.sticker, dear.sticker) == (Decimal("0.08"), Decimal("0.10"))
    assert cheap.per_success is not None
    assert dear.per_success is not None
    assert cheap.per_success > dear.per_success == Decimal("0.10")
    assert Money().per_success is None
    assert Money().sticker is None


def test_a_rent_of_unknown_length_is_owed_by_the_providers_word_alone() -> None:
    """Without an end there is no rule to go by."""
    lease = tlease(expires_at=None, state=S.EXPIRED, ended_at=END)
    assert refund_due(lease) == Due(END, Basis.CLOSED)
    assert refund_due(replace(lease, state=S.ABANDONED)) is None
