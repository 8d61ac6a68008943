"""The facts that every room speaks in: frozen, and silent about secrets."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from canary.core import model
from canary.core.model import Arm, Effect, Response
from tests.factories import CLIENT_KEY, tcall, tissued, tlease, treply, treq

FACTS = [value for value in vars(model).values() if isinstance(value, type) and is_dataclass(value)]


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f.__name__)
def test_facts_are_frozen(fact: type) -> None:
    """No room can change what another was told."""
    one = fact.__new__(fact)
    with pytest.raises(FrozenInstanceError):
        setattr(one, fields(fact)[0].name, None)


def test_each_arm_has_the_other() -> None:
    """Two arms, each the other's other."""
    assert [arm.other for arm in Arm] == [Arm.NEW, Arm.OLD]


def test_no_secret_is_in_a_repr() -> None:
    """Keys, codes and phone numbers do not reach a log by printing a fact."""
    request = treq("getStatus", id=7, headers=(("X-ApiKey", CLIENT_KEY),), body=CLIENT_KEY.encode())
    shown = repr([request, tcall("getStatus"), treply(sms="4711"), tissued(phone="79584123456")])
    assert not any(secret in shown for secret in (CLIENT_KEY, "4711", "79584123456"))


def test_headers_are_found_by_lower_case_name() -> None:
    """The first of a name counts; a missing one is empty."""
    response = Response(200, (("Content-Type", "a"), ("content-type", "b")))
    assert response.header("content-type") == "a"
    assert response.header("etag") == ""


def test_labels_are_bounded() -> None:
    """What the catalogue does not know has one label, whatever clients invent."""
    assert tcall("getStatus").label == "getStatus"
    assert {tcall(f"invented{i}").label for i in range(5)} == {"other"}
    assert tcall("invented").effect is Effect.UNKNOWN


def test_a_lease_is_known_by_arm_kind_and_id() -> None:
    """Its alias is no part of its identity."""
    lease = tlease(id="7", visible_id="1500000000")
    assert lease.lease_key == (lease.arm, lease.kind, "7")
