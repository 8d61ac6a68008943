"""Every policy and provider profile that comes with the project loads, and says what it claims."""

from pathlib import Path

import pytest

from canary.core.actions import lookup
from canary.core.model import Arm
from canary.core.policy.load import PolicyError, parse_profile
from canary.gateway.config import SHIPPED, load

POLICIES = sorted(SHIPPED.glob("*.yaml"))
PROFILES = sorted((SHIPPED / "providers").glob("*.yaml"))


def test_there_are_policies_and_profiles() -> None:
    """The ready policies and a profile for each provider that the harness knows."""
    assert {p.stem for p in POLICIES} >= {"shadow", "canary-5pct", "a-a", "direct-cutover"}
    assert {p.stem for p in PROFILES} >= {
        "generic", "sms-activate", "verifysms", "verifysms-native", "herosms", "herosms-v1", "vak-sms",
        "grizzlysms", "smshub", "smsbower", "tiger-sms", "daisysms", "5sim", "5sim-native", "sms-man", "onlinesim",
        "smspva", "textverified",
    }  # fmt: skip


@pytest.mark.parametrize("path", POLICIES, ids=lambda p: p.stem)
def test_policies_load(path: Path) -> None:
    """Each is valid with its profiles, keeps no key, begins without risk and has all its gates."""
    loaded = load(path)
    policy = loaded.policy
    assert policy.stages[0].weight == 0
    assert policy.shadow.leases == "off"
    assert sum(g.share for g in policy.resolved_gates(1200) if g.enforce) == pytest.approx(1)
    assert all(loaded.profiles[arm].name == policy.arm(arm).provider for arm in Arm)


def test_the_main_policy_spells_the_defaults_out() -> None:
    """canary-5pct.yaml shows every default margin, and means the same as leaving them out."""
    written = load(SHIPPED / "canary-5pct.yaml").policy
    assert written.gates.resolved(1200) == type(written.gates).all().resolved(1200)
    assert [stage.weight for stage in written.stages] == [0, 0.05, 0.25, 0.5, 1]


@pytest.mark.parametrize("path", PROFILES, ids=lambda p: p.stem)
def test_profiles_load(path: Path) -> None:
    """Each is valid, is named as its file, and speaks of actions that exist."""
    profile = parse_profile(path.read_text(encoding="utf-8"), path.name)
    assert profile.name == path.stem
    assert profile.title
    named = (*profile.unsupported_actions, *([profile.history_action] if profile.history_action else []))
    assert all(lookup(action) is not None for action in named)
    assert all(isinstance(country, str) and len(country) == 2 for country in profile.countries)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 give a sentence with the file's name."""
    path = tmp_path / "p.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(PolicyError, match=r"p\.yaml: the policy cannot be read: it is not UTF-8 text"):
        load(path)
