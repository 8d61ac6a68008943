"""``canary report``."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from canary.core.stage import Event
from canary.store.store import Store
from tests.cli.night import canary
from tests.control.world import WORSE, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A rollout that went on, was paused by hand, and rolled back; its state is in the working directory."""
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / ".canary" / "t.db")
    world = World(store)
    world.warm_up()
    world.act(Event.PAUSE, "lunch")
    world.buy(100, WORSE)
    world.mature()
    world.tick()
    yield world
    store.close()


def test_every_decision_is_shown_with_its_finding(world: World) -> None:
    """When, what, by whom, why, and whether the store still says so."""
    said = canary("report")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("t, policy ")
    assert any("advance by controller: running to running, canary" in line for line in lines)
    assert any("pause by operator: running to paused, canary" in line for line in lines)
    assert any("harm by controller: paused to rolled_back, canary" in line for line in lines)
    assert lines.count("  agrees with the store") == 2
    assert "  lunch" in lines
    assert lines[-1] == "2 of 2 decisions of the controller agree when made again from the store"


def test_json_is_for_scripts(world: World) -> None:
    """Name, policy, the decisions with their evidence, and totals."""
    said = json.loads(canary("report", "--json", "--name", "t").out)
    assert set(said) == {"name", "policy_hash", "decisions", "totals"}
    assert [row["agrees"] for row in said["decisions"]] == [True, None, True]
    assert said["decisions"][-1]["evidence"]["basis"]["cursors"]["acquire"] == 180
    assert said["totals"] == {"decisions": 3, "recomputed": 2, "agree": 2, "disagree": 0}


def test_a_disagreement_is_an_exit_code(world: World, tmp_path: Path) -> None:
    """Exit code 1, and where record and store differ."""
    with closing(sqlite3.connect(tmp_path / ".canary" / "t.db")) as database, database:
        database.execute("UPDATE leases SET code_at = opened_at + 5, state = 'succeeded' WHERE arm = 'new'")
    said = canary("report")
    assert said.code == 1
    assert "  does NOT agree with the store:" in said.out.splitlines()
    assert "metrics.lease_success.new.value: recorded 0.0" in said.out
    assert said.out.splitlines()[-1].startswith("1 of 2 decisions")
    assert canary("report", "--json").code == 1


def test_mistakes_are_sentences(world: World, tmp_path: Path) -> None:
    """A wrong name and a missing state exit 2 and name what there is."""
    unknown = canary("report", "--name", "x")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no rollout named 'x'; it holds t" in unknown.err
    assert "there is no state file" in canary("report", "--state", str(tmp_path / "none.db")).err


def test_nothing_decided_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollout that has just begun has an empty report."""
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / ".canary" / "t.db")
    World(store)
    store.close()
    said = canary("report")
    assert (said.code, said.out.splitlines()[-1]) == (0, "nothing has been decided yet")


def test_all_of_it_goes_into_files(world: World, tmp_path: Path) -> None:
    """One HTML file with everything in it, and the same as Markdown; the exit code stays that of the decisions."""
    said = canary("report", "--html", "report.html", "--md", "report.md")
    assert said.code == 0
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    for told in (page, text):
        assert "Report: t" in told
        assert "lunch" in told
        assert "2 of 2 decisions of the controller agree" in told
    assert page.count("<!doctype html>") == 1


def test_a_file_that_cannot_be_written_is_named(world: World) -> None:
    """One sentence, exit code 2."""
    said = canary("report", "--md", "nowhere/report.md")
    assert said.code == 2
    assert "cannot be written to nowhere/report.md: No such file or directory" in said.err
