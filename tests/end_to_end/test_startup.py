"""What stops a start: one sentence on stderr for each thing to mend, exit code 2, no traceback and no secret."""

import re
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.end_to_end.rig import Ended, Harness, canary, policy
from tests.factories import NEW_KEY, OLD_KEY, trollout

pytestmark = pytest.mark.end_to_end

URL = "http://127.0.0.1:9/stubs/handler_api.php"  # nobody listens, and at a start nobody has to
ANYWHERE = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
LITERAL = "0123456789abcdef0123456789abcdef"

BAD = f"""\
name: bad
mode: revers
arms:
  old:
    url: ftp://old.example/stubs/handler_api.php
    api_key: {LITERAL}
    timeout: 5 parsecs
  new:
    url: {URL}?api_key={LITERAL}
    headers: {{authorization: Bearer {LITERAL}}}
stages:
  - {{name: canary, wieght: 5%}}
  - {{name: cutover, weight: 150%}}
"""
SAID = {
    2: "mode: expected 'reverse' or 'regular'",
    5: "arms.old.url: expected an http or https URL such as https://host/stubs/handler_api.php",
    6: "arms.old.api_key: a key may not stand in the policy; expected {env: NAME}, {file: PATH} or passthrough",
    7: "arms.old.timeout: expected a duration such as 90s, 30m, 24h or 2d",
    9: "arms.new.url: a key may not stand in the policy; expected {env: NAME}",
    10: "arms.new.headers: the header authorization looks like a secret; expected {env: NAME} or {file: PATH}",
    12: "stages[0].wieght: unknown key; did you mean weight?",
    13: "stages[1].weight: expected a share such as 5% or 0.05, between 0% and 100%",
}


def refused(ended: Ended) -> str:
    """What a command that ended with exit code 2 said."""
    assert ended.code == 2, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    return ended.err


def written(folder: Path, content: Any) -> str:
    """A policy file's name."""
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / "policy.yaml").write_text(text, encoding="utf-8")
    return "policy.yaml"


@pytest.mark.parametrize("command", [("check",), ("run", *ANYWHERE)], ids=["check", "run"])
async def test_a_bad_policy_is_told_line_by_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Every problem has its file, line, key and what was expected; a literal key is not repeated."""
    said = refused(await canary(tmp_path, *command, written(tmp_path, BAD)))
    for line, sentence in SAID.items():
        assert f"policy.yaml:{line}: {sentence}" in said
    assert LITERAL not in said
    assert not (tmp_path / ".canary").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "policy.yaml:1: expected a mapping of keys to values, found nothing"),
        ("arms: {old: [", "policy.yaml:1:"),
        ("mode: reverse", "policy.yaml:1: arms: the key is missing"),
        (None, "policy.yaml: the policy cannot be read: No such file or directory"),
    ],
    ids=["empty", "no YAML", "no arms", "no file"],
)
async def test_what_is_no_policy_is_told(tmp_path: Path, text: str | None, expected: str) -> None:
    """A file that is empty, cut off, too short or not there is named."""
    if text is not None:
        written(tmp_path, text)
    assert expected in refused(await canary(tmp_path, "check", "policy.yaml"))


@pytest.mark.parametrize("command", [("check",), ("run", *ANYWHERE)], ids=["check", "run"])
async def test_a_missing_key_is_told(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A variable that is not set, and a file that is not there, are named with where the policy asks for them."""
    file = written(tmp_path, policy(URL, URL))
    said = refused(await canary(tmp_path, *command, file, environ={"NEW_SMS_KEY": NEW_KEY}))
    assert re.search(
        r"policy\.yaml:\d+: arms\.old\.api_key: the environment variable OLD_SMS_KEY is not set", said
    )
    file = written(tmp_path, policy(URL, URL, new={"api_key": {"file": "none"}}))
    said = refused(await canary(tmp_path, *command, file, environ={"OLD_SMS_KEY": OLD_KEY}))
    assert re.search(r"policy\.yaml:\d+: arms\.new\.api_key: the key file none cannot be read", said)
    assert OLD_KEY not in said


async def test_a_sound_policy_is_told_in_words(tmp_path: Path) -> None:
    """``canary check`` says what a policy means, exits 0 and begins nothing."""
    ended = await canary(tmp_path, "check", written(tmp_path, policy(URL, URL)))
    assert (ended.code, ended.err) == (0, "")
    assert "policy.yaml is sound: rollout e2e" in ended.out
    assert "20% of new leases" in ended.out
    assert not (tmp_path / ".canary").exists()


@pytest.mark.parametrize("option", ["--listen", "--admin"])
async def test_an_occupied_port_is_told(tmp_path: Path, option: str) -> None:
    """The address, and the option that chooses another, are named."""
    file = written(tmp_path, policy(URL, URL))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused(await canary(tmp_path, "run", file, *ANYWHERE, option, address))
    assert address in said
    assert f"choose another with {option}" in said or f"choose another address with {option}" in said


async def test_an_open_admin_server_needs_a_configured_token(tmp_path: Path) -> None:
    """On an address that others can reach it does not start with a token that nobody chose."""
    file = written(tmp_path, policy(URL, URL))
    said = refused(await canary(tmp_path, "run", file, *ANYWHERE, "--admin", "0.0.0.0:0"))
    assert "0.0.0.0" in said
    assert "CANARY_ADMIN_TOKEN" in said


async def test_an_open_admin_server_asks_everyone_for_the_token(tmp_path: Path) -> None:
    """With a configured token it starts on any address, and even reading needs the token."""
    async with Harness(tmp_path, policy(URL, URL), ("--admin", "0.0.0.0:0")) as harness:
        assert (await harness.status())["state"] == "running"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{harness.admin}/api/v1/status") as answer:
                assert answer.status == 401
            async with session.get(f"{harness.admin}/healthz") as answer:
                assert answer.status == 200


async def test_a_token_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    """On loopback a token is made once, in a file that nobody else can read, and it is never printed."""
    async with Harness(tmp_path, policy(URL, URL), token="") as harness:
        pass
    file = tmp_path / ".canary" / "admin-token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(token := file.read_text().strip()) > 30
    assert token not in "".join(harness.output)


def garbage(state: Path) -> None:
    state.write_bytes(b"this was never a database\n" * 1000)


def truncated(state: Path) -> None:
    _whole(state)
    with state.open("r+b") as file:
        file.truncate(state.stat().st_size // 2)


def overwritten(state: Path) -> None:
    _whole(state)
    pages = state.stat().st_size // 4096
    with state.open("r+b") as file:
        for page in range(1, pages):  # all but the first, which describes the rest
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)


def folder(state: Path) -> None:
    state.mkdir()


def of_the_future(state: Path) -> None:
    _whole(state)
    with sqlite3.connect(state) as connection:
        connection.execute("UPDATE schema_version SET version = 1000")
    connection.close()


def _whole(state: Path) -> None:
    store = Store(state)
    store.create(trollout(name="e2e"), StoredPolicy("0123456789ab", "{}"))
    store.close()


@pytest.mark.parametrize("damage", [garbage, truncated, overwritten, folder, of_the_future])
async def test_a_state_that_cannot_be_used_is_told(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """It is named with what is wrong and what to do, and left as it was found."""
    file, state = written(tmp_path, policy(URL, URL)), tmp_path / "state.db"
    damage(state)
    before = state.is_file() and state.read_bytes()
    said = refused(await canary(tmp_path, "run", file, *ANYWHERE, "--state", "state.db"))
    assert "the state state.db" in said
    assert (state.is_file() and state.read_bytes()) == before


async def test_an_edited_policy_is_taken_over_only_when_told_to(tmp_path: Path) -> None:
    """A start under a policy that differs from the rollout's is refused, naming what differs; when it is accepted
    the change is on the record."""
    before = policy(URL, URL)
    after = policy(URL, URL, stages=[{"name": "canary", "weight": "30%", "hold": "24h"}])
    async with Harness(tmp_path, before):
        pass
    said = refused(await canary(tmp_path, "run", written(tmp_path, after), *ANYWHERE, "--state", "state.db"))
    assert "'e2e' was changed (stages)" in said
    assert "--accept-changes" in said
    async with Harness(tmp_path, after, ("--accept-changes",)) as harness:
        assert (await harness.status())["weight"] == 0.3
        [decision] = await harness.decisions()
    assert decision["reason"].startswith("policy changed: stages")
