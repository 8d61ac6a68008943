"""``canary probe``."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from canary.sim.provider import Provider
from tests.cli.night import Said, canary_beside
from tests.factories import NEW_KEY, OLD_KEY
from tests.rig import ENVIRON, policy, written
from tests.toolkit.probing import behaviour


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def new() -> AsyncIterator[Provider]:
    """A provider that is as documented."""
    async with Provider(behaviour("verifysms", drifts="phone_bare,status_suffix"), keys=[NEW_KEY]) as running:
        yield running


async def probe(folder: Path, there: Provider, /, *words: str, **changes: object) -> Said:
    """Probe it against SMS-Activate."""
    arms = {"old": {"provider": "sms-activate"}, "new": {"provider": "verifysms"}, **changes}
    file = written(folder, policy("http://127.0.0.1:9/stubs/handler_api.php", there.url, **arms))
    return await canary_beside(["probe", str(file), "--rate", "100", *words])


async def test_a_difference_is_exit_code_one_with_what_it_breaks(tmp_path: Path, new: Provider) -> None:
    """A table of all checks, each difference told, and a conclusion."""
    await new.change(drifts="phone_plus,status_suffix")
    said = await probe(tmp_path, new)
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0] == "new held against sms-activate as documented"
    assert any(line.split() == ["getNumber", "differs", "phone"] for line in lines)
    assert "getNumber: phone at phone" in lines
    assert lines[-1].endswith("checks found what would break clients of old")


async def test_scripts_read_the_same(tmp_path: Path, new: Provider) -> None:
    """One JSON object, and nothing else on stdout."""
    said = await probe(tmp_path, new, "--json")
    found = json.loads(said.out)
    rows = {row["what"]: row["result"] for row in found["checks"]}
    assert said.code == (0 if found["sound"] else 1)
    assert (rows["key"], rows["sandbox"], rows["cost header"]) == ("ok", "ok", "ok")
    assert found["sandbox"]
    assert said.err == ""


async def test_reads_only_buys_nothing(tmp_path: Path, new: Provider) -> None:
    """Not even where it would cost nothing."""
    said = await probe(tmp_path, new, "--reads-only", "--json")
    assert not json.loads(said.out)["sandbox"]
    assert new.books.leases == []


async def test_old_is_asked_only_when_told(tmp_path: Path, new: Provider) -> None:
    """Both arms side by side, where old still lives."""
    async with Provider(behaviour("sms-activate"), keys=[OLD_KEY]) as old:
        said = await probe(
            tmp_path, new, "--both", "--json", old={"url": old.url, "provider": "sms-activate"}
        )
        assert json.loads(said.out)["against"] == "old (SMS-Activate (closed 2025-12-29))"
        assert old.books.calls > 0


async def test_an_arm_without_a_key_cannot_be_asked(tmp_path: Path, new: Provider) -> None:
    """Exit code 2, the place in the policy, and what to do."""
    said = await probe(tmp_path, new, new={"api_key": "passthrough"})
    assert said.code == 2
    assert "policy.yaml:" in said.err
    assert "arms.new: there is no api_key to ask new with; give it {env: NAME} or {file: PATH}" in said.err


async def test_no_key_is_printed(tmp_path: Path, new: Provider) -> None:
    """Neither the policy's nor the wrong one."""
    for words in ((), ("--json",)):
        said = await probe(tmp_path, new, *words)
        assert NEW_KEY not in said.out + said.err


async def test_the_key_of_an_arm_that_is_not_asked_need_not_be_there(
    tmp_path: Path, new: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old is closed, and its key long deleted."""
    monkeypatch.delenv("OLD_SMS_KEY")
    assert (await probe(tmp_path, new)).code in {0, 1}
    said = await probe(tmp_path, new, "--both")
    assert said.code == 2
    assert "arms.old.api_key: the environment variable OLD_SMS_KEY is not set" in said.err
