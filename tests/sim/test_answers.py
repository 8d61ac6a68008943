import json
from decimal import Decimal

import pytest

from canary.sim.answers import data, text, written


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0.2", "0.20"),
        ("0.20", "0.20"),
        ("17.154", "17.154"),
        ("10000", "10000.00"),
        ("1E+3", "1000.00"),
        ("0", "0.00"),
    ],
)
def test_money_has_two_decimals_or_what_it_has(amount, shown):
    """Amounts are written in full, never rounded and never with an exponent."""
    assert written(Decimal(amount)) == shown


def test_money_is_a_json_number_that_reads_back_as_the_same_decimal():
    """Prices survive the way through JSON to the cent."""
    answer = data({"cost": Decimal("12.333")})
    assert json.loads(answer.text, parse_float=Decimal) == {"cost": Decimal("12.333")}


def test_only_money_is_made_a_number():
    """Anything else without a JSON form is a mistake of ours."""
    with pytest.raises(TypeError, match="set has no JSON form"):
        data({1})


def test_the_word_of_a_text_is_what_stands_before_its_colon():
    """The books count answers by it."""
    assert text("STATUS_OK:12:345").word == "STATUS_OK"
