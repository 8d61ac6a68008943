"""Lists of keys in few lengths."""

from hypothesis import given
from hypothesis import strategies as st

from canary.store.lists import CHUNK, chunks, filled


@given(st.lists(st.integers(), unique=True, max_size=3 * CHUNK))
def test_every_key_is_asked_for_in_lists_of_few_lengths(keys: list[int]) -> None:
    """In their order, none left out, none added, at most ``CHUNK`` at once."""
    parts = list(chunks(keys))
    assert [key for part in parts for key in dict.fromkeys(part)] == keys
    assert {len(part) for part in parts} <= {2**power for power in range(9)}


def test_no_keys_make_no_list() -> None:
    """Nothing is asked for."""
    assert filled([]) == []
    assert list(chunks([])) == []
