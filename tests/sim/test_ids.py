import re
from random import Random

import pytest

from canary.core.model import Kind
from canary.sim.behaviour import Behaviour
from canary.sim.ids import Ids, code_for


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("int", r"\d{9}"),
        ("int64", r"3\d{9}"),
        ("order", r"ORD-[A-Z0-9]{10}"),
        ("uniqid", r"[0-9a-f]{13}"),
        ("ulid", r"lr_01K[0-9A-HJKMNP-TV-Z]{23}"),
    ],
)
def test_ids_have_the_shape_of_their_kind_and_never_repeat(kind, shape):
    """Each kind of id looks like the providers' own, and all differ."""
    ids = Ids(Random(1))
    issued = [ids.issue(Kind.ACTIVATION, kind, Behaviour()) for _ in range(500)]
    assert all(re.fullmatch(shape, one) for one in issued)
    assert len(set(issued)) == 500


def test_int_ids_are_below_and_int64_ids_above_two_to_the_31st():
    """The two numeric kinds are on either side of what a 32-bit client can hold."""
    ids = Ids(Random(1))
    assert int(ids.issue(Kind.ACTIVATION, "int", Behaviour())) < 2**31
    assert 2**31 < int(ids.issue(Kind.ACTIVATION, "int64", Behaviour())) < 2**53


def test_two_providers_with_one_start_issue_the_same_ids():
    """Collisions can be had on purpose."""
    one, other = Ids(Random(1)), Ids(Random(2))
    behaviour = Behaviour(id_start=1000)
    assert [one.issue(Kind.ACTIVATION, "int", behaviour) for _ in range(3)] == ["1000", "1001", "1002"]
    assert other.issue(Kind.ACTIVATION, "int", behaviour) == "1000"


def test_rents_count_in_a_namespace_of_their_own():
    """A rent's id is a small number, whatever kind activations have."""
    ids = Ids(Random(1))
    assert ids.issue(Kind.RENT, "ulid", Behaviour()) == "1049"


def test_a_code_tells_its_number():
    """The code follows from the number and its place among the lease's messages; a plus changes nothing."""
    assert code_for("+79584123456") == code_for("79584123456")
    assert len({code_for("79584123456", n) for n in range(5)} | {code_for("79584123457")}) == 6
    assert re.fullmatch(r"\d{6}", code_for("79584123456"))
