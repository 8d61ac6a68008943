"""Which hosts an ingress in regular mode answers for."""

import pytest

from canary.proxy.addon import matches


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("sms-activate.org", True),
        ("api.sms-activate.org", True),
        ("a.b.sms-activate.org", True),
        ("SMS-Activate.ORG", True),
        ("sms-activate.org.", True),
        ("smshub.org", True),
        ("notsms-activate.org", False),
        ("sms-activate.org.evil.com", False),
        ("org", False),
        ("", False),
    ],
)
def test_a_host_and_what_is_below_it(host: str, expected: bool) -> None:
    """The listed names and their subdomains, whatever their case, and nothing that only looks like them."""
    assert matches(host, ("sms-activate.org", "smshub.org")) is expected
