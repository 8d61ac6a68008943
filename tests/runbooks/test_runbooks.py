"""What the person on call is told: complete, and every command understood by ``canary``."""

import re
from pathlib import Path

import pytest

from canary.cli import COMMANDS
from canary.core.policy.model import Policy
from canary.gateway.config import load
from canary.toolkit.alerts import Series, alerts
from tests.docs.commands import ROOT, commands_in, parsed

RUNBOOKS = ROOT / "runbooks"
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")
PARTS = ["You see", "It means", "Do now", "It worked when", "Tell"]
WAYS = {
    *("first-setup", "a-a-run", "rollback", "old-provider-dead", "lost-store", "keys-rotated", "fleet"),
}
"""What happens on the way, besides alerts and stages."""


def documented() -> list[Path]:
    """Every page that shows commands to a reader."""
    return [*PAGES, RUNBOOKS / "README.md", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def every_gate() -> Policy:
    """A policy with all gates."""
    return load(ROOT / "policies" / "canary-5pct.yaml").policy


def test_every_alert_has_its_runbook_and_every_runbook_its_reason() -> None:
    """One for each alert, each stage of the main policy, and each thing that happens on the way; no other."""
    policy = every_gate()
    expected = {alert.name for alert in alerts(policy, 1200.0, Series())}
    expected |= {f"stage-{stage.name}" for stage in policy.stages} | WAYS
    assert {page.stem for page in PAGES} == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_answers_five_questions(page: Path) -> None:
    """What you see, what it means, what to do now, how to know that it worked, whom to tell; each with an answer."""
    text = page.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert parts[1::2] == PARTS
    assert all(len(answer.strip()) > 5 for answer in parts[2::2])


@pytest.mark.parametrize("page", documented(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood(page: Path) -> None:
    """Whoever copies a line at night gets no usage error, and no policy that is not there."""
    for words in commands_in(page):
        parsed(words)
        named = [word for word in words if word.startswith("policies/")]
        assert all((ROOT / word).is_file() for word in named), words


@pytest.mark.parametrize("page", documented(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_exist(page: Path) -> None:
    """What a sentence calls `canary something` is a command."""
    said = re.findall(r"`canary ([a-z]+)", page.read_text(encoding="utf-8"))
    assert set(said) <= set(COMMANDS)


@pytest.mark.parametrize("page", [*PAGES, RUNBOOKS / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Files that a runbook names are there."""
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [
        link for link in links if not link.startswith("http") and not (page.parent / link).is_file()
    ] == []


def test_the_index_names_every_runbook() -> None:
    """Nobody searches at night."""
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES} == set(re.findall(r"\]\((\S+\.md)\)", index))


def test_every_runbook_of_trouble_leads_somewhere() -> None:
    """A page that says what to do at night shows at least one command, or says that there is nothing to do."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert commands_in(page) or "Nothing at night" in text, page.stem


def test_the_metrics_that_runbooks_speak_of_exist() -> None:
    """docs/metrics.md documents each of them."""
    known = set(re.findall(r"`(canary_\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))
    said = {
        name for page in PAGES for name in re.findall(r"\bcanary_[a-z_]+", page.read_text(encoding="utf-8"))
    }
    assert said <= known
