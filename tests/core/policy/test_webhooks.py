"""The webhooks section of a policy."""

import json

import pytest
import yaml

from canary.core.model import Arm
from canary.core.policy.load import PolicyError, parse_policy, policy_json
from canary.core.policy.model import Policy
from canary.core.policy.references import EnvRef

ARMS = "{old: {url: http://o/stubs/handler_api.php}, new: {url: http://n/stubs/handler_api.php}}"
SECTION = "{listen: 0.0.0.0:8090, arms: {old: {token: {env: HOOK}}}}"


def policy(section: str) -> Policy:
    return parse_policy(f"name: p\narms: {ARMS}\nwebhooks: {section}\n", "p.yaml")


def test_there_is_no_receiver_by_default() -> None:
    """Nothing listens that nobody asked for, and a policy without the section keeps its hash."""
    plain = parse_policy(f"name: p\narms: {ARMS}\n", "p.yaml")
    assert plain.webhooks is None
    assert "webhooks" not in policy_json(plain)


def test_a_section_says_where_and_for_whom() -> None:
    """Host and port, the arms with their tokens, and who is told in turn."""
    found = policy(
        "{listen: '[::1]:0', proxies: [10.0.0.0/8], arms: {new: {token: {env: T}, sources: [203.0.113.7]}},"
        " forward: {url: {env: U}, give_up: 2h, headers: {X-Team: sms}}}"
    ).webhooks
    assert found is not None
    assert found.address == ("::1", 0)
    assert found.arm(Arm.OLD) is None
    new = found.arm(Arm.NEW)
    assert new is not None
    assert (new.token, new.sources) == (EnvRef(env="T"), ("203.0.113.7",))
    assert found.forward is not None
    assert (found.forward.url, found.forward.give_up) == (EnvRef(env="U"), 7200.0)


def test_a_stored_policy_is_read_again() -> None:
    """What the store keeps of a policy is a policy."""
    one = policy(SECTION)
    assert parse_policy(yaml.safe_dump(json.loads(policy_json(one))), "again") == one


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ("{listen: 8090, arms: {old: {token: {env: T}}}}", "webhooks.listen: expected text"),
        ("{listen: ':8090', arms: {old: {token: {env: T}}}}", "HOST:PORT such as 127.0.0.1:8090"),
        ("{listen: 'a:70000', arms: {old: {token: {env: T}}}}", "HOST:PORT"),
        ("{listen: 'a:1', arms: {}}", "expected old, new or both"),
        ("{listen: 'a:1', arms: {old: {token: hunter2}}}", "a secret may not stand in the policy"),
        ("{listen: 'a:1', arms: {old: {token: {env: T}, sources: []}}}", "lets nobody in"),
        ("{listen: 'a:1', arms: {old: {token: {env: T}, sources: nobody}}}", "a list of IP addresses"),
        ("{listen: 'a:1', arms: {old: {token: {env: T}, sources: [10.0.0.256]}}}", "expected IP addresses"),
        ("{listen: 'a:1', arms: {old: {token: {env: T}}}, proxies: [nginx]}", "expected IP addresses"),
        ("{listen: 'a:1', arms: {old: {token: {env: T}}}, forward: {url: ftp://x}}", "an http or https URL"),
        (
            "{listen: 'a:1', arms: {old: {token: {env: T}}}, forward: {url: 'https://x/?token=hunter2'}}",
            "may hold a secret",
        ),
        (
            "{listen: 'a:1', arms: {old: {token: {env: T}}}, forward: {url: https://x, headers: {X-Token: hunter2}}}",
            "looks like a secret",
        ),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(section: str, sentence: str) -> None:
    """With its place in the file and what was expected, and without repeating a secret."""
    with pytest.raises(PolicyError, match=r"p\.yaml:3: webhooks") as caught:
        policy(section)
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)
