"""handler_api as clients know it, spoken for a provider that has never heard of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE
from canary.core.dialects import DIALECTS
from canary.core.dialects.fivesim import FIVESIM
from canary.core.dialects.model import Order, OrderState, Settings, Steps, read_from
from canary.core.dialects.speech import actions
from canary.core.dialects.speech.reply import date, digits, moment, money, own_id
from tests.core.dialects.talk import ok, talk


def seeing(order: Order) -> Callable[[Settings, str], Steps[Order]]:
    """A look that sees this order."""

    def look(_settings: Settings, _own: str) -> Steps[Order]:
        yield read_from("/look")
        return order

    return look


@pytest.mark.parametrize(
    ("state", "said", "full"),
    [
        (OrderState.WAITING, "STATUS_WAIT_CODE", "STATUS_WAIT_CODE"),
        (OrderState.RECEIVED, "STATUS_OK:47 11", "FULL_SMS:Code 47\n11"),
        (OrderState.AGAIN, "STATUS_WAIT_RETRY:47 11", "STATUS_WAIT_CODE"),
        (OrderState.ENDED, "STATUS_CANCEL", "STATUS_CANCEL"),
    ],
)
def test_states_have_words(state: OrderState, said: str, full: str) -> None:
    """One for each, on one line."""
    dialect = replace(FIVESIM, look=seeing(Order("1", "7123", state, "47\n11", "Code 47\n11")))
    assert talk(dialect, "getStatus", ok(""), id="1").body == said
    assert talk(dialect, "getFullSms", ok(""), id="1").body == full


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "BAD_SERVICE"),
        ({"service": "tg", "maxPrice": "cheap"}, "WRONG_MAX_PRICE"),
        ({"service": "tg", "maxPrice": "NaN"}, "WRONG_MAX_PRICE"),
        ({"service": "tg", "maxPrice": "-1"}, "WRONG_MAX_PRICE"),
    ],
)
def test_purchases_that_make_no_sense_are_not_sent(params: dict[str, str], word: str) -> None:
    """They are refused in the legacy's words."""
    found = talk(FIVESIM, "getNumber", **params)
    assert (found.asked, found.body) == ((), word)


def test_calls_of_a_lease_without_an_id_are_not_sent() -> None:
    """Nor are statuses that nobody knows."""
    assert talk(FIVESIM, "getStatus").body == "NO_ACTIVATION"
    assert talk(FIVESIM, "setStatus", id="1", status="2").body == "BAD_STATUS"
    assert talk(FIVESIM, "getRentStatus").data == {"status": "error", "message": "NO_ID_RENT"}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda one: one.name)
def test_every_dialect_buys_reads_and_cancels(dialect: object) -> None:
    """What no client can do without; actions are the catalogue's."""
    spoken = actions(dialect)  # type: ignore[arg-type]
    assert {"getNumber", "getNumberV2", "getStatus", "getStatusV2", "setStatus", "getPrices"} <= spoken
    assert spoken <= {action.name for action in CATALOGUE}


@given(st.integers(0, 13_569_465_600))
def test_times_are_written_as_the_legacy_does(at: int) -> None:
    """Any second, leap days too."""
    assert moment(at + 0.9) == datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_dates_of_others_are_rewritten() -> None:
    """With fractions and zones, or not at all."""
    assert date("2018-10-13T08:13:38.809469028Z") == "2018-10-13 08:13:38"
    assert date("yesterday") == ""


def test_numbers_and_ids_as_the_legacy_writes_them() -> None:
    """Digits alone; a JSON number when it is one."""
    assert (digits("+7 (912) 345-67"), digits("secret")) == ("791234567", "secret")
    assert (own_id("12"), own_id("012"), own_id("lr_1")) == (12, "012", "lr_1")
    assert (money(Decimal(100)), money(Decimal("1E+2")), money(Decimal("0.125"))) == (
        "100.00",
        "100.00",
        "0.125",
    )
