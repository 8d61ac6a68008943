"""Every word of the protocol's outcome table is in its class, and words are met in every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.core.model import Outcome, Progress
from canary.core.protocol.read import read
from canary.core.protocol.words import OUTCOMES, PROGRESS, UNKNOWN_LEASE, normalised, storable
from tests.factories import tcall

TABLE = {
    Outcome.BUSINESS: (
        "NO_NUMBERS NO_NUMBER OUT_OF_STOCK OFFER_NOT_FOUND WHATSAPP_NOT_AVAILABLE NOT_AVAILABLE "
        "SERVICE_NOT_AVAILABLE SERVICE_UNAVAILABLE_REGION NO_YULA_MAIL WRONG_MAX_PRICE MAX_PRICE_EXCEEDED"
    ),
    Outcome.OK: (
        "STATUS_WAIT_CODE STATUS_WAIT_RETRY STATUS_WAIT_RESEND STATUS_OK STATUS_CANCEL NO_ACTIVATIONS "
        "OPERATORS_NOT_FOUND NO_CALL ACCESS_READY ACCESS_RETRY_GET ACCESS_ACTIVATION ACCESS_CANCEL SMS_ADDED"
    ),
    Outcome.CALLER: (
        "BAD_ACTION WRONG_ACTION NO_ACTION ACTION_NOT_AVAILABLE BAD_SERVICE WRONG_SERVICE BAD_COUNTRY "
        "WRONG_COUNTRY BAD_OPERATOR WRONG_OPERATOR BAD_STATUS INCORECT_STATUS INVALID_STATUS BAD_FORWARD "
        "WRONG_EXCEPTION_PHONE WRONG_ADDITIONAL_SERVICE WRONG_SECURITY WRONG_DATE WRONG_CURRENCY BAD_DURATION "
        "INVALID_TIME MAX_HOURS_EXCEED BAD_DATA BAD_REQUEST UNPROCESSABLE_ENTITY PARSE_COUNT_EXCEED "
        "NOT_INCOMING ERROR_NO_ID NO_ACTIVATION NOT_FOUND WRONG_ACTIVATION_ID INVALID_ACTIVATION_ID BAD_ID "
        "NO_ID_RENT INVALID_PHONE"
    ),
    Outcome.STATE: (
        "EARLY_CANCEL_DENIED OTP_RECEIVED NEW_OTP_RECEIVED FREE_CANCELLATION_EXPIRED ACTIVATION_NOT_ACTIVE "
        "CANT_CANCEL ALREADY_FINISH ALREADY_CANCEL ACCESS_CANCEL_ALREADY STATUS_FINISH STATUS_REVOKE RENT_DIE "
        "RENEW_ACTIVATION_NOT_AVAILABLE NEW_ACTIVATION_IMPOSSIBLE REPEAT_ADDITIONAL_SERVICE SIM_OFFLINE "
        "SIM_TEMPORARY_OFFLINE ORDER_ALREADY_EXISTS CALL_TASK_ALREADY_EXIST FREEZE_PERIOD_NOT_REACHED TOO_EARLY"
    ),
    Outcome.ACCOUNT: (
        "BAD_KEY NO_KEY WRONG_API_KEY BAD_API_KEY API_KEY_NOT_VALID ERROR_WRONG_KEY ACCOUNT_INACTIVE "
        "USER_BANNED BANNED CHANNELS_LIMIT TOO_MANY_ACTIVE_RENTALS NO_BALANCE NO_MONEY LOW_BALANCE BAD_BALANCE "
        "NO_BALANCE_FORWARD"
    ),
    Outcome.LIMIT: "RATE_LIMIT RATE_LIMITED 1020",
    Outcome.PROVIDER: "ERROR_SQL SQL_ERROR ERROR_SQL25 SERVER_ERROR NO_CONNECTION DB_ERROR ERROR",
}
ROWS = [(word, outcome) for outcome, words in TABLE.items() for word in words.split()]


@pytest.mark.parametrize(("word", "outcome"), ROWS)
def test_words_are_in_their_class(word: str, outcome: Outcome) -> None:
    """A documented word means its class, as text in any case, quoted, and in every error envelope."""
    call = tcall("getStatus", id="7")
    for body in (
        word,
        f"{word}\n",
        f'"{word}"',
        word.lower(),
        word.replace("_", " "),
        f"{word}:'more'",
        f'{{"status":"error","message":"{word}"}}',
        f'{{"status":"error","error":"{word}"}}',
        f'{{"status":"error","msg":"{word}"}}',
        f'{{"title":"{word}","details":"x"}}',
        f'{{"error":"{word.lower()}"}}',
        f'{{"success":false,"error_code":"{word.lower()}"}}',
    ):
        reply = read(call, 200, "", body.encode())
        assert (reply.outcome, reply.code) == (outcome, word), body


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize(
    "word", ["NO_NUMBERS", "EARLY_CANCEL_DENIED", "BAD_KEY", "ERROR_SQL", "RATE_LIMITED"]
)
def test_the_body_decides_before_the_status(word: str, status: int) -> None:
    """A known word keeps its class whatever HTTP status it comes with."""
    assert read(tcall("getNumber"), status, "", word.encode()).outcome is OUTCOMES[word]
    assert read(tcall("getNumber"), status, "", f'{{"title":"{word}"}}'.encode()).outcome is OUTCOMES[word]


def test_every_word_has_one_class() -> None:
    """No word stands in two rows of the table, and each is spelled as replies are normalised."""
    assert all(word == normalised(word) for word in OUTCOMES)
    assert set(PROGRESS) <= set(OUTCOMES)
    assert set(OUTCOMES) >= UNKNOWN_LEASE


def test_words_of_an_unknown_lease_are_the_callers() -> None:
    """An arm that does not know a lease blames the caller: seven words say so."""
    assert {OUTCOMES[word] for word in UNKNOWN_LEASE} == {Outcome.CALLER}
    assert len(UNKNOWN_LEASE) == 7


def test_the_old_code_of_a_retry_is_no_code() -> None:
    """STATUS_WAIT_RETRY shows the previous code, which must never count as a new one."""
    reply = read(tcall("getStatus", id="7"), 200, "", b"STATUS_WAIT_RETRY:4711")
    assert (reply.progress, reply.sms) == (Progress.RETRYING, None)


@given(st.text())
def test_storable_text_fits_any_database(text: str) -> None:
    """What is kept of a request or reply can be encoded, holds no NUL, and keeps its length."""
    kept = storable(text + "\ud800\udcff\0")
    kept.encode()
    assert "\0" not in kept
    assert len(kept) == len(text) + 3


@given(st.text(st.characters(codec="ascii", exclude_characters="\0")))
def test_plain_text_is_stored_as_it_is(text: str) -> None:
    """Ordinary text is kept unchanged."""
    assert storable(text) == text
