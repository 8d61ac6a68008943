"""Examples show the form of a reply and nothing of its contents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.compare.mask import LONGEST, example, masked
from tests.factories import CLIENT_KEY

EXAMPLES = [
    ("ACCESS_NUMBER:635468024:+79584123456", "ACCESS_NUMBER:000000000:+00000000000"),
    ("STATUS_OK:BANNED123", "STATUS_OK:xxxxxx000"),
    ("FULL_SMS:Your code is NO_NUMBERS 12", "FULL_SMS:xxxx xxxx xx xx_xxxxxxx 00"),
    ("STATUS_WAIT_CODE", "STATUS_WAIT_CODE"),
    ('{"title":"NO_NUMBERS","details":"key abc1"}', '{"title":"NO_NUMBERS","details":"xxx xxx0"}'),
    ("ORD-7F3A", "xxx-0x0x"),
    (635468024, "000000000"),
    ({"activationId": 1, "7958": 2}, "{activationId}"),
    ({"7958": 2}, "{1 entries}"),
    ([1, 2], "[2 entries]"),
    (True, "True"),
]


@pytest.mark.parametrize(("value", "shown"), EXAMPLES)
def test_words_stay_and_values_go(value: object, shown: str) -> None:
    """Words and field names of the protocol are kept, digits become 0 and letters x."""
    assert example(value) == shown


@given(st.text(max_size=400))
def test_no_digit_and_no_key_survives(text: str) -> None:
    """Whatever a reply holds, its example is bounded, fits every store, and has none of its digits."""
    shown = masked(f"BAD_KEY {CLIENT_KEY} {text}")
    assert len(shown) <= LONGEST
    assert CLIENT_KEY not in shown
    assert not any(c.isdigit() and c != "0" for c in shown)
    assert "\0" not in shown
    shown.encode()
