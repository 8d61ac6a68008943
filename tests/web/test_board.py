"""The dashboard's data."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from canary.core.hazards import MEANINGS, HazardName
from canary.core.model import Arm
from canary.store.errors import StoreError
from canary.store.store import Store
from canary.web.board import ACTIONS, RECENT, board_of, history_of
from canary.web.metrics import stored_facts
from canary.web.status import status_of
from tests.factories import NOW
from tests.story import HOUR, NAME, Story


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Three hours of a rollout that was under way by then."""
    told = Story(Store(tmp_path_factory.mktemp("board") / "canary.db"), rate=240, tick=600)
    told.goes_on(3 * HOUR)
    return told


def test_it_is_json_and_holds_the_status(story: Story) -> None:
    """The status as the API gives it, beside what is shown of it."""
    board = board_of(story.store, NAME, story.clock())
    assert json.dumps(board, allow_nan=False)
    assert board["status"] == status_of(story.store, NAME, story.clock())
    assert board["gates"].keys() == board["status"]["metrics"].keys()


def test_stages_and_margins_are_the_policy_s(story: Story) -> None:
    """Names, weights, holds and approvals in order, and what each gate needs to promote."""
    board = board_of(story.store, NAME, story.clock())
    assert [(s["name"], s["weight"], s["hold"], s["approval"]) for s in board["stages"]] == [
        ("shadow", 0.0, HOUR, False),
        ("canary", 0.25, 24 * HOUR, False),
        ("half", 0.5, 2 * HOUR, False),
        ("cutover", 1.0, 0.0, True),
    ]
    assert board["gates"]["lease_success"]["promote_margin"] == 0.05
    assert board["gates"]["early_success"]["promote_margin"] is None
    assert board["gates"]["latency_p95"] == {
        "title": "p95 latency",
        "unit": "seconds",
        "factor": True,
        "promote_margin": 1.25,
    }


def test_latency_is_that_of_the_last_hour_per_action(story: Story) -> None:
    """The most called action first, both arms' quantiles, and shares that add up to all calls."""
    latency = board_of(story.store, NAME, story.clock())["latency"]
    assert latency[0]["action"] == "getStatus"
    assert len(latency) <= ACTIONS
    for arm in ("old", "new"):
        found = latency[0][arm]
        assert found["p50"] < found["p95"] < found["p99"]
        assert sum(share for _, share in found["spread"]) == pytest.approx(1)
        edges = [edge for edge, _ in found["spread"]]
        assert edges == sorted(edges)
    later = board_of(story.store, NAME, story.clock() + RECENT + 600)
    assert later["latency"] == []


def test_the_history_has_a_column_for_each_gate(story: Story) -> None:
    """All columns are as long as the times, and end with what the verdict says now."""
    history = history_of(story.store, NAME)
    now = status_of(story.store, NAME, story.clock())["metrics"]
    for metric, columns in history["metrics"].items():
        assert {len(column) for column in columns.values()} == {len(history["at"])}
        assert columns["promote"][-1] == now[metric]["evidence"]["promote"]
        assert columns["new"][-1] == now[metric]["new"]["value"]


def test_leases_are_counted_by_how_they_ended(story: Story) -> None:
    """Every state is there, and together they are all leases."""
    board = board_of(story.store, NAME, story.clock())
    for arm in Arm:
        counted = board["leases"][arm]
        assert set(counted) == {"open", "succeeded", "refunded", "expired", "abandoned"}
        assert sum(counted.values()) == board["status"]["leases"][arm]["total"]


def test_a_policy_of_another_version_hides_only_the_stages(tmp_path: Path) -> None:
    """A store whose policy cannot be read any more still shows everything else."""
    store = Store(tmp_path / "canary.db")
    story = Story(store)
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE policies SET json = '{}'")
    board = board_of(store, NAME, story.clock())
    assert board["stages"] == []
    assert board["status"]["stage"] == "shadow"
    store.close()


def test_a_rollout_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """The board of nothing is an error that names the store."""
    store = Store(tmp_path / "canary.db")
    with pytest.raises(StoreError, match="holds no rollout named 'nobody'"):
        board_of(store, "nobody", NOW)
    assert history_of(store, "nobody") == {"at": [], "metrics": {}}
    store.close()


def test_hazards_say_what_they_do_to_you(tmp_path: Path) -> None:
    """The most frequent first, each with its meaning; one that this version does not know is shown all the same."""
    story = Story(Store(tmp_path / "canary.db"))
    story.counts(hazard_repeated_purchase=2, hazard_of_tomorrow=5)
    found = board_of(story.store, NAME, story.clock())["hazards"]
    assert [(one["name"], one["n"]) for one in found] == [("of_tomorrow", 5), ("repeated_purchase", 2)]
    assert (found[0]["meaning"], found[0]["clients"], found[0]["example"]) == ("", 0, "")
    assert found[1]["meaning"] == MEANINGS[HazardName.REPEATED_PURCHASE]
    story.store.close()


# --- a long past --------------------------------------------------------------------------------------------------


class Reads:
    """What is asked of a store: every statement, with how many rows it gave and how the database looks them up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[tuple[str, Any]] = []

    def __enter__(self) -> "Reads":
        event.listen(self._store._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_raised: object) -> None:
        event.remove(self._store._engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            self.asked.append((statement, parameters))

    def rows(self) -> int:
        """All rows that were given."""
        return sum(len(rows) for rows in self._again(""))

    def plans(self) -> set[str]:
        """How each table is looked at."""
        return {row[3] for rows in self._again("EXPLAIN QUERY PLAN ") for row in rows}

    def _again(self, prefix: str) -> list[Any]:
        with self._store._engine.connect() as connection:
            return [connection.exec_driver_sql(prefix + asked, how).all() for asked, how in self.asked]


def read_all(story: Story) -> Reads:
    """What an update of the page, the status and a scrape ask for together."""
    with Reads(story.store) as reads:
        board_of(story.store, NAME, story.clock())
        status_of(story.store, NAME, story.clock())
        stored_facts(story.store, NAME, story.clock())
    return reads


def test_an_update_reads_no_more_when_the_past_is_long(tmp_path: Path) -> None:
    """Leases are counted by the database in one index, and only the last hour's calls are read: rows stay as many."""
    told = Story(Store(tmp_path / "canary.db"), rate=120, tick=600)
    told.goes_on(2 * HOUR)
    first = read_all(told)
    told.goes_on(6 * HOUR)
    later = read_all(told)
    assert len(later.asked) == len(first.asked)
    assert later.rows() <= first.rows() + 10, "a few more decisions and outcomes, at most"
    grown = {"leases", "purchases", "tallies"}
    looked = {plan for plan in later.plans() if set(plan.split()) & grown}
    assert any("leases_in_sum" in plan for plan in looked)
    assert {
        plan for plan in looked if not re.search("COVERING INDEX leases_in_sum|tallies_by_time", plan)
    } == set()
