"""Opening a store."""

import sqlite3
from pathlib import Path

import pytest

from canary.store.engine import open_engine, shown
from canary.store.errors import StoreUnavailable, StoreUnusable
from canary.store.migrations import MIGRATIONS
from canary.store.store import Store
from tests.factories import trollout
from tests.store.conftest import POLICY


def test_a_new_state_gets_the_current_schema(file: Path) -> None:
    """A state that does not exist is made, folders included, and says which schema it has."""
    open_engine(file).dispose()
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(len(MIGRATIONS),)]


def test_every_commit_reaches_the_disk(file_store: Store) -> None:
    """Commits are written through to the disk, and readers do not wait for writers."""
    with file_store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_opening_again_keeps_everything(state: Path | str, store: Store) -> None:
    """A second process sees what the first wrote."""
    again = Store(state)
    assert again.rollout(trollout().name) == trollout()
    again.close()


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupted_state_is_refused_with_a_way_forward(file: Path, content: bytes) -> None:
    """A file that is no store stops the start with its name and what to do."""
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(StoreUnusable, match=r"canary\.db cannot be used: .*; restore it from a backup"):
        open_engine(file)


def test_a_state_of_a_newer_version_is_refused(file: Path, file_store: Store) -> None:
    """An older program does not write into a newer program's tables."""
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE schema_version SET version = version + 1")
    with pytest.raises(StoreUnusable, match="upgrade canary"):
        open_engine(file)


def test_a_folder_is_no_state(tmp_path: Path) -> None:
    """A path that cannot be opened is named."""
    with pytest.raises(StoreUnusable, match="unable to open"):
        open_engine(tmp_path)


def test_an_unknown_database_is_refused_without_its_password() -> None:
    """A URL of another database is refused, and its password is not repeated."""
    with pytest.raises(StoreUnusable) as caught:
        open_engine("mysql://canary:hunter2@db/canary")
    assert "unknown scheme" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_never_shown() -> None:
    """The name of a state is its address without credentials."""
    assert shown("postgresql://u:p%40ss@w@db.example/canary") == "postgresql://...@db.example/canary"
    assert shown("some/file@home.db") == "some/file@home.db"


def test_a_writer_that_holds_the_lock_too_long_is_said(
    file: Path, file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked state is trouble of the moment, not a broken state."""
    monkeypatch.setattr("canary.store.engine.BUSY", 0.01)
    impatient = Store(file)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            impatient.create(trollout(name="other"), POLICY)
        other.execute("ROLLBACK")
    impatient.close()


def test_an_older_state_gets_the_indices_of_sums(file: Path, file_store: Store) -> None:
    """What a long past is counted by is made when an older state is opened, and what it replaces is dropped."""
    wanted = {"leases_in_sum", "tallies_by_time"}
    step = 1 + next(n for n, migration in enumerate(MIGRATIONS) if migration.__name__ == "_sums")
    with sqlite3.connect(file) as connection:
        for name in wanted:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("CREATE INDEX leases_by_result ON leases (rollout, arm, result, refunded_at)")
        connection.execute("UPDATE schema_version SET version = ?", (step - 1,))
    Store(file).close()
    with sqlite3.connect(file) as connection:
        names = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        }
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(len(MIGRATIONS),)]
    assert wanted <= names
    assert "leases_by_result" not in names
