"""``canary inventory``."""

import json
from pathlib import Path

import pytest

from canary.cli import main
from tests.toolkit.inventory.small import URL

type Run = tuple[int, str, str]

KEY = "4c1fA02d9b7e5630c8aa17fd21b96e44"
CARELESS = f"""\
KEY = "{KEY}"
def buy(service):
    return get(f"{URL}?api_key={{KEY}}&action=getNumber&service={{service}}&country=0").text.split(":")
"""


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Run:
    """Exit code, output and error output of a command."""
    with pytest.raises(SystemExit) as left:
        main(["inventory", *args])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one careless file, and the working directory."""
    (tmp_path / "buy.py").write_text(CARELESS)
    (tmp_path / "notes.md").write_text("we use sms-activate.org\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_found_is_shown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Calls by file, hazards with their place, meaning and remedy; no key, and no word on stderr in a pipe."""
    code, out, err = run(capsys, ".")
    assert (code, err) == (0, "")
    assert "1 call of the old API in 1 file, 4 hazards on the way to verifysms; 2 files looked at" in out
    assert "all 1 direct calls are in buy.py: change the address there" in out
    assert "error hard-coded-key: a key stands in the file" in out
    assert "  buy.py:1: a key stands here; it is not shown" in out
    assert "  buy.py:3: country 0 is Russia (RU) in the legacy table" in out
    assert KEY not in out
    assert "\x1b" not in out


def test_nothing_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is said in a line."""
    (tmp_path / "a.py").write_text("x = 1\n")
    assert run(capsys, str(tmp_path), "--fail-on", "site")[:2] == (
        0,
        "0 calls of the old API in 0 files, 0 hazards on the way to verifysms; 1 file looked at\n",
    )


def test_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, for scripts."""
    out = run(capsys, ".", "--json")[1]
    document = json.loads(out)
    assert (document["sites"], document["hazards"], document["seen"]) == (2, 4, 2)
    [careless, notes] = document["files"]
    assert (careless["path"], careless["language"], careless["role"]) == ("buy.py", "python", "code")
    assert careless["sites"][0] | {"text": ""} == {
        "line": 3,
        "column": CARELESS.split("\n")[2].index("getNumber") + 1,
        "kind": "call",
        "action": "getNumber",
        "provider": "sms-activate",
        "wrapper": "",
        "text": "",
    }
    assert [hazard["rule"] for hazard in careless["hazards"]] == [
        "hard-coded-key",
        "country-id",
        "no-cancel",
        "prefix-unchecked",
    ]
    assert notes["sites"][0]["kind"] == "host"
    assert KEY not in out


def test_as_sarif(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into a file, beside what is printed."""
    code, out, _ = run(capsys, ".", "--sarif", "found.sarif")
    log = json.loads((root / "found.sarif").read_text())
    assert code == 0
    assert out
    assert log["version"] == "2.1.0"
    assert len(log["runs"][0]["results"]) == 6
    assert KEY not in (root / "found.sarif").read_text()


@pytest.mark.parametrize(
    ("fail_on", "file", "code"),
    [
        ("never", "buy.py", 0),
        ("error", "buy.py", 1),
        ("error", "notes.md", 0),
        ("note", "notes.md", 0),
        ("site", "notes.md", 1),
        ("warning", "buy.py", 1),
    ],
)
def test_for_pipelines(
    root: Path, capsys: pytest.CaptureFixture[str], fail_on: str, file: str, code: int
) -> None:
    """The exit code is 1 when what the caller does not want is there."""
    assert run(capsys, file, "--fail-on", fail_on)[0] == code


def test_another_provider(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a provider calls a country is its own."""
    assert "herosms knows it as 222" in run(capsys, ".", "--provider", "herosms")[1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "canary: nowhere: there is no such file or folder"),
        ([".", "--provider", "nobody"], "canary: no profile named nobody; expected one of"),
        (
            [".", "--sarif", "no/folder.sarif"],
            "canary: no/folder.sarif cannot be written: No such file or directory",
        ),
        ([], "Missing argument 'PATHS...'"),
    ],
)
def test_what_cannot_be_done(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    """One sentence, exit code 2."""
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert expected in err
