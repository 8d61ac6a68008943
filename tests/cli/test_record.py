"""``canary record``."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from canary.cli.harness import Address
from canary.cli.record import Recording
from canary.core.model import Arm
from canary.gateway.config import load, resolve
from canary.proxy.flowfile import recorded
from tests.cli.night import canary
from tests.factories import CLIENT_KEY, OLD_KEY, PATH
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, hangs

NOWHERE = "http://127.0.0.1:9/stubs/handler_api.php"
BALANCE, NUMBER = "ACCESS_BALANCE:1.50", "ACCESS_NUMBER:7:79990001122"


@pytest.fixture
async def old() -> AsyncIterator[ScriptedUpstream]:
    """The arm that serves."""
    async with ScriptedUpstream() as upstream:
        upstream.answers(getBalance=BALANCE, getNumber=NUMBER)
        yield upstream


@pytest.fixture
async def client(old: ScriptedUpstream, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a recording that knows old's key alone."""
    file = written(tmp_path, policy(old.url, NOWHERE, old={"timeout": "1s"}))
    loaded = load(file)
    secrets = resolve(loaded, {"OLD_SMS_KEY": OLD_KEY}, (Arm.OLD,))
    recording = Recording(loaded, secrets, Address("127.0.0.1", 0), tmp_path / "traffic.flows")
    await recording.start()
    proxy = recording.ready_line.split()[1].removeprefix("proxy=")
    async with aiohttp.ClientSession(proxy) as session:
        yield session
    await recording.stop()


async def said(client: aiohttp.ClientSession, path: str = PATH, **params: str) -> tuple[str, str]:
    """The answer to a client's call, and the arm that gave it."""
    async with client.get(path, params={"api_key": CLIENT_KEY, **params}) as answer:
        return await answer.text(), answer.headers.get("x-canary-arm", "")


async def test_old_serves_and_its_answers_are_kept(
    client: aiohttp.ClientSession, old: ScriptedUpstream, tmp_path: Path
) -> None:
    """With old's own key; a purchase is made once, and leaves nothing but its action behind."""
    assert await said(client, action="getBalance") == (BALANCE, "old")
    assert await said(client, action="getNumber", service="tg") == (NUMBER, "old")
    assert [(one.action, one.params["api_key"]) for one in old.heard] == [
        ("getBalance", OLD_KEY),
        ("getNumber", OLD_KEY),
    ]
    kept = [
        (one.request.query, one.response and one.response.body)
        for one in recorded(tmp_path / "traffic.flows")
    ]
    assert kept == [("action=getBalance", BALANCE.encode()), ("action=getNumber", b"")]
    content = (tmp_path / "traffic.flows").read_bytes()
    assert not any(secret.encode() in content for secret in (OLD_KEY, CLIENT_KEY, "79990001122"))


async def test_old_that_gives_no_answer_is_a_word_that_clients_know(
    client: aiohttp.ClientSession, old: ScriptedUpstream
) -> None:
    """As with the whole harness."""
    old.otherwise = hangs
    assert await said(client, action="getPrices") == ("ERROR_SQL", "old")


async def test_other_paths_of_the_host_pass(client: aiohttp.ClientSession, old: ScriptedUpstream) -> None:
    """They are old's business, and are not recorded."""
    await said(client, "/favicon.ico")
    assert old.heard[0].target.startswith("/favicon.ico")


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody is served."""
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    file = written(tmp_path, policy(NOWHERE, NOWHERE))
    told = canary("record", str(file), str(tmp_path / "none" / "traffic.flows"))
    assert told.code == 2
    assert "cannot be written: No such file or directory; choose another file" in told.err
