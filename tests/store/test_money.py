"""What leases cost."""

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary.core.model import Arm, Lease, LeaseState
from canary.core.money import Money
from canary.store.money import Offer
from canary.store.store import Store
from tests.factories import NOW, tlease, tpurchase, trollout

NAME = trollout().name


def bind(store: Store, *leases: Lease) -> None:
    """Write leases."""
    store.bind(NAME, [(tpurchase(), leases)])


def test_without_leases_nothing_was_spent(store: Store) -> None:
    """Both arms are there, at zero, with no cost per success."""
    assert store.money(NAME) == {Arm.OLD: Money(), Arm.NEW: Money()}
    assert Money().per_success is None


def test_cost_per_success_is_money_that_did_not_come_back_per_code(store: Store) -> None:
    """A refunded lease costs nothing, a failed one that was kept is paid for by the successes."""
    bind(
        store,
        tlease(id="1", state=LeaseState.SUCCEEDED, price=Decimal("0.10")),
        tlease(id="2", state=LeaseState.REFUNDED, ended_at=NOW + 9, price=Decimal("0.10")),
        tlease(
            id="3", state=LeaseState.EXPIRED, ended_at=NOW + 1200, price=Decimal("0.04"), auto_refund=False
        ),
    )
    money = store.money(NAME)[Arm.OLD]
    assert money == Money(Decimal("0.24"), Decimal("0.10"), Decimal("0.24"), 1, leases=3)
    assert money.per_success == Decimal("0.14")


def test_a_lease_that_still_waits_is_spent_but_not_settled(store: Store) -> None:
    """An open lease does not make the successes before it look dearer; one that has its code is a success."""
    bind(
        store,
        tlease(id="1", price=Decimal("0.10")),
        tlease(id="2", price=Decimal("0.30"), code_at=NOW + 5),
    )
    money = store.money(NAME)[Arm.OLD]
    assert money.spent == Decimal("0.40")
    assert money.per_success == Decimal("0.30")


def test_a_lease_of_unknown_price_makes_no_success_cheaper(store: Store) -> None:
    """Successes without a known price are left out of both sides of the cost."""
    bind(
        store,
        tlease(id="1", state=LeaseState.SUCCEEDED, price=Decimal("0.10")),
        tlease(id="2", state=LeaseState.SUCCEEDED, price=None),
    )
    assert store.money(NAME)[Arm.OLD].per_success == Decimal("0.10")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(cents=st.lists(st.decimals(0, 1000, places=4), min_size=1, max_size=12), number=st.integers(0, 10**9))
def test_sums_are_exact(store: Store, cents: list[Decimal], number: int) -> None:
    """No price is rounded on its way through the database."""
    name = f"sums-{number}-{len(cents)}-{hash(tuple(cents))}"
    leases = [tlease(id=str(i), visible_id=str(i), price=price) for i, price in enumerate(cents)]
    store.bind(name, [(tpurchase(), leases)])
    assert store.money(name)[Arm.OLD].spent == sum(cents)


def test_every_offer_has_its_own_cost(store: Store) -> None:
    """Per arm, service and country: what a number costs, and what a success does."""
    back = {"state": LeaseState.REFUNDED, "ended_at": NOW + 9}
    bind(
        store,
        tlease(id="1", service="tg", price=Decimal("0.08"), code_at=NOW + 5),
        tlease(id="2", service="tg", price=Decimal("0.12"), code_at=NOW + 5),
        tlease(id="3", service="wa", price=Decimal("0.10"), **back),
        tlease(id="4", service="tg", price=Decimal("0.10"), arm=Arm.NEW, country="0"),
        tlease(id="5", service="tg", price=None),
    )
    offers = store.offers(NAME)
    assert set(offers) == {(Arm.OLD, "tg", "6"), (Arm.OLD, "wa", "6"), (Arm.NEW, "tg", "0")}
    tg, wa = offers[Offer(Arm.OLD, "tg", "6")], offers[Offer(Arm.OLD, "wa", "6")]
    assert (tg.leases, tg.unpriced, tg.sticker, tg.per_success) == (2, 1, Decimal("0.10"), Decimal("0.10"))
    assert (wa.refunded, wa.per_success) == (Decimal("0.10"), None)
    assert sum((offers[one] for one in offers), Money()) == sum(store.money(NAME).values(), Money())
