"""Drifts: the ways in which a new provider may answer differently, by name.

One for each row of protocol.md section 11 and for the other shapes seen in the field, so that every one of
them can be produced on demand. Several can be on at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from canary.sim.answers import JSON, Answer
from canary.sim.dialects import DIALECTS, HERO_STATUSES, Dialect


@dataclass(frozen=True, slots=True)
class Drift:
    """What a drift changes: fields of the dialect, words, HTTP statuses by word, or the finished answer."""

    what: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    edit: Callable[[Answer], Answer] | None = None

    def applied(self, dialect: Dialect) -> Dialect:
        merged: dict[str, Any] = {
            "words": {**dialect.words, **self.words},
            "statuses": {**dialect.statuses, **self.statuses},
            "edits": (*dialect.edits, self.edit) if self.edit else dialect.edits,
        }
        return replace(dialect, **{**merged, **self.fields})


def _newline(answer: Answer) -> Answer:
    return replace(answer, text=f"{answer.text}\n")


def _empty(answer: Answer) -> Answer:
    return replace(answer, text="", status=200)


def _quoted(answer: Answer) -> Answer:
    """A text as a JSON string, as some clones send it."""
    if not answer.text or answer.text[0] in "{[":
        return answer
    return replace(answer, text=f'"{answer.text}"', content_type=JSON)


def _spaced(answer: Answer) -> Answer:
    """``HEAD: 'value'``, the way in which documentation writes a text answer."""
    head, colon, rest = answer.text.partition(":")
    if not colon or answer.text[0] in "{[":
        return answer
    return replace(answer, text=f"{head}: '{rest}'")


DRIFTS: dict[str, Drift] = {
    # protocol.md section 11, row by row
    "phone_plus": Drift("phones begin with a plus", {"phone_plus": True}),
    "phone_bare": Drift("phones have no plus", {"phone_plus": False}),
    "trailing_newline": Drift("bodies end with a newline", edit=_newline),
    "text_id": Drift("ids are text such as ORD-7F3A", {"id_kind": "order"}),
    "big_id": Drift("ids have ten digits, above 2^31", {"id_kind": "int64"}),
    "fourth_field": Drift("ACCESS_NUMBER has the price as a fourth field", {"price_field": True}),
    "json_as_html": Drift("all JSON comes as text/html", {"json_html": True}),
    "hero_v2": Drift("V2 objects in HeroSMS's shape", {"v2": "herosms", "v2_text": True}),
    "no_operator": Drift("V2 objects lack activationOperator", {"operator": False}),
    "v2_numbers": Drift("ids and cost of V2 objects are numbers", {"v2_text": False}),
    "v2_strings": Drift("ids and cost of V2 objects are strings", {"v2_text": True}),
    "empty_body": Drift("every answer is an empty 200", edit=_empty),
    "http_statuses": Drift("errors come with HTTP 4xx and 5xx", statuses=HERO_STATUSES),
    "banned": Drift("every call answers BANNED:'...'", {"always": {"call": "BANNED"}}),
    "wrong_max_price": Drift(
        "purchases answer WRONG_MAX_PRICE:...", {"always": {"purchase": "WRONG_MAX_PRICE"}}
    ),
    "title_200": Drift("errors are JSON with a title, status 200", {"errors": "title", "statuses": {}}),
    "colon_code": Drift("codes have a colon in them", {"code": "colon"}),
    "word_code": Drift("codes begin with an error word", {"code": "word"}),
    "wait_retry": Drift(
        "waiting leases answer STATUS_WAIT_RETRY with an old code", {"waiting": "STATUS_WAIT_RETRY:000000"}
    ),
    "wait_resend": Drift("waiting leases answer STATUS_WAIT_RESEND", {"waiting": "STATUS_WAIT_RESEND"}),
    "status_cancel": Drift("waiting leases answer STATUS_CANCEL", {"waiting": "STATUS_CANCEL"}),
    "cancel_already": Drift(
        "a second cancel answers ACCESS_CANCEL_ALREADY", words={"cancel_twice": "ACCESS_CANCEL_ALREADY"}
    ),
    "set_status_204": Drift("setStatus answers 204 without a body", {"set_empty": True}),
    "early_cancel": Drift(
        "every cancel answers EARLY_CANCEL_DENIED", {"always": {"cancel": "EARLY_CANCEL_DENIED"}}
    ),
    "whole_balance": Drift("balances have no decimals", {"balance": "whole"}),
    "comma_balance": Drift("balances have a decimal comma", {"balance": "comma"}),
    "status_plain": Drift("getNumbersStatus keys have no suffix", {"suffix": False}),
    "status_suffix": Drift("getNumbersStatus keys end in _0", {"suffix": True}),
    "no_country_zero": Drift("Russia is 222 and there is no country 0", {"russia": 222}),
    # other shapes of sections 3 and 4
    "bad_key": Drift("every key is wrong", {"always": {"call": "BAD_KEY"}}),
    "quoted": Drift("texts are JSON strings", edit=_quoted),
    "spaced": Drift("texts are written HEAD: 'value'", edit=_spaced),
    "title_errors": Drift(
        "errors are JSON with a title and HTTP 4xx", {"errors": "title"}, statuses=HERO_STATUSES
    ),
    "msg_errors": Drift("errors are JSON with msg", {"errors": "msg"}),
    "message_errors": Drift("errors are JSON with message", {"errors": "message"}),
    "error_errors": Drift("errors are JSON with error", {"errors": "error"}),
    "no_numbers_404": Drift(
        "NO_NUMBERS comes as 404", {"plain_words": frozenset()}, statuses={"NO_NUMBERS": 404}
    ),
    "cancel_ready": Drift(
        "a cancel after the code answers ACCESS_READY", words={"cancel_with_code": "ACCESS_READY"}
    ),
    "wait_with_code": Drift(
        "waiting leases answer STATUS_WAIT_CODE:<digits>", {"waiting": "STATUS_WAIT_CODE:000000"}
    ),
    "no_code": Drift("codes are the word for no code", {"code": "none"}),
    "status_v2_data": Drift("getStatusV2 has data instead of sms", {"sms": "data"}),
    "active_hero": Drift("getActiveActivations in HeroSMS's shape", {"active": "herosms"}),
    "active_list": Drift("getActiveActivations is a bare list", {"active": "list"}),
    "countries_list": Drift("getCountries is a list", {"countries": "list"}),
    "text_prices": Drift("prices are strings", {"text_prices": True}),
    "body_only": Drift("a POST is read from its body alone", {"body_only": True}),
}
"""Every drift by the name that ``drifts`` of a behaviour takes."""


@lru_cache(maxsize=256)
def drifted(dialect: str, drifts: frozenset[str]) -> Dialect:
    """A dialect with drifts, applied in the order of ``DRIFTS``."""
    result = DIALECTS[dialect]
    for name, drift in DRIFTS.items():
        if name in drifts:
            result = drift.applied(result)
    return result
