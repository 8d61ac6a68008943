"""An alias is of the same kind as the id that it stands for, so that no client trips over it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from canary.core.aliases import MAX_INT32, MAX_SAFE_INTEGER, alias, numeric

draws = st.integers(0, 2**64 - 1)
texts = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="-_"), min_size=1, max_size=40
)


@given(st.integers(0, MAX_INT32), draws)
def test_small_numbers_stay_small_numbers(original: int, draw: int) -> None:
    """Below 2^31 stays below 2^31: Java clients read ids into an int."""
    got = alias(str(original), draw)
    assert got.isdecimal()
    assert MAX_INT32 // 2 <= int(got) <= MAX_INT32
    assert got != str(original)


@given(st.integers(MAX_INT32 + 1, 10**40), draws)
def test_large_numbers_stay_exact_in_javascript(original: int, draw: int) -> None:
    """Ids of ten digits and more get an alias that a double holds exactly."""
    got = alias(str(original), draw)
    assert got.isdecimal()
    assert MAX_INT32 < int(got) <= MAX_SAFE_INTEGER
    assert got != str(original)


@given(texts, draws)
def test_text_keeps_its_alphabet_and_length(original: str, draw: int) -> None:
    """Other ids get other letters of the same alphabet, in the same places."""
    assume(not original.isdecimal())
    got = alias(original, draw)
    assert got != original
    assert len(got) in {len(original), len(original) + 1}
    assert set(got) <= set(original) | set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    alphabets = ("0123456789abcdef-", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
    fitting = [set(alphabet) for alphabet in alphabets if set(original) <= set(alphabet)]
    assert not fitting or any(set(got) <= alphabet for alphabet in fitting)
    assert [i for i, c in enumerate(original) if c in "-_"] == [i for i, c in enumerate(got) if c in "-_"]


@given(
    st.sampled_from(["7", "3936040355", "ORD-7F3A9Q2", "635f1c9e", "", "-", "ёж"]) | st.text(max_size=300),
    draws,
)
def test_an_alias_depends_on_the_draw_alone(original: str, draw: int) -> None:
    """The same draw gives the same alias, whatever the id, and never the id itself."""
    assert alias(original, draw) == alias(original, draw) != original


@given(
    st.sampled_from(["7", "3936040355", "ORD-7F3A9Q2", "635f1c9e-11d0"]),
    st.sets(draws, min_size=30, max_size=30),
)
def test_further_draws_give_further_candidates(original: str, several: set[int]) -> None:
    """Trying again leads on: thirty draws hardly ever agree."""
    assert len({alias(original, draw) for draw in several}) > 20


def test_ids_longer_than_python_converts_are_numbers_too() -> None:
    """A numeric id of any length has a numeric alias."""
    assert int(alias("9" * 5000, 7)) <= MAX_SAFE_INTEGER


def test_a_uuid_stays_one_in_form() -> None:
    """Groups and separators stay where they are."""
    assert alias("635f1c9e-11d0-4c6a-9d2e-000000000000", 2**63 + 5)[:28] == "635f1c9e-11d0-4c6a-9d2e-0000"


@given(
    st.text(alphabet="0123456789abcdef-", min_size=1, max_size=20).filter(lambda own: not own.isdecimal()),
    draws,
)
def test_a_word_never_becomes_a_number(original: str, draw: int) -> None:
    """Who reads numbers would take it for one."""
    assert not alias(original, draw).isdecimal()


@given(st.text(min_size=1, max_size=30))
def test_every_id_has_a_number_below_two_to_the_31(own: str) -> None:
    """The same each time; a number that is one already stays."""
    found = numeric(own)
    assert found.isdecimal()
    assert 0 <= int(found) <= MAX_INT32
    assert numeric(own) == numeric(found) == found


@pytest.mark.parametrize(
    ("own", "kept"), [("635468024", True), ("0", True), ("007", False), ("3936040355", False)]
)
def test_only_plain_small_numbers_stay(own: str, kept: bool) -> None:
    """Not those that clients would write otherwise, nor those that do not fit."""
    assert (numeric(own) == own) is kept
