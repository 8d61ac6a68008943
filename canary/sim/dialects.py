"""How providers word and shape their answers: protocol.md's differences between clones, one row each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from canary.core.actions import CATALOGUE
from canary.sim.answers import Answer

WORDS: dict[str, str] = {
    "unknown_read": "NO_ACTIVATION",
    "unknown_write": "NO_ACTIVATION",
    "unknown_parent": "WRONG_ACTIVATION_ID",
    "unknown_rent": "NO_ID_RENT",
    "cancel_with_code": "BAD_STATUS",
    "cancel_twice": "BAD_STATUS",
    "cancel_ended": "BAD_STATUS",
    "finish_without_code": "BAD_STATUS",
    "finish_twice": "BAD_STATUS",
    "ask_without_code": "BAD_STATUS",
    "parent_open": "NEW_ACTIVATION_IMPOSSIBLE",
}
"""Refusals whose word differs between providers, with SMS-Activate's word; other refusals are named by it."""

HERO_STATUSES: dict[str, int] = {
    **dict.fromkeys(("WRONG_MAX_PRICE", "BAD_STATUS", "BAD_SERVICE", "BAD_COUNTRY"), 400),
    **dict.fromkeys(("NO_KEY", "BAD_KEY"), 401),
    **dict.fromkeys(("NO_BALANCE",), 402),
    **dict.fromkeys(("CHANNELS_LIMIT", "BANNED", "ACCOUNT_INACTIVE", "SERVICE_NOT_AVAILABLE"), 403),
    **dict.fromkeys(("BAD_ACTION", "NOT_FOUND", "NO_ACTIVATION", "NO_NUMBERS"), 404),
    **dict.fromkeys(("EARLY_CANCEL_DENIED", "OTP_RECEIVED", "ACTIVATION_NOT_ACTIVE"), 409),
    "RATE_LIMITED": 429,
    "ERROR_SQL": 500,
    "SERVER_ERROR": 500,
}
"""HTTP statuses of a provider that does not answer 200 to everything (HeroSMS)."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RENEWALS = _names("reactivate prolong reactivationPrice reactivateOptions prolongOptions prolongHistory")
_ALL = frozenset(action.name for action in CATALOGUE)
_SMS_ACTIVATE = (
    _ALL
    - _RENEWALS
    - _names("getPricesV2 getPricesV3 getServices getAllSms serviceCountRent")
    - _names("finishActivation cancelActivation keep setAutoRenew")
)
_BASIC = _names(
    """getBalance getNumbersStatus getNumber getNumberV2 setStatus getStatus getStatusV2 getPrices getCountries
    getServicesList getOperators getTopCountriesByService getActiveActivations getHistory"""
)
_HERO = (
    (_BASIC - {"getNumbersStatus"})
    | _RENEWALS
    | _names("getAllSms finishActivation cancelActivation getTopCountriesByServiceRank")
    | _names("getRentServicesAndCountries serviceCountRent getRentNumber")
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's words and shapes; the defaults are SMS-Activate's.

    Attributes:
        actions: those it serves; any other answers its word for ``BAD_ACTION``.
        keyless: actions that need no key.
        words: its word by reason of a refusal, where it differs.
        errors: the envelope of an error: plain text, or JSON with that field.
        plain_words: words that are answered as plain text all the same.
        statuses: HTTP status by word; what is not listed is 200.
        writes: ``setStatus`` values that it knows.
        finish_blank: whether status 6 is accepted before a code came (and billed).
        always: the reason with which every call, purchase or cancel is refused.
        edits: last changes to a finished answer.
    """

    name: str
    actions: frozenset[str] = _SMS_ACTIVATE
    keyless: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)
    errors: Literal["text", "title", "msg", "message", "error"] = "text"
    plain_words: frozenset[str] = frozenset()
    statuses: Mapping[str, int] = field(default_factory=dict)
    json_html: bool = False  # all JSON comes as text/html; getNumbersStatus does so everywhere
    writes: frozenset[str] = frozenset({"1", "2", "3", "6", "8"})
    finish_blank: bool = True
    set_empty: bool = False  # a setStatus that worked answers 204 without a body
    phone_plus: bool = False
    price_field: bool = False  # ACCESS_NUMBER:id:phone:price
    balance: Literal["decimal", "whole", "comma"] = "decimal"
    waiting: str = "STATUS_WAIT_CODE"
    code: Literal["digits", "colon", "word", "none"] = "digits"
    v2: Literal["sms-activate", "herosms", "grizzlysms"] = "sms-activate"
    v2_text: bool = False  # ids and cost of V2 objects as strings
    operator: bool = True  # V2 objects name the operator
    sms: Literal["sms", "data"] = "sms"  # where getStatusV2 has the message
    active: Literal["sms-activate", "herosms", "list"] = "sms-activate"
    countries: Literal["object", "list"] = "object"
    russia: int = 0
    iso: bool = False  # ISO alpha-2 country codes are understood
    products: bool = False  # services by product name, countries by slug too
    suffix: bool = False  # getNumbersStatus keys end in _0
    text_counts: bool = True  # getNumbersStatus values are strings
    text_prices: bool = False
    rents: Literal["sms-activate", "herosms"] = "sms-activate"
    text_header: str = ""  # getStatus with text=1 tells the message in this header
    sleeping: bool = False  # getExtraActivation answers ASLEEP:id:phone:unixts
    order_ids: bool = False  # getNumberV2 knows orderId
    body_only: bool = False  # a POST is read from its body alone
    id_kind: str | None = None  # overrides the behaviour's
    always: Mapping[Literal["call", "purchase", "cancel"], str] = field(default_factory=dict)
    edits: tuple[Callable[[Answer], Answer], ...] = ()
    native: bool = (
        False  # an API of the provider's own (canary.sim.native), which words and shapes say nothing of
    )

    def word(self, reason: str) -> str:
        """This provider's word for a refusal."""
        return self.words.get(reason) or WORDS.get(reason, reason)


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        # every action of the catalogue, SMS-Activate's words
        Dialect("generic", actions=_ALL, writes=frozenset({"-1", "1", "2", "3", "6", "8"})),
        Dialect("sms-activate", order_ids=True),
        Dialect(
            "verifysms",
            actions=_BASIC | {"getTopCountriesByServiceRank"},
            phone_plus=True,
            iso=True,
            text_counts=False,
        ),
        Dialect(
            "herosms",
            actions=_HERO,
            errors="title",
            statuses=HERO_STATUSES,
            plain_words=frozenset({"NO_NUMBERS"}),
            words={
                "unknown_read": "NOT_FOUND",
                "unknown_write": "NOT_FOUND",
                "unknown_parent": "NOT_FOUND",
                "cancel_with_code": "OTP_RECEIVED",
                "cancel_twice": "ACTIVATION_NOT_ACTIVE",
                "cancel_ended": "ACTIVATION_NOT_ACTIVE",
                "finish_twice": "ACTIVATION_NOT_ACTIVE",
            },
            json_html=True,
            writes=frozenset({"3", "6", "8"}),
            finish_blank=False,
            set_empty=True,
            v2="herosms",
            v2_text=True,
            sms="data",
            active="herosms",
            russia=222,
            rents="herosms",
        ),
        Dialect(
            "vak-sms",
            actions=_BASIC,
            keyless=frozenset({"getCountries"}),
            words={"BAD_KEY": "BAD_ACTION", "NO_KEY": "BAD_ACTION", "unknown_read": "BAD_ACTION"},
            countries="list",
        ),
        Dialect(
            "grizzlysms",
            actions=_BASIC | {"getPricesV2", "getPricesV3"},
            words={"cancel_twice": "ACCESS_CANCEL_ALREADY"},
            writes=frozenset({"-1", "1", "3", "6", "8"}),
            v2="grizzlysms",
            active="list",
        ),
        Dialect(
            "smshub",
            actions=_BASIC,
            words={"BAD_KEY": "API_KEY_NOT_VALID", "BAD_SERVICE": "WRONG_SERVICE"},
            suffix=True,
        ),
        Dialect("smsbower", actions=_BASIC | {"getPricesV2", "getPricesV3"}),
        Dialect("tiger-sms", actions=_BASIC),
        Dialect(
            "daisysms",
            actions=_BASIC | {"getExtraActivation", "keep", "setAutoRenew"},
            words={
                "NO_BALANCE": "NO_MONEY",
                "WRONG_MAX_PRICE": "MAX_PRICE_EXCEEDED",
                "CHANNELS_LIMIT": "TOO_MANY_ACTIVE_RENTALS",
                "cancel_with_code": "ACCESS_READY",
                "unknown_parent": "BAD_ID",
                "parent_open": "BAD_ID",
            },
            text_header="X-Text",
            sleeping=True,
        ),
        Dialect("5sim", actions=_BASIC, writes=frozenset({"-1", "1", "3", "6", "8"}), products=True),
        Dialect("sms-man", actions=_BASIC, text_prices=True),
        Dialect("onlinesim", actions=_BASIC, errors="msg"),
        Dialect("5sim-native", native=True),
        Dialect("smspva", native=True),
        Dialect("textverified", native=True, id_kind="ulid"),
        Dialect("herosms-v1", native=True),
        Dialect("verifysms-native", native=True, id_kind="uniqid"),
    )
}
"""The handler_api providers of protocol.md section 8 by the name of their profile, and the APIs of section 9."""
