"""Balances held against leases in a real database."""

from dataclasses import replace
from decimal import Decimal
from math import inf
from typing import Any

import pytest

from canary.core.accounts import SLOWEST, Account, Promises, Reading, Terms
from canary.core.leases import SKEW
from canary.core.model import Arm, Kind, LeaseState
from canary.core.money import Basis
from canary.store.accounts import Lag
from canary.store.store import Store
from tests.factories import NOW, tlease, tpurchase, trollout

NAME = trollout().name
SLOW = 25.0
"""Seconds that a call may take."""

PATIENCE = 60.0
BACK = {"state": LeaseState.REFUNDED, "claim": "ACCESS_CANCEL"}


def bought(store: Store, number: int, at: float, price: str = "0.20", **changes: Any) -> None:
    lease = tlease(id=str(number), opened_at=NOW + at, price=Decimal(price), **changes)
    store.bind(NAME, [(tpurchase(id=f"p-{number}"), [lease])])


def cancelled(at: float) -> dict[str, Any]:
    return {**BACK, "claimed_at": NOW + at, "ended_at": NOW + at}


def look(
    store: Store, at: float, balance: str, account: str = "", within: float = PATIENCE
) -> Account | None:
    reading = Reading(Arm.OLD, account, NOW + at, NOW + at + 1, Decimal(balance))
    return store.reconcile(NAME, reading, within, SLOW)


def refunded(store: Store, number: int) -> float | None:
    found = store.find(NAME, Kind.ACTIVATION, str(number))
    assert found is not None
    return found.refunded_at


def test_nothing_is_known_before_the_first_balance(store: Store) -> None:
    """No account, no overdue refund, no lag; terms are the defaults."""
    assert store.accounts(NAME) == []
    assert store.overdue(NAME) == []
    assert store.refund_lags(NAME) == dict.fromkeys(Arm, Lag())
    assert store.terms(NAME) == dict.fromkeys(Arm, Terms(refund_within=SLOWEST))


def test_terms_are_kept_per_arm(store: Store) -> None:
    """Currency, factor and patience come back as they were written, and are replaced."""
    store.set_terms(NAME, {Arm.OLD: Terms("RUB", Decimal("0.011"), 3600.0), Arm.NEW: Terms("USD")})
    store.set_terms(NAME, {Arm.NEW: Terms("EUR", Decimal("1.1"), 60.0)})
    assert store.terms(NAME) == {
        Arm.OLD: Terms("RUB", Decimal("0.011"), 3600.0),
        Arm.NEW: Terms("EUR", Decimal("1.1"), 60.0),
    }


def test_a_refund_is_confirmed_by_the_balance_that_shows_it(store: Store) -> None:
    """Due at the cancel, missing in the next balance, there in the one after: that is when it came."""
    look(store, 0, "10")
    bought(store, 1, 100)
    bought(store, 2, 100, **cancelled(300))
    first = look(store, 400, "9.60")
    assert first is not None
    assert (first.outstanding, first.expected) == (Decimal("0.20"), Decimal("9.80"))
    assert refunded(store, 2) is None
    second = look(store, 500, "9.80")
    assert second is not None
    assert (second.outstanding, second.unexplained) == (0, 0)
    assert (refunded(store, 1), refunded(store, 2)) == (None, NOW + 500)
    assert store.refund_lags(NAME)[Arm.OLD] == Lag(1, 200.0, 200.0)


def test_an_older_balance_says_nothing_any_more(store: Store) -> None:
    """Another process was faster with a later one."""
    assert look(store, 100, "10") is not None
    assert look(store, 50, "3") is None
    [account] = store.accounts(NAME)
    assert account.balance == 10


def test_what_is_under_way_blurs_the_balance(store: Store) -> None:
    """A purchase or cancel that began just before it may not be in it: neither is called missing."""
    look(store, 0, "10")
    bought(store, 1, 390)
    bought(store, 2, 100, **cancelled(395))
    account = look(store, 400, "9.80")
    assert account is not None
    assert (account.outstanding, account.unexplained) == (0, 0)
    settled = look(store, 500, "9.60")
    assert settled is not None
    assert settled.outstanding == Decimal("0.20")


def test_a_refund_by_rule_may_come_early(store: Store) -> None:
    """The provider ends a lease by its own clock: what came before we thought so was paid in by nobody."""
    look(store, 0, "10")
    over = {"state": LeaseState.ABANDONED, "expires_at": NOW + 1300, "ended_at": NOW + 1302}
    bought(store, 1, 100, **over)
    look(store, 1290, "10")
    late = look(store, 1300 + SKEW + SLOW + 1, "10")
    assert late is not None
    assert (late.paid_in, late.outstanding, late.unexplained) == (10, 0, 0)


def test_refunds_that_never_come_are_listed(store: Store) -> None:
    """Longer due than the provider takes, by the last balance; the amount is exact, oldest first."""
    store.set_terms(NAME, {Arm.OLD: Terms(refund_within=PATIENCE)})
    look(store, 0, "10")
    for number in (1, 2, 3):
        bought(store, number, 10 * number, client="192.0.2.9", **cancelled(200 + number))
    look(store, 240, "9.40")
    assert store.overdue(NAME) == []
    look(store, 400, "9.40")
    assert [one.id for one in store.overdue(NAME)] == ["1", "2", "3"]
    bought(store, 4, 500, **cancelled(700))
    look(store, 750, "9.40")
    found = store.overdue(NAME)
    assert [one.id for one in found] == ["1", "2", "3"]
    assert (found[0].price, found[0].due_at, found[0].basis) == (Decimal("0.20"), NOW + 201, Basis.CLAIM)
    assert found[0].client == "192.0.2.9"
    assert store.books(NAME)[Arm.OLD].overdue == Decimal("0.60")
    look(store, 900, "10.00")
    assert store.overdue(NAME) == []


def test_promises_are_those_since_a_moment(store: Store) -> None:
    """What came and what is overdue, without the debts of an earlier attempt."""
    store.set_terms(NAME, {Arm.OLD: Terms(refund_within=PATIENCE)})
    assert store.promises(NAME, Arm.OLD, -inf) == Promises()
    look(store, 0, "10")
    for number in (1, 2, 3):
        bought(store, number, 10 * number, **cancelled(200 + 100 * number))
    look(store, 700, "9.60")
    assert store.promises(NAME, Arm.OLD, -inf) == Promises(1, 2, Decimal("0.40"))
    assert store.promises(NAME, Arm.OLD, NOW + 450) == Promises(1, 1, Decimal("0.20"))
    assert store.promises(NAME, Arm.NEW, -inf) == Promises()


def test_nobody_is_blamed_for_an_account_of_both_arms(store: Store) -> None:
    """A balance of an A/A run does not say whose refunds are missing."""
    store.set_terms(NAME, {arm: Terms(refund_within=PATIENCE) for arm in Arm})
    reading = Reading(Arm.OLD, "", NOW, NOW + 1, Decimal(10), shared=True)
    store.reconcile(NAME, reading, PATIENCE, SLOW)
    bought(store, 1, 10, **cancelled(300))
    store.reconcile(
        NAME, replace(reading, at=NOW + 700, until=NOW + 701, balance=Decimal("9.8")), PATIENCE, SLOW
    )
    assert [one.id for one in store.overdue(NAME)] == ["1"]
    assert store.promises(NAME, Arm.OLD, -inf) == Promises()


def test_hours_are_no_anomaly_where_hours_are_usual(store: Store) -> None:
    """The first day after the cutover: the same balance is overdue on one arm and explained on the other."""
    store.set_terms(NAME, {Arm.OLD: Terms(refund_within=SLOWEST)})
    look(store, 0, "10")
    bought(store, 1, 100, **cancelled(300))
    look(store, 7200, "9.80")
    books = store.books(NAME)[Arm.OLD]
    assert (books.drift, books.overdue, books.explained) == (Decimal("-0.20"), 0, True)
    store.set_terms(NAME, {Arm.OLD: Terms(refund_within=PATIENCE)})
    assert not store.books(NAME)[Arm.OLD].explained


@pytest.mark.parametrize(("account", "outstanding"), [("k1", "0.20"), ("k2", "0")])
def test_accounts_of_clients_own_keys_are_apart(store: Store, account: str, outstanding: str) -> None:
    """Where keys are passed on, a balance speaks of the leases of its own key."""
    look(store, 0, "10", account)
    bought(store, 1, 100, key="k1", **cancelled(300))
    found = look(store, 500, "9.80" if account == "k1" else "10", account)
    assert found is not None
    assert found.outstanding == Decimal(outstanding)


def test_a_lease_that_turns_out_a_success_owes_no_refund(store: Store) -> None:
    """Its code came after all: the books and the balance agree again."""
    look(store, 0, "10")
    bought(store, 1, 100, **cancelled(300))
    look(store, 500, "9.80")
    bought(store, 1, 100, state=LeaseState.SUCCEEDED, code_at=NOW + 310, ended_at=NOW + 310)
    account = look(store, 600, "9.80")
    assert account is not None
    assert (account.outstanding, account.unexplained) == (0, 0)


def test_one_account_of_both_arms_is_followed_once(store: Store) -> None:
    """An A/A run: the balance speaks of the leases of both arms."""

    def shared(at: float, balance: str) -> Account:
        found = store.reconcile(
            NAME, Reading(Arm.OLD, "", NOW + at, NOW + at + 1, Decimal(balance), shared=True), PATIENCE, SLOW
        )
        assert found is not None
        return found

    shared(0, "10")
    bought(store, 1, 100)
    bought(store, 2, 100, arm=Arm.NEW, **cancelled(300))
    missing = shared(400, "9.60")
    assert (missing.outstanding, missing.unexplained) == (Decimal("0.20"), 0)
    assert [(one.arm, one.id) for one in store.overdue(NAME)] == []
    come = shared(500, "9.80")
    assert (come.outstanding, come.unexplained) == (0, 0)
    assert refunded(store, 2) == NOW + 500


def test_money_that_the_harness_spent_otherwise_is_not_missing(store: Store) -> None:
    """Shadow leases are paid from the same account; what they may have taken is nobody's loss."""
    look(store, 0, "10")
    reading = Reading(Arm.OLD, "", NOW + 400, NOW + 401, Decimal(9))
    account = store.reconcile(NAME, reading, PATIENCE, SLOW, Decimal("1.5"))
    assert account is not None
    assert (account.outstanding, account.unexplained) == (0, 0)
