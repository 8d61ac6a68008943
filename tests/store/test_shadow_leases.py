"""Shadow leases as rows: money reserved by one process at a time, and every row somebody's to look after."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from canary.core.budget import DAY, LATE, Caps, Refusal, Spent, day_of
from canary.store.shadow_leases import ShadowBook, ShadowLease, State, Switch
from canary.store.store import Store
from tests.factories import NOW, trollout

NAME = trollout().name
PRICE = Decimal("0.10")
CAPS = Caps(Decimal("1.00"), Decimal("0.50"), Decimal("0.50"), PRICE)


@pytest.fixture
def book(store: Store) -> ShadowBook:
    """Of the store's rollout."""
    return store.shadow_book(NAME)


def tshadow(id: str = "s-1", **changes: object) -> ShadowLease:  # noqa: A002  the field's own name
    """A reservation."""
    fields = {"mode": "live", "at": NOW, "next_at": NOW + 60, "expires_at": NOW + 1200, "amount": PRICE}
    return ShadowLease(**{"id": id, "of_id": f"old-{id}", **fields, **changes})  # type: ignore[arg-type]


def bought(book: ShadowBook, lease: ShadowLease, **changes: object) -> ShadowLease:
    """It was reserved, and then bought."""
    assert book.reserve(lease, CAPS) is None
    found = replace(lease, own_id=f"new-{lease.id}", **changes)  # type: ignore[arg-type]
    book.bought(found)
    return replace(found, state=State.OPEN)


def test_a_lease_comes_back_as_it_was_written(book: ShadowBook) -> None:
    """From reserved to open, with new's id and what it really cost."""
    lease = bought(book, tshadow(service="tg", country="6"), amount=Decimal("0.07"), next_at=NOW + 125)
    assert book.open_ones() == [lease]
    assert book.spent(NOW) == Spent(Decimal("0.07"), Decimal("0.07"), Decimal("0.07"))


def test_money_is_reserved_before_it_is_spent(book: ShadowBook) -> None:
    """The fifth reservation of ten cents fits into fifty, the sixth does not, although nothing was bought yet."""
    assert [book.reserve(tshadow(f"s-{n}"), CAPS) for n in range(6)] == [None] * 5 + [Refusal.DAY]
    assert book.spent(NOW).day == Decimal("0.50")
    assert book.counts()[State.RESERVED] == 5


def test_what_was_not_bought_gives_its_money_back(book: ShadowBook) -> None:
    """No number was to be had: as though nothing had been."""
    assert book.reserve(tshadow(), CAPS) is None
    book.release(tshadow())
    assert book.spent(NOW) == Spent()


def test_what_was_bought_is_not_released(book: ShadowBook) -> None:
    """A late word that nothing was bought does not forget a number that was."""
    lease = bought(book, tshadow())
    book.release(lease)
    assert book.open_ones() == [lease]


def test_an_accepted_cancel_frees_exposure_and_no_cap(book: ShadowBook) -> None:
    """Whether the refund ever comes is not known: the caps count what was charged."""
    lease = bought(book, tshadow())
    book.end(lease, "ACCESS_CANCEL")
    assert book.spent(NOW) == Spent(PRICE, PRICE, Decimal(0))
    assert book.counts()[State.ENDED] == 1


def test_a_new_day_has_its_own_money(book: ShadowBook) -> None:
    """The cap of the run goes on."""
    for n in range(5):
        bought(book, tshadow(f"s-{n}"))
    tomorrow = replace(CAPS, outstanding=Decimal(9))
    assert book.reserve(tshadow("s-9", at=NOW + DAY), tomorrow) is None
    assert book.spent(NOW + DAY) == Spent(Decimal("0.60"), PRICE, Decimal("0.60"))


def test_midnight_gives_no_money_twice(book: ShadowBook) -> None:
    """What is bought shortly before it may be charged to either day, and counts for both."""
    midnight = (day_of(NOW) + 1) * DAY
    for n in range(3):
        bought(book, tshadow(f"s-{n}", at=midnight - LATE / 2))
    caps = replace(CAPS, outstanding=Decimal(9))
    found = [book.reserve(tshadow(f"t-{n}", at=midnight + 1), caps) for n in range(3)]
    assert found == [None, None, Refusal.DAY]
    assert book.spent(midnight - 1).day == book.spent(midnight + DAY - 1).day == Decimal("0.50")
    assert book.spent(midnight + DAY).day == 0


def test_a_clock_that_is_set_back_over_midnight_gives_no_money_twice(book: ShadowBook) -> None:
    """What was bought while it was ahead was bought today."""
    for n in range(5):
        bought(book, tshadow(f"s-{n}", at=NOW + DAY))
    assert book.reserve(tshadow("s-9"), replace(CAPS, outstanding=Decimal(9))) is Refusal.DAY


def test_a_sandbox_has_no_caps_and_costs_nothing(book: ShadowBook) -> None:
    """Its rows are there all the same, to be given back."""
    for n in range(50):
        assert book.reserve(tshadow(f"s-{n}", mode="sandbox", amount=Decimal(0)), None) is None
    assert book.spent(NOW) == Spent()


def test_reservations_of_many_processes_keep_the_cap(book: ShadowBook, state: Path) -> None:
    """Eight at a time through three stores: exactly as many as the money allows."""
    stores = [Store(state) for _ in range(3)]
    books = [store.shadow_book(NAME) for store in stores]
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda n: books[n % 3].reserve(tshadow(f"s-{n}"), CAPS), range(40))]
    assert found.count(None) == 5
    assert book.spent(NOW).run == Decimal("0.50")
    for store in stores:
        store.close()


# --- the switch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caps", [CAPS, None])
def test_a_stop_is_in_force_at_once(book: ShadowBook, caps: Caps | None) -> None:
    """For every process that shares the store, in either mode, until somebody lets them go on; both on the record."""
    book.turn(Switch(True, "too dear", "me", NOW))
    assert book.reserve(tshadow(), caps) is Refusal.STOPPED
    assert book.switch() == Switch(True, "too dear", "me", NOW)
    book.turn(Switch(False, "", "me", NOW + 1))
    assert book.reserve(tshadow(), caps) is None


def test_the_switch_is_on_the_record(book: ShadowBook, store: Store) -> None:
    """Who, when and why, as a decision."""
    book.turn(Switch(True, "too dear", "me", NOW))
    book.turn(Switch(False, "", "me", NOW + 1))
    stop, start = store.decisions(NAME)
    assert (stop.event, stop.actor, stop.reason, stop.at) == ("shadow_stop", "me", "too dear", NOW)
    assert (start.event, start.policy_hash, start.attempt) == ("shadow_start", "0123456789ab", 1)


def test_nothing_is_stopped_at_first(book: ShadowBook) -> None:
    """A policy that asks for them has them."""
    assert book.switch() == Switch()


# --- looking after them -----------------------------------------------------------------------------------------------


def test_what_is_due_is_found(book: ShadowBook) -> None:
    """Reserved and open ones whose time has come; not what is over."""
    early = bought(book, tshadow("s-1"), next_at=NOW + 10)
    bought(book, tshadow("s-2"), next_at=NOW + 20)
    over = bought(book, tshadow("s-3"), next_at=NOW + 5)
    book.end(over, "ACCESS_CANCEL")
    book.reserve(reserved := tshadow("s-4", next_at=NOW + 15), CAPS)
    assert book.due(NOW + 10) == [early]
    assert book.due(NOW + 15) == [early, reserved]


def test_what_a_clock_put_off_that_was_ahead_is_due(book: ShadowBook) -> None:
    """Nothing is put off as far as that, so that the clock has been set back since."""
    bought(book, tshadow("s-1", next_at=NOW + 60))
    bought(book, tshadow("s-2", next_at=NOW + DAY))
    assert [lease.id for lease in book.due(NOW, NOW + 1200)] == ["s-2"]


def test_of_several_processes_one_does_it(book: ShadowBook) -> None:
    """The first to claim it; the others may try later, should that one die."""
    lease = bought(book, tshadow(), next_at=NOW)
    assert book.claim(lease, NOW + 30)
    assert not book.claim(lease, NOW + 30)
    assert book.due(NOW + 29) == []
    [again] = book.due(NOW + 30)
    assert book.claim(again, NOW + 60)


def test_what_changed_since_is_not_claimed(book: ShadowBook) -> None:
    """It was looked for as lost, and its answer came after all."""
    lost = tshadow(next_at=NOW)
    assert book.reserve(lost, CAPS) is None
    book.bought(replace(lost, own_id="new-1"))
    assert not book.claim(lost, NOW + 30)


def test_a_number_is_known_for_a_shadow_lease_for_ever(book: ShadowBook) -> None:
    """Also when it is over: lists may show it a while longer."""
    lease = bought(book, tshadow())
    book.end(lease, "ACCESS_CANCEL")
    assert book.owned(["new-s-1", "635468024"]) == {"new-s-1": NOW}
    assert book.owned([]) == {}


def test_rollouts_are_apart(store: Store, book: ShadowBook) -> None:
    """Each has its own money and its own leases."""
    bought(book, tshadow())
    other = store.shadow_book("another")
    assert (other.open_ones(), other.spent(NOW), other.due(NOW + 1e6)) == ([], Spent(), [])
