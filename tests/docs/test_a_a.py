"""The page on A/A runs, and the policy that it is about."""

import re

import click
import pytest

from canary.cli.errors import READABLE
from canary.core.model import Arm
from canary.gateway.config import load
from canary.toolkit.plan import plan
from canary.toolkit.worlds import Supposed
from tests.docs.commands import ROOT, commands_in, parsed

PAGE = ROOT / "docs" / "a-a.md"
POLICY = ROOT / "policies" / "a-a.yaml"
COMMANDS = commands_in(PAGE)


def test_both_arms_are_alike() -> None:
    """Endpoint, provider, key, timeout and limits are the same: nothing but chance can differ."""
    loaded = load(POLICY)
    assert loaded.policy.arm(Arm.OLD) == loaded.policy.arm(Arm.NEW)
    assert loaded.profiles[Arm.OLD] == loaded.profiles[Arm.NEW]


def test_no_cutover_and_nothing_is_bought_twice() -> None:
    """The run begins without risk, splits in half, and ends where it is."""
    policy = load(POLICY).policy
    assert [stage.weight for stage in policy.stages] == [0.0, 0.5]
    assert not any(step.is_cutover for step in policy.steps)
    assert policy.shadow.leases == "off"


def test_the_page_tells_what_the_policy_says() -> None:
    """The warm-up, the hold and the error rate in the text are those of the policy."""
    policy, text = load(POLICY).policy, PAGE.read_text(encoding="utf-8")
    assert f"{policy.judging.warmup_leases} are needed" in text
    assert f"the {policy.stages[-1].hold / 3600:g} hours that the stage is held" in text
    assert f"at most {policy.error_rates.false_rollback * 100:g} %" in text


def test_at_the_rate_of_the_page_it_can_be_decided() -> None:
    """The example is not one in which every gate would stay undecided."""
    [words] = [words for words in COMMANDS if words[0] == "plan"]
    rate = float(words[words.index("--leases-per-hour") + 1])
    [stage] = plan(load(POLICY).policy, 1200.0, rate, Supposed()).stages
    assert stage.notes == ()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_understood(words: list[str]) -> None:
    """A reader who copies a line gets no usage error."""
    assert parsed(words).command.name == words[0]


def test_the_page_shows_the_whole_way() -> None:
    """From the first check to the last look."""
    assert [words[0] for words in COMMANDS] == [
        "check",
        "plan",
        "run",
        "status",
        "differences",
        "gate",
        "report",
    ]


def test_links_lead_somewhere() -> None:
    """Files that the page names are there."""
    links = re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8"))
    assert len(links) >= 3
    assert all((PAGE.parent / link).is_file() for link in links)


@pytest.mark.parametrize(
    "words", [["gate", "--weight", "24h"], ["gates"], ["plan", "p.yaml", "--leases-per-hour", "x"]]
)
def test_a_wrong_command_would_be_found(words: list[str]) -> None:
    """The check of commands checks."""
    with pytest.raises((click.ClickException, *READABLE)):
        parsed(words)
