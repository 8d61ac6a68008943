"""``canary replay``, with what ``canary run --record`` wrote."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canary.core.model import Request, Response
from canary.proxy.flowfile import Recorder
from tests.cli.night import Said, canary_beside
from tests.factories import treq
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream

BALANCE = "ACCESS_BALANCE:1.50"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def new() -> AsyncIterator[ScriptedUpstream]:
    """The arm that is asked."""
    async with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
async def flows(tmp_path: Path) -> Path:
    """Three balances and a purchase, answered by old."""

    async def old(_: Request) -> Response:
        return Response(200, (("content-type", "text/html"), ("x-canary-arm", "old")), BALANCE.encode())

    recorder = Recorder(tmp_path / "traffic.flows", old)
    for action in ("getBalance", "getNumber", "getBalance", "getBalance"):
        await recorder.handle(treq(action))
    recorder.close()
    return tmp_path / "traffic.flows"


async def replay(flows: Path, new: ScriptedUpstream, *words: str) -> Said:
    """Replay it to new."""
    file = written(flows.parent, policy(new.url, new.url))
    return await canary_beside(["replay", str(flows), "--policy", str(file), "--rate", "1000", *words])


async def test_answers_that_agree_are_exit_code_zero(flows: Path, new: ScriptedUpstream) -> None:
    """How much was sent, what was not, and the report of differences."""
    new.answers(getBalance=BALANCE)
    said = await replay(flows, new)
    assert said.code == 0
    assert said.out.splitlines() == [
        "3 calls sent to new, 0 of them got no answer",
        "not sent: 1 purchases",
        "",
        "no differences: new's replies have shown nothing so far that old's do not show",
    ]
    assert [one.action for one in new.heard] == ["getBalance"] * 3


async def test_answers_that_differ_are_exit_code_one(flows: Path, new: ScriptedUpstream) -> None:
    """The same report as canary differences, for people and for scripts."""
    new.answers(getBalance=f"{BALANCE}\n")
    said = await replay(flows, new)
    assert said.code == 1
    assert "getBalance: whitespace" in said.out
    found = json.loads((await replay(flows, new, "--json")).out)
    assert [one["kind"] for one in found["differences"]] == ["whitespace"]
    assert (found["sent"], found["failed"], found["skipped"]) == (3, 0, {"purchases": 1})


async def test_a_file_that_is_no_recording_is_said(tmp_path: Path, new: ScriptedUpstream) -> None:
    """Exit code 2, and how to get one."""
    file = tmp_path / "notes.txt"
    file.write_text("nothing")
    said = await replay(file, new)
    assert said.code == 2
    assert (
        "neither a file of mitmproxy flows nor a HAR; record one with canary record POLICY FILE" in said.err
    )
