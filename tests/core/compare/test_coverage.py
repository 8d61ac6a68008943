"""Actions that new cannot serve."""

from canary.core.compare.coverage import DECLARED, Unmapped, unmapped
from canary.core.compare.shape import Shape
from canary.core.model import Arm
from tests.core.compare.replies import Reply, data, learned
from tests.factories import tcall

OPERATORS = data({"status": "success", "countryOperators": {"1": ["life"]}})


def both(old: list[Reply], new: list[Reply]) -> dict[str, dict[Arm, Shape]]:
    """What the arms answered to getOperators."""
    call = tcall("getOperators")
    return {"getOperators": {Arm.OLD: learned(call, old, old), Arm.NEW: learned(call, new, old)}}


def test_an_action_that_new_does_not_know_is_unmapped() -> None:
    """Old serves it, new only says that there is no such action."""
    (found,) = unmapped(both([OPERATORS] * 3, ["BAD_ACTION"] * 3), {})
    assert found == Unmapped("getOperators", 3, "new answers that it does not know it")


def test_an_action_that_new_served_once_is_mapped() -> None:
    """Some say BAD_ACTION to a wrong key or an unknown id too."""
    assert unmapped(both([OPERATORS] * 3, ["BAD_ACTION", OPERATORS, "BAD_ACTION"]), {}) == []


def test_an_action_that_old_does_not_serve_either_is_no_loss() -> None:
    """What neither arm knows breaks with no migration."""
    assert unmapped(both(["BAD_ACTION"] * 3, ["WRONG_ACTION"] * 3), {}) == []


def test_what_the_profile_declares_is_unmapped_once_it_is_used() -> None:
    """Counted calls of a declared action are named, other counters are not."""
    counters = {f"{DECLARED}getRentNumber": 2, f"{DECLARED}getRentList": 0, "shadow_sent": 9}
    (found,) = unmapped({}, counters)
    assert found == Unmapped("getRentNumber", 2, "the profile of new declares it")
