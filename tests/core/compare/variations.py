"""Every variation that is known to break real clients, as what old and new answer; and those that break nobody."""

import json
from random import Random

from canary.core.compare.traits import Aspect
from tests.core.compare.replies import (
    HTML,
    Make,
    Reply,
    active,
    always,
    balance,
    code,
    countries,
    data,
    mixed,
    number,
    number_v2,
    phone,
    prices,
    stock,
)

WAITING = mixed(always("STATUS_WAIT_CODE"), code)


def instead(reply: Reply) -> Make:
    """Old's polls, but that waiting is answered like this."""
    return mixed(always(reply), code)


def plus(random: Random) -> Reply:
    return f"ACCESS_NUMBER:{random.randrange(6 * 10**8, 7 * 10**8)}:+{phone(random)}"


def with_id(make: str) -> Make:
    """Purchases whose id follows a pattern of ``x`` for hex digits and ``9`` for digits."""

    def purchase(random: Random) -> Reply:
        letters = {"x": "0123456789abcdef", "9": "0123456789"}
        own = "".join(random.choice(letters.get(c, c)) for c in make)
        return f"ACCESS_NUMBER:{own}:{phone(random)}"

    return purchase


def changed(**changes: object) -> Make:
    return lambda random: number_v2(random, **changes)


def as_text(random: Random) -> Reply:
    """V2 with id and cost as text, as older servers write them."""
    row = json.loads(str(number_v2(random)))
    return data(
        row | {"activationId": str(row["activationId"]), "activationCost": str(row["activationCost"])}
    )


def whole(random: Random) -> Reply:
    return f"ACCESS_BALANCE:{random.randrange(10**4)}"


def comma(random: Random) -> Reply:
    return f"ACCESS_BALANCE:{random.randrange(10**4)},{random.randrange(100):02d}"


def refusing(word: str, status: int = 200, **envelope: object) -> Make:
    """Purchases of which half are refused."""
    return mixed(number, always((data(envelope) if envelope else word, status)))


type Variation = tuple[str, str, Make, Make, Aspect, str, str]
"""What it is, the action, what old and new answer, kind and path of the difference, a piece of the explanation."""

VARIATIONS: list[Variation] = [
    ("phone with plus", "getNumber", number, plus, Aspect.PHONE, "phone", "drop the plus"),
    ("phone without plus", "getNumber", plus, number, Aspect.PHONE, "phone", "lose their plus"),
    (
        "phone with plus in JSON",
        "getNumberV2",
        number_v2,
        changed(phoneNumber="+79584123456"),
        Aspect.PHONE,
        "phoneNumber",
        "drop the plus",
    ),
    (
        "trailing newline",
        "getNumber",
        number,
        lambda random: f"{number(random)}\n",
        Aspect.WHITESPACE,
        "",
        "newline at its end",
    ),
    (
        "id that is no number",
        "getNumber",
        number,
        with_id("xxxxxxxx-xxxx"),
        Aspect.ID,
        "id",
        "fail after the purchase",
    ),
    (
        "id that is no number, V2",
        "getNumberV2",
        number_v2,
        changed(activationId="ORD-7F3A"),
        Aspect.ID,
        "activationId",
        "parseInt",
    ),
    ("id above 2^31", "getNumber", number, with_id("3999999999"), Aspect.ID, "id", "Java SDK"),
    ("id above 2^53", "getNumber", number, with_id("9199999999999999"), Aspect.ID, "id", "lose digits"),
    (
        "id above 2^31, V2",
        "getNumberV2",
        number_v2,
        changed(activationId=3936040355),
        Aspect.ID,
        "activationId",
        "int32",
    ),
    (
        "a fourth field",
        "getNumber",
        number,
        lambda random: f"{number(random)}:0.35",
        Aspect.PARTS,
        "",
        "glue the extra field to the phone",
    ),
    (
        "V2 as text/html",
        "getNumberV2",
        number_v2,
        lambda random: (str(number_v2(random)), 200, HTML),
        Aspect.CONTENT_TYPE,
        "",
        "UNEXPECTED_RESPONSE",
    ),
    (
        "countryCode a number",
        "getNumberV2",
        number_v2,
        changed(countryCode=2),
        Aspect.TYPE,
        "countryCode",
        "ValidationError",
    ),
    (
        "time as RFC 3339",
        "getNumberV2",
        number_v2,
        changed(activationTime="2022-06-01T17:30:57+00:00"),
        Aspect.DATE,
        "activationTime",
        "ValidationError",
    ),
    (
        "canGetAnotherSms a bool",
        "getNumberV2",
        number_v2,
        changed(canGetAnotherSms=True),
        Aspect.TYPE,
        "canGetAnotherSms",
        "silently reads false",
    ),
    (
        "without activationOperator",
        "getNumberV2",
        number_v2,
        changed(activationOperator=...),
        Aspect.FIELD,
        "activationOperator",
        "requires activationOperator",
    ),
    (
        "a field more",
        "getNumberV2",
        number_v2,
        changed(activationEndTime="2022-06-01 17:50:57"),
        Aspect.FIELD,
        "activationEndTime",
        "refuse unknown names",
    ),
    ("V2 id a number", "getNumberV2", as_text, number_v2, Aspect.TYPE, "activationId", "Go client"),
    ("V2 cost a number", "getNumberV2", as_text, number_v2, Aspect.TYPE, "activationCost", "Go client"),
    ("empty 200, purchase", "getNumber", number, always(""), Aspect.WORD, "EMPTY", "buys a second number"),
    ("empty 200, read", "getBalance", balance, always(""), Aspect.WORD, "EMPTY", "balance of 0.0"),
    (
        "404 with body",
        "getNumber",
        refusing("NO_NUMBERS"),
        refusing("NO_NUMBERS", 404),
        Aspect.STATUS,
        "",
        "transport error",
    ),
    (
        "409 with body",
        "setStatus",
        always("EARLY_CANCEL_DENIED"),
        always(("EARLY_CANCEL_DENIED", 409)),
        Aspect.STATUS,
        "",
        "GZIP",
    ),
    (
        "429 with body",
        "getNumber",
        refusing("RATE_LIMITED"),
        refusing("RATE_LIMITED", 429),
        Aspect.STATUS,
        "",
        "lose the word",
    ),
    (
        "500 with body",
        "getNumber",
        refusing("ERROR_SQL"),
        refusing("ERROR_SQL", 500),
        Aspect.STATUS,
        "",
        "lose the word",
    ),
    (
        "401 for what old never says",
        "getNumber",
        refusing("NO_NUMBERS"),
        refusing("BAD_SERVICE", 400),
        Aspect.STATUS,
        "",
        "transport error",
    ),
    (
        "BANNED with a date",
        "getNumber",
        number,
        always("BANNED:'2030-01-01 00-00-00'"),
        Aspect.WORD,
        "BANNED:…",
        "crashes",
    ),
    (
        "BANNED with a date, read",
        "getBalance",
        balance,
        always("BANNED:'2030-01-01 00-00-00'"),
        Aspect.WORD,
        "BANNED:…",
        "crashes",
    ),
    (
        "WRONG_MAX_PRICE with a price",
        "getNumber",
        number,
        refusing("WRONG_MAX_PRICE:0.50"),
        Aspect.WORD,
        "WRONG_MAX_PRICE:…",
        "returns null",
    ),
    (
        "an error as JSON with 200",
        "getNumber",
        refusing("NO_NUMBERS"),
        refusing("", title="NO_NUMBERS", details="x"),
        Aspect.ENVELOPE,
        "",
        "TypeError because axios",
    ),
    (
        "an error as JSON that old never says",
        "getNumber",
        refusing("NO_NUMBERS"),
        refusing("", title="BAD_SERVICE", details="x"),
        Aspect.ENVELOPE,
        "",
        "ValueError",
    ),
    (
        "code with a colon",
        "getStatus",
        WAITING,
        mixed(always("STATUS_WAIT_CODE"), lambda random: f"STATUS_OK:12:{random.randrange(999)}"),
        Aspect.CODE,
        "code",
        "cut the code at its colon",
    ),
    (
        "code with an error word",
        "getStatus",
        WAITING,
        mixed(always("STATUS_WAIT_CODE"), always("STATUS_OK:BANNED123")),
        Aspect.CODE,
        "code",
        "error words",
    ),
    (
        "STATUS_WAIT_RETRY",
        "getStatus",
        WAITING,
        instead("STATUS_WAIT_RETRY:1234"),
        Aspect.WORD,
        "STATUS_WAIT_RETRY",
        "previous one",
    ),
    (
        "STATUS_WAIT_RESEND",
        "getStatus",
        WAITING,
        instead("STATUS_WAIT_RESEND"),
        Aspect.WORD,
        "STATUS_WAIT_RESEND",
        "pysmshub raises",
    ),
    (
        "STATUS_CANCEL",
        "getStatus",
        WAITING,
        instead("STATUS_CANCEL"),
        Aspect.WORD,
        "STATUS_CANCEL",
        "treat STATUS_CANCEL as an error",
    ),
    (
        "ACCESS_CANCEL_ALREADY",
        "setStatus",
        mixed(always("ACCESS_CANCEL"), always("BAD_STATUS")),
        mixed(always("ACCESS_CANCEL"), always("ACCESS_CANCEL_ALREADY")),
        Aspect.WORD,
        "ACCESS_CANCEL_ALREADY",
        "KeyError",
    ),
    (
        "204 without a body",
        "setStatus",
        always("ACCESS_CANCEL"),
        always(("", 204)),
        Aspect.ENVELOPE,
        "",
        "EMPTY_RESPONSE",
    ),
    ("204", "setStatus", always("ACCESS_CANCEL"), always(("", 204)), Aspect.STATUS, "", "204"),
    (
        "EARLY_CANCEL_DENIED",
        "setStatus",
        always("ACCESS_CANCEL"),
        mixed(always("ACCESS_CANCEL"), always("EARLY_CANCEL_DENIED")),
        Aspect.WORD,
        "EARLY_CANCEL_DENIED",
        "as though the cancel had succeeded",
    ),
    (
        "EARLY_CANCEL_DENIED each time",
        "setStatus",
        mixed(always("ACCESS_CANCEL"), always("EARLY_CANCEL_DENIED")),
        always("EARLY_CANCEL_DENIED"),
        Aspect.WORD,
        "status 8: EARLY_CANCEL_DENIED",
        "never gives a number back",
    ),
    ("balance without decimals", "getBalance", balance, whole, Aspect.AMOUNT, "balance", "reads as 0.0"),
    ("balance with a comma", "getBalance", balance, comma, Aspect.AMOUNT, "balance", "17,15 is 17"),
    (
        "stock without _0",
        "getNumbersStatus",
        stock,
        always(data({"vk": "7", "wa": "9"})),
        Aspect.KEYS,
        "",
        "ArrayIndexOutOfBounds",
    ),
    (
        "no country 0",
        "getCountries",
        countries,
        lambda random: countries(random, [*range(1, 203), 222]),
        Aspect.COUNTRIES,
        "",
        "country=0 (Russia)",
    ),
    # shapes of sections 3, 4 and 8 beside those of section 11
    (
        "stock as numbers",
        "getNumbersStatus",
        stock,
        always(data({"vk_0": 7})),
        Aspect.TYPE,
        "*",
        "Typed decoders",
    ),
    (
        "countries as a list",
        "getCountries",
        countries,
        lambda random: data([*json.loads(str(countries(random))).values()]),
        Aspect.TYPE,
        "",
        "positions in an object",
    ),
    (
        "prices as text",
        "getPrices",
        prices,
        always(data({"6": {"tg": {"cost": "0.35", "count": 7}}})),
        Aspect.TYPE,
        "*.*.cost",
        "Typed decoders",
    ),
    (
        "another envelope for leases",
        "getActiveActivations",
        active,
        always(data({"status": "success", "data": [{"activationId": "1"}]})),
        Aspect.FIELD,
        "activeActivations",
        "without asking",
    ),
    (
        "a text in quotes",
        "getBalance",
        balance,
        lambda r: f'"{balance(r)}"',
        Aspect.ENVELOPE,
        "",
        "keep the quotes",
    ),
    (
        "a value in quotes",
        "getBalance",
        balance,
        lambda r: str(balance(r)).replace(":", ": '") + "'",
        Aspect.ENVELOPE,
        "",
        "keep the quotes",
    ),
    (
        "an action that new does not know",
        "getOperators",
        always(data({"status": "success", "countryOperators": {"1": ["life"]}})),
        always("BAD_ACTION"),
        Aspect.WORD,
        "BAD_ACTION",
        "does not know this action",
    ),
    (
        "a country that new does not know",
        "getPrices",
        always(data({"0": {"tg": {"cost": 1, "count": 7}}})),
        always("BAD_COUNTRY"),
        Aspect.WORD,
        "BAD_COUNTRY",
        "parameters",
    ),
    (
        "an answer that nobody knows",
        "getStatus",
        WAITING,
        instead("Please wait a little"),
        Aspect.WORD,
        "UNKNOWN",
        "No client knows this word",
    ),
    (
        "a byte order mark",
        "getBalance",
        balance,
        lambda r: f"\ufeff{balance(r)}",
        Aspect.WHITESPACE,
        "",
        "byte order mark",
    ),
]


QUIET: list[tuple[str, str, Make, Make]] = [
    ("no stock on new", "getNumber", number, mixed(number, always("NO_NUMBERS"))),
    ("no stock on new at all", "getNumber", number, always("NO_NUMBERS")),
    ("no stock on old", "getNumber", always("NO_NUMBERS"), number),
    ("nothing to list on new", "getActiveActivations", active, always("NO_ACTIVATIONS")),
    ("nothing to list on old", "getActiveActivations", always("NO_ACTIVATIONS"), active),
    ("no prices on new", "getPrices", prices, always("{}")),
    ("no money on new", "getNumber", number, always("NO_BALANCE")),
    (
        "server trouble on new",
        "getNumber",
        number,
        mixed(number, always("ERROR_SQL"), always(("<html>", 502))),
    ),
    ("empty answers on new", "getBalance", balance, mixed(balance, always(""))),
    ("throttling on new", "getBalance", balance, mixed(balance, always(("RATE_LIMITED", 429)))),
    ("one amount on new", "getBalance", balance, always("ACCESS_BALANCE:10000")),
    ("other amounts", "getBalance", always("ACCESS_BALANCE:17.154"), balance),
    ("smaller ids", "getNumber", with_id("3999999999"), number),
    ("more countries", "getCountries", countries, lambda random: countries(random, range(206))),
]
