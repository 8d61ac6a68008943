"""What books over a rollout's rows share."""

from pathlib import Path

import pytest
from sqlalchemy import delete, select

from canary.store.book import Book, touched
from canary.store.errors import StoreError
from canary.store.schema import told
from canary.store.shared import Shared
from canary.store.upsert import insert_new


class Notes(Book):
    """A book of one table."""

    def put(self, decision: int) -> int:
        """A row; how many there were to write."""
        with self._write() as connection:
            return insert_new(connection, told, [{"rollout": self._rollout, "decision": decision}])

    def all(self) -> list[tuple[str, int]]:
        """Every row of any book."""
        with self._read() as connection:
            return [(row.rollout, row.decision) for row in connection.execute(select(told))]

    def drop(self) -> int:
        """Its own row; how many went."""
        return self._change(delete(told).where(told.c.rollout == self._rollout))

    def drop_and_fail(self) -> None:
        """A transaction that does not come to its end."""
        with self._write() as connection:
            assert touched(connection, delete(told)) == 2
            raise StoreError("the machine was turned off")


@pytest.fixture
def shared(state: Path | str) -> Shared:
    """An open database."""
    return Shared(state)


def notes(shared: Shared, rollout: str) -> Notes:
    """The book of a rollout."""
    return Notes(rollout, shared._write, shared._read)


def test_a_book_counts_the_rows_that_it_changed(shared: Shared) -> None:
    """Those of its own rollout, and none where there is none."""
    one, other = notes(shared, "one"), notes(shared, "other")
    assert (one.put(7), other.put(8)) == (1, 1)
    assert (one.drop(), one.drop()) == (1, 0)
    assert one.all() == [("other", 8)]
    shared.close()


def test_what_fails_changes_nothing(shared: Shared) -> None:
    """The transaction is the store's."""
    one, other = notes(shared, "one"), notes(shared, "other")
    one.put(7)
    other.put(8)
    with pytest.raises(StoreError):
        one.drop_and_fail()
    assert sorted(one.all()) == [("one", 7), ("other", 8)]
    shared.close()
