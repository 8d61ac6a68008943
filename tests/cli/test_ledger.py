"""``canary ledger``."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from canary.cli import ledger as module
from canary.core.model import Arm
from canary.store.store import Store
from canary.web.ledger import ledger_of
from tests.cli.night import canary, canary_beside
from tests.factories import FakeClock, tlease, tpurchase
from tests.web.serving import NAME, begun, serving
from tests.web.test_ledger import fill

HEADING = (
    "arm leases successes sticker spent refunded outstanding overdue per success refund lag currency factor"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store in the working directory, with a rollout that has done nothing."""
    monkeypatch.chdir(tmp_path)
    opened = Store(tmp_path / ".canary" / "t.db")
    begun(opened, FakeClock())
    yield opened
    opened.close()


def test_json_is_the_whole_ledger(store: Store) -> None:
    """A script gets the same object as from the admin API."""
    fill(store)
    assert json.loads(canary("ledger", "--json").out) == ledger_of(store, NAME)


async def test_a_running_harness_shows_the_same(store: Store) -> None:
    """With --admin the ledger is the harness's."""
    fill(store)
    async with serving(store, FakeClock()) as client:
        said = await canary_beside(["ledger", "--json", "--admin", client.url])
    assert json.loads(said.out) == ledger_of(store, NAME)


def test_an_empty_ledger_says_what_is_missing(store: Store) -> None:
    """Both arms with zeros, and how a balance is seen."""
    said = canary("ledger")
    assert said.code == 0
    assert "old: no balance was seen yet; reconcile: {poll: 60s} asks for it" in said.out
    assert "refunds that never came" not in said.out
    assert "lost purchases" not in said.out


def test_a_pipe_gets_every_number(store: Store) -> None:
    """Arms, offers, overdue refunds and lost purchases as plain columns."""
    fill(store)
    lines = canary("ledger").out.splitlines()
    heading, old, new = lines[:3]
    assert " ".join(heading.split()) == HEADING
    assert " ".join(old.split()) == "old 3 (1 without a price) 1 10 20 0 8 8 12 - RUB 0.01"
    assert new.split()[:2] == ["new", "1"]
    assert "old: 8 less than the leases say: 8 of refunds overdue" in lines
    assert ["tg", "6", "old", "2", "1", "10", "20", "8", "12"] in [line.split() for line in lines]
    assert "refunds that never came, oldest first" in lines
    assert any(line.split()[-7:] == ["old", "2", "tg", "6", "8", "claim", "-"] for line in lines)
    assert lines[-1] == "lost purchases: 3, of which 2 cancelled, 1 not made, 0 not recovered"
    assert "\x1b" not in "".join(lines)


def test_a_long_list_is_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so: --json has all of it."""
    monkeypatch.setattr(module, "SHOWN", 2)
    leases = [tlease(id=str(n), service=f"s{n}", arm=Arm.NEW, price=Decimal(1)) for n in range(5)]
    store.bind(NAME, [(tpurchase(), leases)])
    assert "... and 3 offers more, see --json" in canary("ledger").out


def test_no_state_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit code 2."""
    monkeypatch.chdir(tmp_path)
    said = canary("ledger")
    assert said.code == 2
    assert "there is no state" in said.err
