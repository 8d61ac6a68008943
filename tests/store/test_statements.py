"""What the arms' own histories say of refunds, as rows: which to ask about, whose turn it is, and what it changes."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from canary.core.accounts import Word
from canary.core.model import Arm, Kind, Lease, LeaseState
from canary.store.statements import REMEMBERED, Statements, Wanted
from canary.store.store import Store
from tests.factories import NOW, tlease, tpurchase, trollout

NAME = trollout().name


@pytest.fixture
def statements(store: Store) -> Statements:
    """Of the store's rollout."""
    return store.statements(NAME)


def owed(own: str, due: float = 0.0, **changes: object) -> Lease:
    """A number that was given back."""
    at = NOW + due
    given = {"state": LeaseState.REFUNDED, "claimed_at": at, "ended_at": at, "opened_at": at - 60}
    return tlease(**{"id": own, "price": Decimal("0.20"), **given, **changes})


def bound(store: Store, *leases: Lease) -> None:
    store.bind(NAME, [(tpurchase(), leases)])


def test_what_is_missing_and_what_may_have_been_taken_for_it_is_wanted(
    store: Store, statements: Statements
) -> None:
    """The latest first: a balance may have confirmed the wrong one. Neither what is too young, nor another arm's."""
    confirmed = owed("1", refunded_at=NOW + 5)
    others = (
        owed("4", 900),
        owed("5", arm=Arm.NEW),
        tlease(id="6"),
        owed("7", kind=Kind.RENT),
        owed("8", price=None),
    )
    bound(store, confirmed, owed("2", 10), owed("3", -REMEMBERED - 600), *others)
    assert statements.wanted(Arm.OLD, NOW + 100) == [Wanted("2", NOW - 50), Wanted("1", NOW - 60)]


def test_nothing_is_wanted_while_every_refund_came(store: Store, statements: Statements) -> None:
    """Nobody is asked about what a balance has shown."""
    bound(store, owed("1", refunded_at=NOW + 5))
    assert statements.wanted(Arm.OLD, NOW + 100) == []


def test_what_was_given_back_is_not_asked_about_again(store: Store, statements: Statements) -> None:
    """What is still charged is: it may come yet."""
    bound(store, owed("1"), owed("2"), owed("3"))
    statements.note(Arm.OLD, {"1": Word.REFUNDED, "2": Word.CHARGED}, NOW + 50)
    assert {one.id for one in statements.wanted(Arm.OLD, NOW + 100)} == {"2", "3"}
    statements.note(Arm.OLD, {"2": Word.REFUNDED}, NOW + 60)
    assert {one.id for one in statements.wanted(Arm.OLD, NOW + 100)} == {"3"}


@pytest.mark.parametrize("word", [Word.CHARGED, Word.ACTIVE])
def test_what_is_still_charged_has_not_come(store: Store, statements: Statements, word: Word) -> None:
    """A balance had shown that somebody's refund came, and this one's was taken for it."""
    bound(store, owed("1", refunded_at=NOW + 5), owed("2", refunded_at=NOW + 5))
    statements.note(Arm.OLD, {"1": word, "2": Word.REFUNDED}, NOW + 50)
    found = store.known(NAME, Arm.OLD, ["1", "2"])
    assert (found["1"].refunded_at, found["2"].refunded_at) == (None, NOW + 5)


def test_one_process_asks_at_a_time(statements: Statements) -> None:
    """Of many that want to exactly one, and nobody again until the time has passed; each arm has its own."""
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: statements.turn(Arm.OLD, NOW, 600), range(8))) == 1
    assert not statements.turn(Arm.OLD, NOW + 599, 600)
    assert statements.turn(Arm.NEW, NOW, 600)
    assert statements.turn(Arm.OLD, NOW + 600, 600)
