import json

from canary.sim.answers import Refused
from canary.sim.dialects import DIALECTS
from canary.sim.wording import worded

GENERIC, HERO = DIALECTS["generic"], DIALECTS["herosms"]


def test_a_refusal_is_a_word_with_what_follows_it():
    """Plain dialects answer 200 with the word."""
    answer = worded(GENERIC, Refused("WRONG_MAX_PRICE", tail="0.50"), rent=False)
    assert (answer.text, answer.word, answer.status) == ("WRONG_MAX_PRICE:0.50", "WRONG_MAX_PRICE", 200)


def test_rents_have_json_errors_even_where_all_else_is_text():
    """SMS-Activate's rent errors are an envelope with message."""
    answer = worded(GENERIC, Refused("NO_BALANCE"), rent=True)
    assert json.loads(answer.text) == {"status": "error", "message": "NO_BALANCE"}


def test_a_title_error_has_details_and_info():
    """HeroSMS's errors carry their facts in info."""
    answer = worded(HERO, Refused("WRONG_MAX_PRICE", info={"min": "0.5"}), rent=False)
    assert json.loads(answer.text) == {
        "title": "WRONG_MAX_PRICE",
        "details": "Wrong max price",
        "info": {"min": "0.5"},
    }
    assert answer.status == 400


def test_throttling_is_429_everywhere():
    """Providers that answer 200 to everything still throttle with 429."""
    assert worded(GENERIC, Refused("RATE_LIMITED"), rent=False).status == 429
    assert worded(HERO, Refused("RATE_LIMITED"), rent=False).status == 429
