"""Counts of calls add up in any order, and junk cannot fill the store."""

from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Arm
from canary.core.tally import BUCKET, MAX_CODES, Tally, TallyKey, bucket_of, total

calls = st.tuples(st.sampled_from(["ok", "business", "provider"]), st.text(max_size=4), st.integers(0, 637))
tallies = st.lists(calls, max_size=12).map(lambda several: tally(*several))


def tally(*several: tuple[str, str, int]) -> Tally:
    result = Tally()
    for outcome, code, latency_bin in several:
        result.add(outcome, code, latency_bin)
    return result


def test_one_exchange_counts_once_in_each_way() -> None:
    """Outcome, code word and latency bin are counted, and the number of calls is that of outcomes."""
    got = tally(("ok", "STATUS_OK", 5), ("ok", "STATUS_OK", 5), ("business", "NO_NUMBERS", 9))
    assert got.calls == 3
    assert got.outcomes == {"ok": 2, "business": 1}
    assert got.codes == {"STATUS_OK": 2, "NO_NUMBERS": 1}
    assert got.latency == {5: 2, 9: 1}


@given(tallies, tallies, tallies)
def test_tallies_add_up_in_any_order(a: Tally, b: Tally, c: Tally) -> None:
    """Merging is commutative and associative, an empty tally changes nothing, and no call is lost."""
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(Tally()) == a
    assert a.merge(b).calls == a.calls + b.calls


def test_merging_leaves_its_parts_alone() -> None:
    """A merged tally and a copy are counts of their own."""
    a, b = tally(("ok", "A", 1)), tally(("ok", "B", 2))
    a.merge(b).add("ok", "C", 3)
    a.copy().add("ok", "C", 3)
    assert (a, b) == (tally(("ok", "A", 1)), tally(("ok", "B", 2)))


def test_code_words_are_bounded() -> None:
    """Beyond the limit new words are counted together, known ones as before, and every call still counts."""
    got = tally(*(("unknown", f"WORD{i}", 0) for i in range(MAX_CODES + 10)), ("unknown", "WORD3", 0))
    assert len(got.codes) == MAX_CODES + 1
    assert (got.codes["OTHER"], got.codes["WORD3"]) == (10, 2)
    assert got.codes.total() == got.calls


@given(st.floats(0, 4e9))
def test_a_bucket_begins_on_the_minute(at: float) -> None:
    """The bucket of a time holds it and begins on a whole multiple of its length."""
    start = bucket_of(at)
    assert start % BUCKET == 0
    assert start <= at < start + BUCKET


def test_the_total_of_several() -> None:
    """All tallies as one; nothing of none."""
    keys = [TallyKey(1, 0, 60 * i, Arm.OLD, "getStatus") for i in range(3)]
    assert total({key: tally(("ok", "A", i)) for i, key in enumerate(keys)}).calls == 3
    assert total({}) == Tally()
