"""What counts as a difference, over all replies that there can be."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE
from canary.core.compare.judge import Exemption, compare, differences
from canary.core.compare.shape import Shape
from canary.core.compare.traits import Aspect
from canary.core.model import Call
from canary.core.protocol.words import OUTCOMES
from tests.core.compare.replies import (
    Make,
    Reply,
    active,
    always,
    balance,
    code,
    countries,
    data,
    learned,
    mixed,
    number,
    number_v2,
    prices,
    stock,
    told_apart,
    tseen,
)
from tests.factories import NOW, tcall

calls = st.builds(
    tcall,
    st.sampled_from([action.name for action in CATALOGUE]),
    id=st.sampled_from(["7", "ORD-7F3A"]),
    status=st.sampled_from(["1", "8", "x"]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["activationId", "status", "tg", "6", "cost", "é", ""]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
words = st.sampled_from([*OUTCOMES, "ACCESS_NUMBER", "no such word"])
texts = st.builds("{}{}{}".format, words, st.sampled_from(["", ":", ": ", "\n"]), st.text(max_size=12))
bodies = st.binary(max_size=60) | texts.map(str.encode) | json_values.map(data).map(str.encode)
media = st.sampled_from(["", "text/html", "application/json; charset=utf-8", "application/xml"])
replies: st.SearchStrategy[Reply] = st.tuples(bodies, st.sampled_from([200, 204, 302, 400, 409, 500]), media)


@given(calls, replies, replies)
def test_nothing_is_too_odd_to_be_compared(call: Call, old: Reply, new: Reply) -> None:
    """Arbitrary bytes, words and JSON of any shape are compared without an error, each finding with its sentence."""
    for found in compare(call, tseen(call, old), tseen(call, new)):
        assert found.breaks
        assert len(found.old_example) <= 120
        assert len(found.new_example) <= 120


@given(calls, replies)
def test_a_reply_does_not_differ_from_itself(call: Call, reply: Reply) -> None:
    """Comparing a reply with itself finds nothing."""
    assert compare(call, tseen(call, reply), tseen(call, reply)) == []


ONE_WAY = {Aspect.WORD, Aspect.ID, Aspect.COUNTRIES}
"""Kinds that hold one way only: a smaller id fits, a country more is no loss, and which word is news depends on
which reply was the served one."""


@given(calls, replies, replies)
def test_what_is_found_one_way_is_found_the_other(call: Call, one: Reply, other: Reply) -> None:
    """Differences of form are the same places and kinds whichever reply is the old one.

    Unless a reply shows several forms in one place, which includes what the other shows there.
    """
    sides = tseen(call, one), tseen(call, other)
    assume(all(len(values) == 1 for side in sides for values in Shape.of(call, side).cells().values()))
    there = {(d.path, d.kind) for d in compare(call, *sides)}
    back = {(d.path, d.kind) for d in compare(call, *reversed(sides))}
    assert {found for found in there ^ back if found[1] not in ONE_WAY} == set()


@pytest.mark.parametrize("fault", ["ERROR_SQL", "", ("<html>", 502), ("RATE_LIMITED", 429)])
def test_a_fault_beside_an_answer_says_nothing(fault: Reply) -> None:
    """A pair of which one reply is a fault or a limit has no differences, either way round."""
    call = tcall("getBalance")
    well, ill = tseen(call, "ACCESS_BALANCE:17.15"), tseen(call, fault)
    assert compare(call, well, ill) == compare(call, ill, well) == []


A_A: Sequence[tuple[str, Make]] = [
    ("getBalance", balance),
    ("getPrices", prices),
    ("getOperators", always("OPERATORS_NOT_FOUND")),
    ("getHistory", always(("ERROR_SQL", 500))),
    ("getNumbersStatus", stock),
    ("getCountries", countries),
    ("getActiveActivations", active),
    ("getNumber", mixed(number, number, number, always("NO_NUMBERS"), always("WRONG_MAX_PRICE:0.5"))),
    ("getNumberV2", mixed(number_v2, number_v2, always(("NO_NUMBERS", 404)))),
    ("getStatus", mixed(always("STATUS_WAIT_CODE"), code, always("STATUS_CANCEL"), always("ERROR_SQL"))),
    ("setStatus", mixed(always("ACCESS_CANCEL"), always("EARLY_CANCEL_DENIED"), always("BAD_STATUS"))),
]


@pytest.mark.parametrize("seed", range(4))
def test_an_arm_beside_itself_has_no_differences(seed: int) -> None:
    """10 000 replies of two arms that are alike, with values, stock, states and faults that vary: nothing is found."""
    for action, make in A_A:
        assert told_apart(action, make, make, cases=115, seed=seed) == []


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_rare_answers_are_no_differences(share: float) -> None:
    """Words that one in some hundred replies has appear on one arm first, and are not held against it."""
    rare = [f"STATUS_WAIT_RETRY:{n}" for n in range(5)] + [
        "STATUS_WAIT_RESEND",
        "NO_ACTIVATION",
        "STATUS_REVOKE",
    ]
    call, false = tcall("getStatus", id="7"), 0
    for seed in range(60):
        random = Random(seed)
        sides: tuple[list[Reply], list[Reply]] = ([], [])
        for _ in range(600):
            word = random.choice(rare) if random.random() < 0.02 else "STATUS_WAIT_CODE"
            sides[random.random() < share].append(word)
        false += bool(differences(learned(call, sides[0]), learned(call, sides[1])))
    assert false == 0


def test_one_odd_reply_is_not_yet_a_difference() -> None:
    """A single reply of another content type is kept in mind; three of them, with none on old, are a difference."""
    call, good, odd = (
        tcall("getCountries"),
        str(countries(Random(1))),
        (str(countries(Random(1))), 200, "text/html"),
    )
    old = learned(call, [good] * 4)
    assert differences(old, learned(call, [odd])) == []
    (found,) = differences(old, learned(call, [odd] * 3))
    assert (found.kind, found.count, found.old, found.new) == (Aspect.CONTENT_TYPE, 3, "JSON", "text")


def test_what_old_varies_in_is_noise() -> None:
    """One reply of old that has it too, and a difference is gone."""
    call, good, odd = (
        tcall("getCountries"),
        str(countries(Random(1))),
        (str(countries(Random(1))), 200, "text/html"),
    )
    new = learned(call, [odd] * 50)
    assert differences(learned(call, [good] * 50), new)
    assert differences(learned(call, [*[good] * 50, odd]), new) == []


def test_noise_is_learned_from_old_beside_old() -> None:
    """A call that old itself does not answer alike twice is no evidence against new."""
    call, good = tcall("getPrices"), data({"6": {"tg": {"cost": 1, "count": 7}}})
    new = learned(call, ["BAD_SERVICE", good] * 5, [good] * 10)
    old = learned(call, [good] * 10, [good] * 10)
    assert [found.path for found in differences(old, new)] == ["BAD_SERVICE"]
    repeats = learned(call, [good, "BAD_SERVICE"], [good, good])
    assert differences(old.merge(repeats), new) == []


def test_a_difference_tells_when_and_how_often() -> None:
    """First and last time, the count of cases, and one redacted example of each side."""
    call = tcall("getNumber")
    old = learned(call, ["ACCESS_NUMBER:635468024:79584123456"] * 5)
    new = learned(call, ["ACCESS_NUMBER:635468024:+79584123456"] * 5)
    (found,) = differences(old, new)
    assert (found.count, found.first_at, found.last_at) == (5, NOW, NOW + 4)
    assert (found.old_example, found.new_example) == ("00000000000", "+00000000000")


def test_one_place_and_kind_is_one_difference() -> None:
    """The same difference in several answers of an action is reported once, with all that was seen."""
    call = tcall("setStatus", id="7", status="8")
    words: list[Reply] = ["ACCESS_CANCEL", "EARLY_CANCEL_DENIED", "BAD_STATUS"] * 4
    new: list[Reply] = [(str(word), status) for word, status in zip(words, [200, 409, 400] * 4, strict=True)]
    (found,) = differences(learned(call, words), learned(call, new))
    assert (found.kind, found.count, found.old, found.new) == (Aspect.STATUS, 8, "200", "400, 409")


@pytest.mark.parametrize(
    ("exemption", "left"),
    [
        (Exemption("getNumberV2", "phoneNumber", Aspect.PHONE), ["activationOperator"]),
        (Exemption(kind=Aspect.PHONE), ["activationOperator"]),
        (Exemption("getNumberV2"), []),
        (Exemption(path="activationOperator"), ["phoneNumber"]),
        (Exemption("getNumber", "phoneNumber"), ["activationOperator", "phoneNumber"]),
    ],
)
def test_a_declared_exception_is_left_out(exemption: Exemption, left: list[str]) -> None:
    """An exception takes what fits it in all that it names."""
    call, random = tcall("getNumberV2"), Random(1)
    old = learned(call, [number_v2(random) for _ in range(40)])
    new = learned(
        call, [number_v2(random, phoneNumber="+79584123456", activationOperator=...) for _ in range(40)]
    )
    assert [found.path for found in differences(old, new, [exemption])] == left


def test_a_notice_that_came_too_late_is_no_difference() -> None:
    """Where new's codes come sooner it refuses more status 1; only where it takes none of them is it a difference."""
    call = tcall("setStatus", id="7", status="1")
    old = learned(call, ["ACCESS_READY"] * 40)
    mostly_late = learned(call, ["ACCESS_READY", *["BAD_STATUS"] * 40])
    always_late = learned(call, ["BAD_STATUS"] * 40)
    assert differences(old, mostly_late) == []
    [found] = differences(old, always_late)
    assert (found.kind, found.path, found.new) == (Aspect.WORD, "BAD_STATUS", "caller BAD_STATUS")
    assert old.replies == 40
