"""``canary hazards``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.cli import hazards as module
from canary.store.store import Store
from canary.web.hazards import hazards_of
from tests.cli.night import canary, canary_beside
from tests.factories import FakeClock
from tests.web.serving import NAME, begun, serving
from tests.web.test_hazards import fill


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store in the working directory, with a rollout that has done nothing."""
    monkeypatch.chdir(tmp_path)
    opened = Store(tmp_path / ".canary" / "t.db")
    begun(opened, FakeClock())
    yield opened
    opened.close()


def test_json_is_all_the_evidence(store: Store) -> None:
    """A script gets the same object as from the admin API."""
    fill(store)
    assert json.loads(canary("hazards", "--json").out) == hazards_of(store, NAME)


async def test_a_running_harness_shows_the_same(store: Store) -> None:
    """With --admin the hazards are the harness's."""
    fill(store)
    async with serving(store, FakeClock()) as client:
        said = await canary_beside(["hazards", "--json", "--admin", client.url])
    assert json.loads(said.out) == hazards_of(store, NAME)


def test_nothing_seen_is_said(store: Store) -> None:
    """An empty page would leave one wondering."""
    assert canary("hazards").out.startswith("no hazards")


def test_people_see_what_it_means_and_who_did_it(store: Store) -> None:
    """Each hazard with its meaning, its clients, when, how often, what money it holds, and an example."""
    fill(store)
    lines = canary("hazards").out.splitlines()
    assert lines[0] == "polling_too_fast: 7 times"
    assert lines[1] == "  a lease is polled more often than its provider allows"
    assert lines[2] == (
        "  192.0.2.8 with key k1: 4 times, 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:28 UTC"
    )
    assert lines[3] == "    e.g. three"
    assert any(line.endswith(", 0.55 held up") for line in lines)


def test_many_clients_are_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it says so."""
    monkeypatch.setattr(module, "SHOWN", 1)
    fill(store)
    assert "  ... and 1 clients more, see --json" in canary("hazards").out
