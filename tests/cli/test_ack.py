"""``canary ack``."""

import json
from pathlib import Path

import pytest

from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.cli.night import Said, canary, canary_beside
from tests.cli.test_differences import fill
from tests.factories import FakeClock, trollout
from tests.web.serving import TOKEN, serving


@pytest.fixture
def state(tmp_path: Path) -> str:
    """A state with one difference and two unmapped actions."""
    path = tmp_path / "canary.db"
    store = Store(path)
    store.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    store.close()
    fill(path)
    return str(path)


def ack(state: str, *words: str) -> Said:
    """Acknowledge there."""
    return canary("ack", *words, "--state", state)


def test_what_was_acknowledged_is_said_and_counts_no_more(state: str) -> None:
    """The difference stays in the list, with who knows it and why."""
    done = ack(state, "getNumber", "--reason", "we strip it")
    assert (done.code, done.out) == (0, "acknowledged: getNumber: phone at phone\n")
    shown = canary("differences", "--state", state).out
    assert "  known   acknowledged by " in shown
    assert shown.count(": we strip it\n") == 1
    listed = json.loads(canary("differences", "--state", state, "--json").out)
    assert [one["acknowledged"] for one in listed["differences"]] == [True]
    assert [one["acknowledged"] for one in listed["unmapped"]] == [False, False]


def test_an_unmapped_action_is_acknowledged_by_its_name(state: str) -> None:
    """In whatever case it is typed."""
    done = ack(state, "getrentlist", "--reason", "nobody rents")
    assert done.out == "acknowledged: getRentList: new cannot serve it\n"


def test_the_list_tells_both_sides(state: str) -> None:
    """What was acknowledged with its reason, and what is open."""
    ack(state, "getRentList", "--reason", "nobody rents")
    out = ack(state, "--list").out
    assert out.startswith("getRentList: new cannot serve it\n  ")
    assert ": nobody rents\nopen:\n  getNumber: phone at phone\n  getOperators: new cannot serve it\n" in out
    listed = json.loads(ack(state, "--list", "--json").out)
    assert [one["action"] for one in listed["acknowledged"]] == ["getRentList"]
    assert listed["open"] == [
        {"action": "getNumber", "kind": "phone", "path": "phone"},
        {"action": "getOperators", "kind": "unmapped", "path": ""},
    ]


def test_nothing_acknowledged_is_said(state: str) -> None:
    """Before the first there is a line that says so."""
    assert ack(state, "--list").out.startswith("nothing has been acknowledged\nopen:\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name an ACTION of canary differences to acknowledge, or ask for --list"),
        (("getNumber", "--list"), "name an ACTION of canary differences to acknowledge, or ask for --list"),
        (("getNumber",), "--reason is missing; say for the record why your clients can live with it"),
        (("getNumber", "--reason", " "), "--reason is missing"),
        (
            ("getPrices", "--reason", "x"),
            "there is nothing to acknowledge of getPrices; open are: getNumber: phone",
        ),
        (
            ("getNumber", "--kind", "id", "--reason", "x"),
            "there is nothing to acknowledge of getNumber: id; open",
        ),
    ],
)
def test_what_cannot_be_done_is_a_sentence(state: str, words: tuple[str, ...], sentence: str) -> None:
    """Exit code 2, and what to do instead."""
    failed = ack(state, *words)
    assert failed.code == 2
    assert sentence in failed.err


async def test_a_running_harness_is_asked_at_its_address(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --admin the same is acknowledged and listed through the admin API, with its token."""
    monkeypatch.setenv("CANARY_ADMIN_TOKEN", TOKEN)
    store = Store(state)
    async with serving(store, FakeClock(), name=trollout().name) as client:
        where = ["--admin", client.url]
        done = await canary_beside(["ack", "getnumber", "--kind", "phone", "--reason", "we strip it", *where])
        assert (done.code, done.out) == (0, "acknowledged: getNumber: phone at phone\n")
        again = await canary_beside(["ack", "getNumber", "--reason", "x", *where])
        assert again.code == 2
        assert (
            "there is nothing to acknowledge of getNumber; open are: getOperators: new cannot serve it"
            in again.err
        )
        listed = json.loads((await canary_beside(["ack", "--list", "--json", *where])).out)
        assert [one["reason"] for one in listed["acknowledged"]] == ["we strip it"]
    last = store.decisions(trollout().name)[-1]
    store.close()
    assert (last.event, last.reason) == ("ack", "we strip it")
    assert last.actor.endswith("(cli) from 127.0.0.1")
