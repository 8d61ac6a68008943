"""Each named drift, seen in an answer; the table names every drift there is."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from canary.core.model import Outcome
from canary.core.protocol.read import read
from canary.sim.answers import Answer
from canary.sim.drifts import DRIFTS
from tests.factories import tcall
from tests.sim.counter import Counter

type Check = Callable[[Counter], object]


def number(counter: Counter) -> list[str]:
    return counter.text("getNumber", service="tg", country=6).split(":")


def v2(counter: Counter) -> dict[str, Any]:
    return counter.data("getNumberV2", service="tg", country=6)


def waiting(counter: Counter) -> str:
    return counter.text("getStatus", id=counter.buy())


def came(counter: Counter) -> tuple[str, str]:
    """The answer of getStatus once the code came, and the code itself."""
    lease_id = counter.buy()
    counter.advance(10)
    return counter.text("getStatus", id=lease_id), counter.books.lease(lease_id).code


def bad_service(counter: Counter) -> Answer:
    return counter.answer("getNumber", service="", country=6)


def cancelled_twice(counter: Counter) -> str:
    counter.become(success=0, minimum_hold=0)
    lease_id = counter.buy()
    counter.text("setStatus", id=lease_id, status=8)
    return counter.text("setStatus", id=lease_id, status=8)


def cancelled_late(counter: Counter) -> str:
    lease_id = counter.buy()
    counter.advance(200)
    return counter.text("setStatus", id=lease_id, status=8)


def colon(counter: Counter) -> bool:
    answer, code = came(counter)
    return answer == f"STATUS_OK:{code[:2]}:{code[2:]}"


def word(counter: Counter) -> bool:
    answer, code = came(counter)
    return answer == f"STATUS_OK:BANNED{code}"


def body_only(counter: Counter) -> bool:
    return counter.desk.dialect.body_only  # the door reads by it, see test_provider


SEEN: dict[str, Check] = {
    "phone_plus": lambda c: number(c)[2].startswith("+62"),
    "phone_bare": lambda c: (c.become(dialect="verifysms"), number(c)[2].startswith("62"))[1],
    "trailing_newline": lambda c: c.text("getBalance").endswith("\n"),
    "text_id": lambda c: re.fullmatch(r"ORD-[A-Z0-9]{10}", number(c)[1]),
    "big_id": lambda c: int(number(c)[1]) > 2**31,
    "fourth_field": lambda c: number(c)[3] == "0.20",
    "json_as_html": lambda c: c.answer("getNumberV2", service="tg").content_type.startswith("text/html"),
    "hero_v2": lambda c: (
        (row := v2(c))
        and (row["countryCode"], row["canGetAnotherSms"]) == (6, True)
        and re.fullmatch(r"\S+T\S+\+00:00", row["activationTime"])
        and isinstance(row["activationId"], str)
    ),
    "no_operator": lambda c: "activationOperator" not in v2(c),
    "v2_numbers": lambda c: (c.become(dialect="herosms"), isinstance(v2(c)["activationId"], int))[1],
    "v2_strings": lambda c: (
        (row := v2(c)) and (row["activationId"], row["activationCost"]) == ("635468024", "0.20")
    ),
    "empty_body": lambda c: (a := c.answer("getBalance")) and (a.status, a.text) == (200, ""),
    "http_statuses": lambda c: (a := bad_service(c)) and (a.status, a.text) == (400, "BAD_SERVICE"),
    "banned": lambda c: re.fullmatch(r"BANNED:'\d{4}-\d+-\d+ \d\d-\d\d-\d\d'", c.text("getBalance")),
    "wrong_max_price": lambda c: (
        re.fullmatch(r"WRONG_MAX_PRICE:0\.40", c.text("getNumber", service="tg"))
        and c.text("getBalance").startswith("ACCESS_BALANCE")
    ),
    "title_200": lambda c: (
        (a := bad_service(c)) and (a.status, json.loads(a.text)["title"]) == (200, "BAD_SERVICE")
    ),
    "colon_code": colon,
    "word_code": word,
    "wait_retry": lambda c: waiting(c) == "STATUS_WAIT_RETRY:000000",
    "wait_resend": lambda c: waiting(c) == "STATUS_WAIT_RESEND",
    "status_cancel": lambda c: waiting(c) == "STATUS_CANCEL",
    "cancel_already": lambda c: cancelled_twice(c) == "ACCESS_CANCEL_ALREADY",
    "set_status_204": lambda c: c.answer("setStatus", id=c.buy(), status=1).status == 204,
    "early_cancel": lambda c: (
        (i := c.buy(), c.advance(500)) and c.text("setStatus", id=i, status=8) == "EARLY_CANCEL_DENIED"
    ),
    "whole_balance": lambda c: (c.buy(), c.text("getBalance") == "ACCESS_BALANCE:9999")[1],
    "comma_balance": lambda c: (c.buy(), c.text("getBalance") == "ACCESS_BALANCE:9999,80")[1],
    "status_plain": lambda c: (c.become(dialect="smshub"), "tg" in c.data("getNumbersStatus", country=6))[1],
    "status_suffix": lambda c: "tg_0" in c.data("getNumbersStatus", country=6),
    "no_country_zero": lambda c: (
        c.text("getNumber", service="tg", country=0) == "BAD_COUNTRY"
        and c.text("getNumber", service="tg", country=222).startswith("ACCESS_NUMBER")
    ),
    "bad_key": lambda c: c.text("getBalance") == "BAD_KEY",
    "quoted": lambda c: c.text("getBalance") == '"ACCESS_BALANCE:10000.00"',
    "spaced": lambda c: c.text("getBalance") == "ACCESS_BALANCE: '10000.00'",
    "title_errors": lambda c: (
        (a := bad_service(c)) and (a.status, json.loads(a.text)["title"]) == (400, "BAD_SERVICE")
    ),
    "msg_errors": lambda c: json.loads(bad_service(c).text) == {"status": "error", "msg": "BAD_SERVICE"},
    "message_errors": lambda c: (
        json.loads(bad_service(c).text) == {"status": "error", "message": "BAD_SERVICE"}
    ),
    "error_errors": lambda c: json.loads(bad_service(c).text) == {"status": "error", "error": "BAD_SERVICE"},
    "no_numbers_404": lambda c: (c.become(stock_out=1), c.answer("getNumber", service="tg").status == 404)[1],
    "cancel_ready": lambda c: cancelled_late(c) == "ACCESS_READY",
    "wait_with_code": lambda c: waiting(c) == "STATUS_WAIT_CODE:000000",
    "no_code": lambda c: came(c)[0] == "STATUS_OK:Нет кода",
    "status_v2_data": lambda c: c.data("getStatusV2", id=c.buy())["data"]["code"] is None,
    "active_hero": lambda c: (c.buy(), isinstance(c.data("getActiveActivations")["data"], list))[1],
    "active_list": lambda c: (c.buy(), isinstance(c.data("getActiveActivations"), list))[1],
    "countries_list": lambda c: isinstance(c.data("getCountries"), list),
    "text_prices": lambda c: c.data("getPrices", country=6, service="tg")["6"]["tg"]["cost"] == "0.20",
    "body_only": body_only,
}


def test_the_table_names_every_drift():
    """No drift is without a check here, and each says what it is."""
    assert set(SEEN) == set(DRIFTS)
    assert all(drift.what for drift in DRIFTS.values())


@pytest.mark.parametrize("name", DRIFTS)
def test_a_drift_is_seen_in_the_answers(name):
    """With the drift on, the answer has its shape."""
    assert SEEN[name](Counter(drifts=[name], id_start=None))


@pytest.mark.parametrize(
    "name", [name for name in DRIFTS if name not in {"phone_bare", "v2_numbers", "status_plain"}]
)
def test_without_the_drift_the_answers_are_the_reference(name):
    """The same question to the reference dialect does not have that shape."""
    counter = Counter()
    try:
        seen = SEEN[name](counter)
    except (LookupError, ValueError, TypeError):
        seen = False
    assert not seen


def test_drifts_can_be_on_together():
    """Several drifts shape one answer."""
    counter = Counter(drifts=["phone_plus", "fourth_field", "text_id", "trailing_newline"])
    assert re.fullmatch(
        r"ACCESS_NUMBER:ORD-[A-Z0-9]{10}:\+62\d{9}:0\.20\n",
        counter.text("getNumber", service="tg", country=6),
    )


@pytest.mark.parametrize("name", sorted(set(DRIFTS) - {"empty_body", "banned", "wrong_max_price", "bad_key"}))
@pytest.mark.parametrize("action", ["getNumber", "getNumberV2"])
def test_the_harness_reads_a_purchase_through_every_drift(action, name):
    """A drift changes shapes, not facts: the number that was sold is read from the answer."""
    counter = Counter(drifts=[name])
    answer = counter.answer(action, service="tg", country=6)
    reply = read(
        tcall(action, service="tg", country=6), answer.status, answer.content_type, answer.text.encode()
    )
    (lease,) = counter.books.leases
    assert reply.outcome is Outcome.OK
    assert [(one.id, one.phone.lstrip("+")) for one in reply.issued] == [(lease.id, lease.phone)]
