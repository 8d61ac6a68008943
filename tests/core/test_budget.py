"""Caps on what shadow leases may cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.budget import LATE, Caps, Refusal, Spent, day_of, last_day_of

CENTS = st.integers(0, 10_000).map(lambda n: Decimal(n) / 100)
CAPS = Caps(run=Decimal("1.00"), day=Decimal("0.50"), outstanding=Decimal("0.30"), price=Decimal("0.10"))


def spent(run: str, day: str, outstanding: str) -> Spent:
    return Spent(Decimal(run), Decimal(day), Decimal(outstanding))


@pytest.mark.parametrize(
    ("before", "refusal"),
    [
        (Spent(), None),
        (spent("0.90", "0.40", "0.20"), None),
        (spent("0.91", "0", "0"), Refusal.RUN),
        (spent("0.41", "0.41", "0"), Refusal.DAY),
        (spent("0.21", "0.21", "0.21"), Refusal.OUTSTANDING),
    ],
)
def test_a_purchase_fits_or_says_which_cap_it_would_break(before: Spent, refusal: Refusal | None) -> None:
    """To the cent: a cap may be reached, and not be passed."""
    assert CAPS.refusal(before) == refusal


@given(
    run=CENTS, day=CENTS, outstanding=CENTS, price=CENTS, prices=st.lists(CENTS, max_size=60), data=st.data()
)
def test_no_order_of_purchases_breaks_a_cap(
    run: Decimal,
    day: Decimal,
    outstanding: Decimal,
    price: Decimal,
    prices: list[Decimal],
    data: st.DataObject,
) -> None:
    """Whatever numbers cost, up to the price that is reserved, and however many are never given back."""
    caps, total, open_ = Caps(run, day, outstanding, price), Decimal(0), Decimal(0)
    for asked in prices:
        if caps.refusal(Spent(total, total, open_)) is None:
            cost = min(asked, price)
            total += cost
            open_ += Decimal(0) if data.draw(st.booleans()) else cost
        assert total <= min(run, day) or total == 0
        assert open_ <= outstanding or open_ == 0


def test_days_are_those_of_utc() -> None:
    """A new day begins at midnight, wherever the operator is."""
    assert day_of(1_700_006_399.9) + 1 == day_of(1_700_006_400.0)


def test_a_purchase_shortly_before_midnight_may_be_charged_to_the_next_day() -> None:
    """Its answer takes time, and the provider's clock is another."""
    midnight = 1_700_006_400.0
    assert last_day_of(midnight - LATE) == day_of(midnight)
    assert last_day_of(midnight - LATE - 0.1) == day_of(midnight) - 1
