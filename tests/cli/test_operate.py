"""Operator commands on a store and at a running harness."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.cli.operate import actor
from canary.core.stage import Event
from canary.store.store import Store
from tests.cli.night import canary, canary_beside
from tests.factories import FakeClock
from tests.web.serving import NAME, TOKEN, begun, broken, serving


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own, without a configured token."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CANARY_ADMIN_TOKEN", raising=False)
    return tmp_path


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def store(folder: Path, clock: FakeClock) -> Iterator[Store]:
    """The store that ``canary run`` left behind, with nothing running."""
    opened = Store(folder / ".canary" / "t.db")
    begun(opened, clock)
    yield opened
    opened.close()


def test_a_rollout_is_steered_on_its_store_alone(store: Store) -> None:
    """Each command acts with nothing running, says where the rollout stands, and is on the record."""
    said = [
        canary("pause", "--reason", "odd refunds"),
        canary("resume"),
        canary("promote"),
        canary("rollback", "--reason", "harm seen"),
    ]
    assert [line.out for line in said] == [
        "t: paused in stage canary, 5% of new leases go to new, safe arm old\n",
        "t: running in stage canary, 5% of new leases go to new, safe arm old\n",
        "t: running in stage half, 50% of new leases go to new, safe arm old\n",
        "t: rolled back in stage half, 0% of new leases go to new, safe arm old\n",
    ]
    assert {line.code for line in said} == {0}
    rows = store.decisions(NAME)
    assert [(row.event, row.reason) for row in rows] == [
        ("pause", "odd refunds"),
        ("resume", ""),
        ("promote", ""),
        ("rollback", "harm seen"),
    ]
    assert {row.actor for row in rows} == {actor()}


def test_approval_is_given_on_the_store(store: Store) -> None:
    """A stage that waits is entered by approve."""
    for command in ("promote", "promote"):
        canary(command)
    assert canary("approve").code == 2
    rollout = store.rollout(NAME)
    assert rollout is not None
    assert rollout.stage == "cutover"


@pytest.mark.parametrize("event", [Event.RESUME, Event.APPROVE])
def test_an_illegal_event_is_a_sentence(store: Store, event: Event) -> None:
    """What the state does not allow ends with exit code 2 and says what is possible."""
    said = canary(event)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(
        f"canary: {event} is not possible while the rollout is running; possible now: "
    )
    assert store.decisions(NAME) == []


def test_rollback_may_be_repeated(store: Store) -> None:
    """A nervous operator does no harm."""
    assert canary("rollback") == canary("rollback")


def test_the_record_says_who(monkeypatch: pytest.MonkeyPatch) -> None:
    """The actor is user, machine and the way; a machine without users is no obstacle."""
    assert actor().endswith(" (cli)")
    assert "@" in actor()

    def nobody() -> str:
        raise OSError("no user database")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert actor().startswith("unknown@")


def test_a_state_is_named_or_found(store: Store, folder: Path, clock: FakeClock) -> None:
    """The only state below .canary is found; several, or none, are asked for; one may be named."""
    path = str(folder / ".canary" / "t.db")
    assert canary("pause", "--state", path).code == 0
    Store(folder / ".canary" / "u.db").close()
    assert "choose one with --state" in canary("resume").err
    assert "there is no state file" in canary("resume", "--state", "nowhere.db").err


def test_nothing_to_act_on_is_said(folder: Path) -> None:
    """Without a state the sentence names both ways to give one."""
    said = canary("rollback")
    assert said.code == 2
    assert "--state" in said.err
    assert "--admin" in said.err


def test_several_rollouts_are_told_apart_by_name(store: Store, clock: FakeClock) -> None:
    """One store may hold several rollouts; then --name chooses, and an unknown one is refused."""
    begun(store, clock, "u")
    assert "more than one rollout (t, u); choose one with --name" in canary("rollback").err
    assert canary("rollback", "--name", "u").out.startswith("u: rolled back")
    assert "holds no rollout named 'v'" in canary("rollback", "--name", "v").err
    rollout = store.rollout("t")
    assert rollout is not None
    assert rollout.state == "running"


def test_a_store_without_a_rollout_says_so(folder: Path) -> None:
    """An empty store is no defect."""
    Store(folder / ".canary" / "t.db").close()
    assert "holds no rollout; start one with canary run" in canary("rollback").err


def test_a_broken_store_is_a_sentence(store: Store, folder: Path) -> None:
    """A store that cannot be read is said with its name."""
    broken(folder / ".canary" / "t.db")
    said = canary("rollback")
    assert said.code == 2
    assert "t.db" in said.err


async def test_commands_act_at_a_running_harness(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --admin the event goes to the harness, with the operator's name and reason."""
    monkeypatch.setenv("CANARY_ADMIN_TOKEN", TOKEN)
    async with serving(store, clock) as client:
        said = await canary_beside(["rollback", "--admin", client.url, "--reason", "harm seen"])
        again = await canary_beside(["resume", "--admin", client.url])
    assert said.out == "t: rolled back in stage canary, 0% of new leases go to new, safe arm old\n"
    assert again.code == 2
    assert "resume is not possible while the rollout is rolled_back" in again.err
    (row,) = store.decisions(NAME)
    assert (row.actor, row.reason) == (f"{actor()} from 127.0.0.1", "harm seen")


async def test_the_token_of_a_local_harness_is_found(store: Store, clock: FakeClock, folder: Path) -> None:
    """The token that canary run kept in its folder is used by itself."""
    (folder / ".canary" / "admin-token").write_text(TOKEN + "\n")
    async with serving(store, clock) as client:
        assert (await canary_beside(["pause", "--admin", client.url])).code == 0


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_refused_token_is_said_and_not_shown(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A missing or wrong token changes nothing; the sentence names the variable, and never the token."""
    monkeypatch.setenv("CANARY_ADMIN_TOKEN", token)
    async with serving(store, clock) as client:
        said = await canary_beside(["rollback", "--admin", client.url])
    assert said.code == 2
    assert "set CANARY_ADMIN_TOKEN" in said.err
    assert "wrong" not in said.err
    assert store.decisions(NAME) == []


async def test_rollbacks_from_everywhere_at_once_all_succeed(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two operators at the harness and two on its store lose nothing to each other."""
    monkeypatch.setenv("CANARY_ADMIN_TOKEN", TOKEN)
    async with serving(store, clock) as client:
        ways = [["rollback", "--admin", client.url], ["rollback", "--state", ".canary/t.db"]]
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", "from canary.cli import main; main()", *way
            )
            for way in ways * 2
        ]
        codes = [await process.wait() for process in processes]
    assert codes == [0, 0, 0, 0]
    assert [row.event for row in store.decisions(NAME)] == ["rollback"] * 4


def test_rollback_loads_little() -> None:
    """The command of a bad night waits for no proxy, server or statistics to load."""
    program = "import sys, canary.cli.operate; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"mitmproxy", "aiohttp", "scipy", "numpy", "rich", "prometheus_client"}


def test_state_and_admin_exclude_each_other(store: Store) -> None:
    """A command acts in one place."""
    said = canary("rollback", "--admin", "127.0.0.1:9900", "--state", ".canary/t.db")
    assert said.code == 2
    assert "leave out --state" in said.err
