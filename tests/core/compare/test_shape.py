"""Shapes: counted by cases, mergeable, bounded."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from canary.core.compare.replies import traits_of
from canary.core.compare.shape import MAX_TRAITS, Shape, Sighting
from canary.core.compare.traits import Aspect, Trait
from tests.core.compare.replies import balance, data, learned, number, tseen
from tests.factories import NOW, tcall

sightings = st.builds(
    Sighting,
    st.integers(1, 50),
    st.integers(0, 9).map(float),
    st.integers(10, 19).map(float),
    st.sampled_from(["a", "b"]),
)
traits = st.builds(
    Trait,
    st.sampled_from(["ok", "waiting"]),
    st.sampled_from(["", "phone"]),
    st.sampled_from([Aspect.STATUS, Aspect.AMOUNT]),
    st.sampled_from(["200", "404"]),
)
shapes = st.dictionaries(traits, sightings, max_size=6).map(lambda found: Shape("getBalance", found))


@given(shapes, shapes, shapes)
def test_shapes_merge_in_any_order(one: Shape, two: Shape, three: Shape) -> None:
    """Merging is commutative and associative, and leaves its parts alone."""
    before = dict(one.sightings)
    assert one.merge(two).sightings == two.merge(one).sightings
    assert one.merge(two).merge(three).sightings == one.merge(two.merge(three)).sightings
    assert one.sightings == before


def test_replies_of_two_processes_add_up() -> None:
    """A shape learned in two processes is the one that a single process would have learned."""
    random, call = Random(1), tcall("getNumber")
    replies = [number(random) for _ in range(20)]
    whole = learned(call, replies)
    parts = learned(call, replies[:8]).merge(learned(call, replies[8:]))
    assert {t: s.n for t, s in whole.sightings.items()} == {t: s.n for t, s in parts.sightings.items()}


def test_leases_and_amounts_of_two_processes_may_be_the_same_ones() -> None:
    """Where two processes may have met one lease or one amount, the larger count stands."""
    poll, read = tcall("getStatus", id="7"), tcall("getBalance")
    polls = learned(poll, ["STATUS_WAIT_CODE"] * 3).merge(learned(poll, ["STATUS_WAIT_CODE"] * 2))
    assert {sighting.n for sighting in polls.sightings.values()} == {3}
    one = learned(read, ["ACCESS_BALANCE:10000"] * 5)
    (amount,) = [s for t, s in one.merge(one).sightings.items() if t.aspect is Aspect.AMOUNT]
    assert amount.n == 1


def test_one_amount_read_again_is_one_case() -> None:
    """How amounts are written is learned from amounts, not from how often one is asked for."""
    shape = learned(tcall("getBalance"), ["ACCESS_BALANCE:17", "ACCESS_BALANCE:17", "ACCESS_BALANCE:18"])
    counts = {trait.value: s.n for trait, s in shape.sightings.items() if trait.aspect is Aspect.AMOUNT}
    assert counts == {"whole": 2}


def test_junk_cannot_fill_a_shape() -> None:
    """What finds no room is dropped and counted, what is known is counted on."""
    call, shape = tcall("getQiwiRequisites"), Shape("getQiwiRequisites")
    dropped = 0
    for n in range(600):
        reply = tseen(call, data({f"field{n}": 1, f"other{n}": "x"}))
        dropped += shape.see(traits_of(call, reply), NOW)[1]
    assert len(shape.sightings) == MAX_TRAITS
    assert dropped > 0
    known = [trait for trait in shape.sightings if trait.aspect is Aspect.STATUS]
    assert [shape.sightings[trait].n for trait in known] == [600]


def test_times_and_the_first_example_are_kept() -> None:
    """A sighting knows its first and last time, and shows the first reply."""
    shape = learned(tcall("getBalance"), [balance(Random(1)), balance(Random(2)), balance(Random(3))])
    (status,) = [s for t, s in shape.sightings.items() if t.aspect is Aspect.STATUS]
    assert (status.n, status.first_at, status.last_at) == (3, NOW, NOW + 2)
    assert status.example.startswith("ACCESS_BALANCE:0")
