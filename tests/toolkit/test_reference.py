"""A provider as documented: what its clients have met."""

import pytest

from canary.core.compare.traits import Aspect
from canary.core.model import Call
from canary.sim.profiles import PROFILES
from canary.toolkit.pools import call_of
from canary.toolkit.reference import Reference


def words(reference: Reference, call: Call, *, sold: bool = True) -> set[str]:
    """The words that it is known to answer."""
    shape = reference.shape(call, sold=sold)
    assert shape is not None
    return {value for value, _ in shape.words()}


def test_a_lease_is_known_in_every_state() -> None:
    """Waiting, with a code, waiting for another, cancelled."""
    found = words(Reference("sms-activate"), call_of("getStatus", {"id": "1"}))
    assert found >= {"ok STATUS_WAIT_CODE", "ok STATUS_OK", "ok STATUS_WAIT_RETRY", "ok STATUS_CANCEL"}


def test_a_lease_that_was_never_sold_has_one_answer() -> None:
    """Nothing that a sold one would have."""
    reference = Reference("sms-activate")
    assert words(reference, call_of("getStatus", {"id": "1"}), sold=False) == {"caller NO_ACTIVATION"}


def test_a_purchase_is_known_with_and_without_stock_and_money() -> None:
    """And with a wrong key."""
    found = words(Reference("sms-activate"), call_of("getNumber", {"service": "tg", "country": "6"}))
    assert found == {"ok ACCESS_NUMBER", "business NO_NUMBERS", "account NO_BALANCE", "account BAD_KEY"}


def test_an_action_that_it_does_not_serve_is_not_known() -> None:
    """SMS-Activate had no getPricesV2; VAK-SMS answers a wrong key as though the action were wrong, and has it."""
    assert Reference("sms-activate").shape(call_of("getPricesV2", {})) is None
    assert Reference("vak-sms").shape(call_of("getBalance", {})) is not None


def test_a_provider_without_a_simulation_is_a_generic_one() -> None:
    """And says so."""
    assert Reference("nobody").title == "generic"


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_can_be_a_reference(name: str) -> None:
    """Also one that sells by the names of products."""
    shape = Reference(name).shape(call_of("getStatus", {"id": "1"}))
    assert shape is not None
    assert any(trait.aspect is Aspect.CODE for trait in shape.sightings)
