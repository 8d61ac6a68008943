"""A policy as text that explains itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Arm
from canary.core.policy.load import parse_policy
from canary.core.policy.model import Policy
from canary.gateway.config import shipped_profile, shipped_profiles
from canary.toolkit.wizard.findings import Findings, Place
from canary.toolkit.wizard.text import Answers, Side, environment, policy_text, translation

URL = "https://sms-activate.org/stubs/handler_api.php"


def side(provider: str, **changes: Any) -> Side:
    return Side(
        **{"url": URL, "provider": provider, "key_env": "K", "profile": shipped_profile(provider)} | changes
    )


def answers(**changes: Any) -> Answers:
    defaults = {
        "name": "a-to-b",
        "old": side("sms-activate", key_env="OLD_KEY"),
        "new": side("verifysms", key_env="NEW_KEY"),
        "mode": "reverse",
        "webhooks": False,
        "repository": "shop",
        "found": Findings(),
    }
    return Answers(**defaults | changes)


def policy(of: Answers) -> Policy:
    return parse_policy(policy_text(of), "canary.yaml")


@pytest.mark.parametrize("new", shipped_profiles())
@pytest.mark.parametrize("webhooks", [False, True])
def test_every_profile_makes_a_sound_policy(new: str, webhooks: bool) -> None:
    """Whatever was answered, the file loads, with the keys by reference."""
    made = policy(answers(new=side(new), webhooks=webhooks))
    assert made.arms.new.provider == new
    assert (made.webhooks is not None) == webhooks
    assert made.shadow.leases == "off"


def test_regular_mode_names_the_hosts_of_old_alone() -> None:
    """Those in code and the one that was given; another provider's traffic passes untouched."""
    found = Findings(hosts={"sms-activate.org": ["a.py"], "daisysms.com": ["b.py"]})
    old = side("sms-activate", url="https://api.sms-activate.io/stubs/handler_api.php")
    assert policy(answers(mode="regular", found=found, old=old)).hosts == (
        "sms-activate.org",
        "api.sms-activate.io",
    )


def test_countries_are_translated_where_ids_differ() -> None:
    """Russia is 0 at one and 222 at the other; between twins nothing is."""
    assert policy(answers(new=side("herosms"))).arm(Arm.NEW).countries == {"0": "222"}
    assert translation(shipped_profile("sms-activate"), shipped_profile("sms-activate")) == {}


def test_comments_say_why() -> None:
    """Where things stand in the code, what new does not have, and what is mixed."""
    here = [Place("src/a.py", 3)]
    found = Findings(
        urls={URL: here},
        calls={"getRentNumber": here},
        numeric=here,
        mixed=here,
        webhooks=["hook.js"],
        advice="few",
    )
    text = policy_text(answers(found=found, webhooks=True, new=side("verifysms", where="As in src/a.py:3.")))
    assert "# getRentNumber has no equivalent on new" in text
    assert "Numeric ids and ISO codes are mixed in src/a.py:3" in text
    assert "# Codes come by webhook: hook.js." in text
    assert "# Clients change their base URL in src/a.py:3 to" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_each_secret_is_a_variable_to_set() -> None:
    """In order, once."""
    assert environment(answers()) == ["OLD_KEY", "NEW_KEY"]
    assert environment(answers(webhooks=True))[2:] == [
        "OLD_WEBHOOK_TOKEN",
        "NEW_WEBHOOK_TOKEN",
        "SMS_WEBHOOK_URL",
    ]


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_no_name_of_a_file_breaks_the_file(repository: str, path: str, advice: str) -> None:
    """A comment stays one, whatever a repository calls its files."""
    found = Findings(urls={URL: [Place(path, 1)]}, webhooks=[path], numeric=[Place(path, 2)], advice=advice)
    made = policy(answers(repository=repository, found=found, webhooks=True))
    assert made == policy(answers(webhooks=True))
