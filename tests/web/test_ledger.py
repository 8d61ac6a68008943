"""The ledger object: costs per arm and offer, and what balances say of them in a sentence."""

from decimal import Decimal
from typing import Any

import pytest

from canary.core.accounts import SLOWEST, Account, Books, Reading, Terms
from canary.core.model import Arm, LeaseState
from canary.core.money import Money
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.web.ledger import ledger_of, why
from tests.factories import NOW, tlease, tpurchase
from tests.web.serving import NAME, Client

BACK = {"state": LeaseState.REFUNDED, "claimed_at": NOW + 300, "ended_at": NOW + 300}


def fill(store: Store) -> None:
    """Leases of both arms; old's last balance lacks a refund, long overdue there."""
    store.set_terms(NAME, {Arm.OLD: Terms("RUB", Decimal("0.01"), 60.0), Arm.NEW: Terms("USD")})
    store.reconcile(NAME, Reading(Arm.OLD, "", NOW, NOW + 1, Decimal(100)), 60.0, 25.0)
    bought = [
        tlease(id="1", opened_at=NOW + 50, price=Decimal(12), code_at=NOW + 60),
        tlease(id="2", opened_at=NOW + 50, price=Decimal(8), **BACK),
        tlease(id="3", opened_at=NOW + 50, service="wa", price=None),
        tlease(id="4", opened_at=NOW + 50, arm=Arm.NEW, price=Decimal("0.35")),
    ]
    store.bind(NAME, [(tpurchase(), bought)])
    store.reconcile(NAME, Reading(Arm.OLD, "", NOW + 900, NOW + 901, Decimal(80)), 60.0, 25.0)
    counters = {"lost_purchases": 3, "recovered_purchases": 2, "absent_purchases": 1}
    store.flush(NAME, "p", leases_changed=[], purchases=[], tallies={}, counters=counters)


def test_both_arms_are_there_before_anything_happened(store: Store) -> None:
    """Zeros, no offers, nothing overdue, and how to see a balance."""
    found = ledger_of(store, NAME)
    assert (found["name"], found["offers"], found["overdue"]) == (NAME, [], [])
    assert found["lost"] == {"seen": 0, "recovered": 0, "absent": 0, "unrecovered": 0}
    old = found["arms"]["old"]
    assert (old["spent"], old["per_success"], old["drift"], old["explained"]) == (0, None, None, True)
    assert "reconcile" in old["why"]


def test_an_arm_is_told_with_its_money_and_its_balance(store: Store) -> None:
    """Spent, come back, missing and per success; compared in the unit of both arms."""
    fill(store)
    old = ledger_of(store, NAME)["arms"]["old"]
    assert (old["currency"], old["factor"]) == ("RUB", 0.01)
    assert (old["leases"], old["unpriced"], old["successes"]) == (3, 1, 1)
    assert (old["sticker"], old["spent"], old["refunded"], old["outstanding"]) == (10, 20, 0, 8)
    assert (old["per_success"], old["compared_per_success"]) == (12, 0.12)
    assert (old["overdue"], old["drift"], old["explained"]) == (8, -8, False)
    assert old["accounts"] == [
        {
            "key": "",
            "at": NOW + 900,
            "balance": 80,
            "expected": 88,
            "outstanding": 8,
            "unexplained": 0,
        }
    ]


def test_offers_of_both_arms_stand_side_by_side(store: Store) -> None:
    """By service and country, the sticker price beside the price of a success."""
    fill(store)
    offers = ledger_of(store, NAME)["offers"]
    assert [(one["service"], one["country"], one["arm"]) for one in offers] == [
        ("tg", "6", "new"),
        ("tg", "6", "old"),
        ("wa", "6", "old"),
    ]
    assert (offers[1]["sticker"], offers[1]["per_success"]) == (10, 12)
    assert (offers[2]["sticker"], offers[2]["unpriced"]) == (None, 1)


def test_refunds_that_never_came_are_listed(store: Store) -> None:
    """With the lease, since when it is due, and why."""
    fill(store)
    [one] = ledger_of(store, NAME)["overdue"]
    assert (one["arm"], one["id"], one["price"], one["due_at"], one["basis"]) == (
        "old",
        "2",
        8,
        NOW + 300,
        "claim",
    )


def test_lost_purchases_are_told_by_what_became_of_them(store: Store) -> None:
    """Seen, cancelled, not made."""
    fill(store)
    assert ledger_of(store, NAME)["lost"] == {"seen": 3, "recovered": 2, "absent": 1, "unrecovered": 0}


def books(outstanding: str, unexplained: str, overdue: str = "0") -> Books:
    account = Account(
        Arm.OLD,
        "",
        NOW,
        Decimal(10),
        Decimal(10),
        outstanding=Decimal(outstanding),
        unexplained=Decimal(unexplained),
    )
    return Books(Money(Decimal(9), Decimal(5), unpriced=2), (account,), Decimal(overdue))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (books("0", "0"), "the balance is what the leases say"),
        (
            books("0.4", "0"),
            "0.4 less than the leases say: 0.4 of refunds on their way, which may take 1d here",
        ),
        (books("0.4", "0", "0.4"), "0.4 less than the leases say: 0.4 of refunds overdue"),
        (
            books("0.4", "0.1", "0.3"),
            "0.5 less than the leases say: 0.1 of refunds on their way, which may take 1d here; "
            "0.3 of refunds overdue; 0.1 unexplained: lost purchases, 2 leases of unknown price, "
            "or money spent past the harness",
        ),
    ],
)
def test_a_difference_is_explained(found: Books, said: str) -> None:
    """A refund on its way is no anomaly: the sentence says what is, and what is not."""
    assert why(found, Terms(refund_within=SLOWEST)) == said


def test_one_account_of_both_arms_is_said_so() -> None:
    """The other arm has no balance of its own to wait for."""
    assert "one account" in why(Books(Money()), Terms(), shared=True)


def test_an_unknown_rollout_is_said_in_a_sentence(store: Store) -> None:
    """A name that the store does not hold is an error that names it."""
    with pytest.raises(StoreError, match="holds no rollout named 'other'"):
        ledger_of(store, "other")


async def test_the_admin_api_gives_the_ledger(store: Store, client: Client) -> None:
    """The same object as from the store."""
    fill(store)
    status, body = await client.get("/api/v1/ledger")
    expected: dict[str, Any] = ledger_of(store, NAME)
    assert (status, body) == (200, expected)
