"""``canary wizard``."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from canary.cli import cli, main
from canary.core.policy.references import EnvRef
from canary.gateway.config import Loaded, load
from tests.toolkit.wizard.shop import KEY, shop, tidy

OLD = "https://api.sms-activate.org/stubs/handler_api.php"
NEW = "https://api.verifysms.app/compat/handler_api.php"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wizard(*args: object, typed: str = "") -> Result:
    """What it printed, and its exit code; ``typed`` are the answers."""
    return CliRunner().invoke(cli, ["wizard", *map(str, args)], input=typed)


def made(folder: Path) -> Loaded:
    return load(folder / "canary.yaml")


def refused(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    """The sentence on stderr of a run that cannot be carried out."""
    with pytest.raises(SystemExit) as left:
        main(["wizard", *map(str, args)])
    assert left.value.code == 2
    return capsys.readouterr().err


def test_it_asks_what_the_code_does_not_tell(folder: Path) -> None:
    """The addresses, how clients come where that is a choice, and webhooks where there are some; no key."""
    done = wizard(shop(folder), typed=f"{OLD}\n{NEW}\nregular\ny\n")
    assert done.exit_code == 0, done.output
    assert done.output.count("?") == 2
    policy = made(folder).policy
    assert (policy.arms.old.url, policy.arms.new.url) == (OLD, NEW)
    assert (policy.arms.old.provider, policy.arms.new.provider) == ("sms-activate", "verifysms")
    assert (policy.mode, policy.hosts) == ("regular", ("sms-activate.org", "api.sms-activate.org"))
    assert policy.webhooks is not None
    assert policy.name == "sms-activate-to-verifysms"


def test_a_tidy_repository_is_asked_two_things(folder: Path) -> None:
    """Return takes the address from its settings, and the rest is known."""
    done = wizard(tidy(folder), typed=f"\n{NEW}\n")
    assert done.exit_code == 0, done.output
    policy = made(folder).policy
    assert policy.arms.old.url == "https://sms-activate.org/stubs/handler_api.php"
    assert (policy.mode, policy.webhooks) == ("reverse", None)


def test_a_host_that_nobody_knows_is_asked_for_its_profile(folder: Path) -> None:
    """Return takes generic; what is no address, or holds a key, is asked for again without being repeated."""
    typed = f"\nhttps://x/stubs/handler_api.php?api_key={KEY}\nhttps://numbers.example/stubs/handler_api.php\nnobody\n\n"
    done = wizard(tidy(folder), typed=typed)
    assert done.exit_code == 0, done.output
    assert made(folder).policy.arms.new.provider == "generic"
    assert "is no address of an arm" in done.output
    assert "Error: that is no address of an arm" in done.output


@pytest.mark.parametrize(
    ("url", "provider", "variables"),
    [
        ("https://5sim.net", "5sim-native", ["OLD_SMS_KEY", "NEW_SMS_KEY"]),
        ("https://hero-sms.com/api/v1", "herosms-v1", ["OLD_SMS_KEY", "NEW_SMS_KEY"]),
        ("https://api.smspva.com", "smspva", ["OLD_SMS_KEY", "NEW_SMS_KEY"]),
        ("https://www.textverified.com", "textverified", ["OLD_SMS_KEY", "NEW_SMS_KEY", "NEW_API_USERNAME"]),
        ("https://api.verifysms.app", "verifysms-native", ["OLD_SMS_KEY", "NEW_SMS_KEY"]),
    ],
)
def test_a_provider_s_own_api_is_known_by_its_host(
    folder: Path, url: str, provider: str, variables: list[str]
) -> None:
    """With the variables that it needs beside the key."""
    done = wizard(tidy(folder), "--new", url, "--yes")
    assert done.exit_code == 0, done.output
    assert made(folder).policy.arms.new.provider == provider
    named = [
        line.split("=")[0].split()[-1] for line in done.output.splitlines() if line.startswith("  export ")
    ]
    assert named == variables


def test_nothing_is_asked_that_was_said(folder: Path) -> None:
    """Every question has a flag; with --yes the rest is what would have been suggested."""
    flags = (
        "--old",
        OLD,
        "--new",
        NEW,
        "--mode",
        "reverse",
        "--no-webhooks",
        "--name",
        "move",
        "--new-key-env",
        "VS",
    )
    done = wizard(shop(folder), *flags)
    assert done.exit_code == 0, done.output
    asked = made(folder)
    assert (asked.policy.name, asked.policy.mode, asked.policy.webhooks) == ("move", "reverse", None)
    assert asked.policy.arms.new.api_key == EnvRef(env="VS")
    assert wizard(folder / "shop", *flags, "--yes", "--force").output == done.output
    assert made(folder).text == asked.text


def test_it_ends_with_what_to_type_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lines as canary check, then the commands in order, and which variables are still to be set."""
    monkeypatch.setenv("OLD_SMS_KEY", "k" * 20)
    monkeypatch.delenv("NEW_SMS_KEY", raising=False)
    done = wizard(tidy(folder), "--new", NEW, "--yes", "-o", "my policy.yaml")
    lines = done.output.splitlines()
    assert lines[0].startswith("my policy.yaml is sound: rollout sms-activate-to-verifysms")
    rest = lines[lines.index("next:") :]
    assert rest[1:3] == ["  export OLD_SMS_KEY=... (is set)", "  export NEW_SMS_KEY=..."]
    assert [line.split()[1] for line in rest if line.startswith("  canary")] == [
        "check",
        "countries",
        "probe",
        "plan",
        "run",
    ]
    assert "  canary probe 'my policy.yaml'" in rest


def test_a_receiver_of_webhooks_is_said(folder: Path) -> None:
    """As canary check says it, before the commands."""
    said = wizard(shop(folder), "--new", NEW, "--yes").output
    assert "webhooks\n  of old and new, received on 127.0.0.1:8090, sent on to the client\n\nnext:" in said


def test_no_secret_is_written(folder: Path) -> None:
    """A key that stands in the code comes neither into the file nor onto the screen."""
    done = wizard(shop(folder), "--new", NEW, "--yes")
    assert KEY not in (folder / "canary.yaml").read_text() + done.output
    assert "getRentNumber has no equivalent on new" in (folder / "canary.yaml").read_text()


def test_a_file_that_is_there_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked; --force writes over it."""
    root = tidy(folder)
    (folder / "canary.yaml").write_text("mine\n")
    assert "canary.yaml is there already; choose another file" in refused(capsys, root, "--new", NEW)
    assert (folder / "canary.yaml").read_text() == "mine\n"
    assert wizard(root, "--new", NEW, "--yes", "--force").exit_code == 0
    assert made(folder).policy.arms.new.url == NEW
    assert sorted(path.name for path in folder.iterdir()) == ["canary.yaml", "tidy"]


def test_what_cannot_be_done_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing address, repository, folder or profile, with exit code 2 and no file."""
    root = tidy(folder)
    assert "the address of new is not known; give it with --new URL" in refused(capsys, root, "--yes")
    assert "nowhere: there is no such file or folder" in refused(capsys, folder / "nowhere", "--yes")
    assert "there is no folder" in refused(capsys, root, "--new", NEW, "--yes", "-o", "sub/x.yaml")
    assert "no profile named nobody" in refused(
        capsys, root, "--new", NEW, "--yes", "--new-provider", "nobody"
    )
    wrong = refused(capsys, root, "--new", NEW, "--yes", "--new-provider", "smspva")
    assert wrong.startswith("canary: canary.yaml:"), wrong
    assert not (folder / "canary.yaml").exists()


def test_leaving_in_the_middle_writes_nothing(folder: Path) -> None:
    """The end of what is typed is an abort."""
    assert wizard(tidy(folder), typed="").exit_code == 1
    assert not (folder / "canary.yaml").exists()
