import json

import pytest

from canary.core.actions import CATALOGUE
from canary.core.model import Outcome
from canary.core.protocol.read import read
from canary.sim.actions import HANDLERS
from canary.sim.dialects import DIALECTS
from tests.factories import tcall
from tests.sim.counter import Counter


def test_every_action_of_the_catalogue_is_answered():
    """There is a handler for each action, and the generic dialect serves them all."""
    names = {action.name for action in CATALOGUE}
    assert set(HANDLERS) == names == DIALECTS["generic"].actions


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_serves_actions_of_the_catalogue_only(name):
    """No dialect names an action that nobody could answer."""
    assert DIALECTS[name].actions <= set(HANDLERS)


@pytest.mark.parametrize("name", DIALECTS)
def test_a_lease_can_be_lived_in_every_dialect(name):
    """Buy, wait, code, finish: the harness's reader understands each answer."""
    counter = Counter(dialect=name)
    service, country = ("telegram", "6") if DIALECTS[name].products else ("tg", "6")

    def ask(action: str, **params):
        answer = counter.answer(action, **params)
        return read(tcall(action, **params), answer.status, answer.content_type, answer.text.encode())

    (issued,) = ask("getNumber", service=service, country=country).issued
    assert ask("getStatus", id=issued.id).progress == "waiting"
    counter.advance(10)
    assert ask("getStatus", id=issued.id).sms == counter.books.leases[0].code
    assert ask("setStatus", id=issued.id, status="6").progress == "finished"
    assert ask("getStatus", id=issued.id).progress == "cancelled"
    assert ask("getBalance").balance == counter.books.balance


@pytest.mark.parametrize(
    ("dialect", "word"),
    [("generic", "BAD_KEY"), ("vak-sms", "BAD_ACTION"), ("smshub", "API_KEY_NOT_VALID")],
)
def test_a_wrong_key_has_each_dialects_word(dialect, word):
    """VAK-SMS even calls it a bad action."""
    assert Counter(dialect=dialect, keys=("right",)).text("getBalance", key="wrong") == word


@pytest.mark.parametrize(
    ("dialect", "action", "status", "text"),
    [
        ("generic", "getStatus", 200, "NO_ACTIVATION"),
        ("vak-sms", "getStatus", 200, "BAD_ACTION"),
        ("vak-sms", "setStatus", 200, "NO_ACTIVATION"),
        ("herosms", "getStatus", 404, '{"title": "NOT_FOUND", "details": "Not found", "info": {}}'),
        ("onlinesim", "getStatus", 200, '{"status": "error", "msg": "NO_ACTIVATION"}'),
    ],
)
def test_an_unknown_lease_has_each_dialects_answer(dialect, action, status, text):
    """Words, envelopes and HTTP statuses differ."""
    answer = Counter(dialect=dialect).answer(action, id=77, status=8)
    assert (answer.status, answer.text) == (status, text)


def test_daisysms_has_words_of_its_own():
    """NO_MONEY, MAX_PRICE_EXCEEDED and TOO_MANY_ACTIVE_RENTALS."""
    assert Counter(dialect="daisysms", deposit=0).text("getNumber", service="tg") == "NO_MONEY"
    capped = Counter(dialect="daisysms").text("getNumber", service="tg", max_price="0.1")
    assert capped == "MAX_PRICE_EXCEEDED:0.20"
    full = Counter(dialect="daisysms", max_active=1)
    full.buy()
    assert full.text("getNumber", service="tg") == "TOO_MANY_ACTIVE_RENTALS"


def test_herosms_tells_details_in_json_with_a_status():
    """EARLY_CANCEL_DENIED is a 409 with the minimum in info; NO_NUMBERS stays a plain 200."""
    counter = Counter(dialect="herosms")
    answer = counter.answer("setStatus", id=counter.buy(), status=8)
    assert (answer.status, json.loads(answer.text)["info"]) == (409, {"minActivationTime": 120})
    assert answer.content_type == "text/html; charset=UTF-8"
    counter.become(stock_out=1)
    answer = counter.answer("getNumber", service="tg", country=6)
    assert (answer.status, answer.text) == (200, "NO_NUMBERS")


@pytest.mark.parametrize(
    "action", ["getNumbersStatus", "getFullSms", "getRentStatus", "nonsense", "GETBALANCE", None]
)
def test_what_a_dialect_does_not_serve_is_a_bad_action(action):
    """HeroSMS has no such actions; spelling counts."""
    answer = Counter(dialect="herosms").answer(action)
    assert (answer.status, answer.word) == (404, "BAD_ACTION")


def test_vak_sms_lists_countries_without_a_key():
    """Its getCountries is a list and needs no key."""
    assert isinstance(Counter(dialect="vak-sms").data("getCountries", key=None), list)


def test_verifysms_has_no_rents():
    """Rent actions have no compat equivalent there."""
    assert (
        Counter(dialect="verifysms").text("getRentNumber", service="tg")
        == '{"status": "error", "message": "BAD_ACTION"}'
    )


def test_herosms_russia_is_222():
    """There is no country 0 with HeroSMS."""
    counter = Counter(dialect="herosms")
    assert counter.answer("getNumber", service="tg", country=0).word == "BAD_COUNTRY"
    counter.buy(country=222)
    assert "222" in counter.data("getCountries")


def test_outcomes_of_refusals_are_known_to_the_harness():
    """Every word that a refusal can have is classed by the harness's reader."""
    for name, dialect in DIALECTS.items():
        for reason, word in dialect.words.items():
            reply = read(tcall("getStatus", id=7), 200, "text/html", word.encode())
            assert reply.outcome is not Outcome.UNKNOWN, (name, reason)
