"""``canary countries``."""

import asyncio
import json
from pathlib import Path

import pytest

from canary.cli import main
from tests.factories import NEW_KEY, OLD_KEY
from tests.rig import ENVIRON, policy, written
from tests.upstreams import ScriptedUpstream, closes

type Run = tuple[int, str, str]

LEGACY = '{"0":{"id":0,"eng":"Russia"},"6":{"id":6,"eng":"Indonesia"}}'
OTHER = '[{"id":222,"eng":"Russia"},{"id":6,"eng":"Indonesia"}]'


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Run:
    """Exit code, output and error output of a command."""
    with pytest.raises(SystemExit) as left:
        main(["countries", *args])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


def test_the_traps_are_shown_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a policy the legacy provider is compared with the compat layer."""
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert "204 countries, 5 of them with a trap" in out
    assert "HeroSMS has no id 0; it uses 222 for Russia" in out
    assert "Indonesia" not in out


def test_all_countries_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """--all shows those on which everyone agrees, too."""
    assert "Indonesia" in run(capsys, "--all")[1]


def test_what_to_put_into_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """A difference that the harness can translate comes with the line that does it."""
    assert "arms.new.countries: {0: 222}" in run(capsys, "--provider", "herosms")[1]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Both providers, every country, what is and what should be translated."""
    document = json.loads(run(capsys, "--provider", "herosms", "--json")[1])
    assert document["translate"] == {"0": "222"}
    assert document["translated"] == {}
    [russia] = [row for row in document["countries"] if row["iso2"] == "RU"]
    assert (russia["legacy"], russia["old"], russia["new"]) == (["0", "222"], ["0"], ["222"])


def test_a_policy_names_the_providers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The arms' profiles are compared, and what the policy translates is known."""
    arms = {"old": {"provider": "sms-activate"}, "new": {"provider": "herosms", "countries": {0: 222}}}
    path = written(tmp_path, policy("https://o.example/a", "https://n.example/b", **arms))
    document = json.loads(run(capsys, str(path), "--json")[1])
    assert (document["old"]["name"], document["new"]["name"]) == ("old", "new")
    assert document["translated"] == {"0": "222"}
    assert document["translate"] == {}


async def test_both_arms_are_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--live reads both own tables, each with its own key, and buys nothing."""
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        old.answers(getCountries=LEGACY)
        new.answers(getCountries=OTHER)
        path = written(tmp_path, policy(old.url, new.url))
        code, out, err = await asyncio.to_thread(run, capsys, str(path), "--live")
        sent = [one.params for one in (*old.heard, *new.heard)]
    assert (code, err) == (0, "")
    assert "arms.new.countries: {0: 222}" in out
    assert sent == [{"action": "getCountries", "api_key": key} for key in (OLD_KEY, NEW_KEY)]


@pytest.mark.parametrize(
    ("answer", "word"),
    [("BAD_KEY", "answered getCountries with BAD_KEY"), ("{}", "no table of countries"), (closes(), "RESET")],
)
async def test_an_arm_without_a_table_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: object, word: str
) -> None:
    """Whatever goes wrong is one sentence with the arm, the reason and the way out, and no key."""
    async with ScriptedUpstream() as old, ScriptedUpstream() as new:
        old.answers(getCountries=LEGACY)
        new.answers(getCountries=answer)
        path = written(tmp_path, policy(old.url, new.url))
        code, out, err = await asyncio.to_thread(run, capsys, str(path), "--live")
    assert (code, out) == (2, "")
    assert err.startswith("canary: new (http")
    assert word in err
    assert "without --live the profiles are compared" in err
    assert NEW_KEY not in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--live"], "--live asks the arms of a policy; add the policy's file"),
        (["--provider", "nobody"], "no profile named nobody; expected one of 5sim,"),
        (["--provider", "../x"], "no profile named ../x; expected one of 5sim,"),
        (["policy.yaml", "--provider", "herosms"], "a policy names its own providers"),
    ],
)
def test_what_cannot_be_meant(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """One sentence with the remedy, exit code 2."""
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert expected in err


def test_an_arm_without_a_key_cannot_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy that passes the client's key through has none of its own."""
    path = written(
        tmp_path, policy("https://o.example/a", "https://n.example/b", new={"api_key": "passthrough"})
    )
    code, _, err = run(capsys, str(path), "--live")
    assert code == 2
    assert "there is no api_key to ask new with" in err
