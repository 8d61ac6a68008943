"""Declared exceptions from the contract, and the noise share, in a policy."""

import pytest

from canary.core.compare.traits import Aspect
from canary.core.policy.load import PolicyError, parse_policy, policy_json
from canary.core.policy.model import Policy
from canary.core.policy.shadow import ShadowPolicy

ARMS = """
arms:
  old: {url: "https://old.example/stubs/handler_api.php"}
  new: {url: "https://new.example/stubs/handler_api.php"}
"""


def shadow(text: str) -> ShadowPolicy:
    """The shadow section of a policy with these lines in it."""
    return parse_policy(f"{ARMS}shadow:\n{text}", "policy.yaml", name="x").shadow


def test_nothing_is_excused_by_default() -> None:
    """No exceptions, and one in a hundred shadowed reads is repeated to the serving arm."""
    default = parse_policy(ARMS, "policy.yaml", name="x").shadow
    assert (default.exceptions, default.noise) == ((), 0.01)


def test_an_exception_names_action_path_and_kind() -> None:
    """Each may be left out; an action is spelled as the catalogue does."""
    found = shadow(
        '  noise: 5%\n  exceptions:\n    - {action: getprices, path: "*.*.cost", kind: type}\n    - {kind: phone}\n'
    )
    first, second = found.exceptions
    assert (first.action, first.path, first.kind) == ("getPrices", "*.*.cost", Aspect.TYPE)
    assert (second.action, second.path, second.kind) == (None, None, Aspect.PHONE)
    assert found.noise == 0.05


def test_exceptions_survive_the_store() -> None:
    """The policy that the store holds is the same one."""
    policy = parse_policy(f"{ARMS}shadow: {{exceptions: [{{kind: phone}}]}}", "policy.yaml", name="x")
    assert Policy.model_validate_json(policy_json(policy)) == policy


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{action: getPrice}", "policy.yaml:7: shadow.exceptions[0].action: there is no action getPrice"),
        ("{action: getPrice}", "did you mean getPrices?"),
        ("{kind: phones}", "policy.yaml:7: shadow.exceptions[0].kind:"),
        ("{}", "policy.yaml:7: shadow.exceptions[0]: an exception for everything"),
        ("{kind: phone, why: x}", "policy.yaml:7: shadow.exceptions[0].why: unknown key"),
    ],
)
def test_an_exception_that_cannot_be_meant_is_refused(line: str, problem: str) -> None:
    """With its line, its key and what was expected."""
    with pytest.raises(PolicyError) as refused:
        shadow(f"  exceptions:\n    - {line}\n")
    assert problem in str(refused.value)
