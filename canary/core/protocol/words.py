"""The words of replies: which outcome each stands for, and which of them speak of a lease nobody knows."""

from canary.core.model import Outcome, Progress

_CLASSES: dict[Outcome, str] = {
    Outcome.BUSINESS: """
        NO_NUMBERS NO_NUMBER OUT_OF_STOCK OFFER_NOT_FOUND NO_PRICES NO_FREE_PHONES
        WHATSAPP_NOT_AVAILABLE NOT_AVAILABLE SERVICE_NOT_AVAILABLE SERVICE_UNAVAILABLE_REGION NO_YULA_MAIL
        WRONG_MAX_PRICE MAX_PRICE_EXCEEDED""",
    Outcome.OK: """
        NO_ACTIVATIONS OPERATORS_NOT_FOUND NO_CALL OK SMS_ADDED
        STATUS_WAIT_CODE STATUS_WAIT_RETRY STATUS_WAIT_RESEND STATUS_OK STATUS_CANCEL FULL_SMS
        ACCESS_BALANCE ACCESS_READY ACCESS_RETRY_GET ACCESS_ACTIVATION ACCESS_CANCEL ACCESS_APPROVED""",
    Outcome.CALLER: """
        BAD_ACTION WRONG_ACTION NO_ACTION ACTION_NOT_AVAILABLE
        BAD_SERVICE WRONG_SERVICE BAD_COUNTRY WRONG_COUNTRY COUNTRY_IS_INCORRECT BAD_OPERATOR WRONG_OPERATOR
        BAD_STATUS INCORECT_STATUS INCORRECT_STATUS INVALID_STATUS BAD_FORWARD WRONG_EXCEPTION_PHONE
        WRONG_ADDITIONAL_SERVICE WRONG_SECURITY WRONG_DATE WRONG_CURRENCY BAD_DURATION INVALID_TIME
        MAX_HOURS_EXCEED BAD_DATA BAD_REQUEST UNPROCESSABLE_ENTITY PARSE_COUNT_EXCEED NOT_INCOMING ERROR_NO_ID
        NO_ACTIVATION NOT_FOUND WRONG_ACTIVATION_ID INVALID_ACTIVATION_ID BAD_ID NO_ID_RENT INVALID_PHONE""",
    Outcome.STATE: """
        EARLY_CANCEL_DENIED OTP_RECEIVED NEW_OTP_RECEIVED FREE_CANCELLATION_EXPIRED ACTIVATION_NOT_ACTIVE
        CANT_CANCEL ALREADY_FINISH ALREADY_CANCEL ALREADY_CANCELED ACCESS_CANCEL_ALREADY STATUS_FINISH
        STATUS_REVOKE RENT_DIE RENEW_ACTIVATION_NOT_AVAILABLE NEW_ACTIVATION_IMPOSSIBLE
        REPEAT_ADDITIONAL_SERVICE SIM_OFFLINE SIM_TEMPORARY_OFFLINE ORDER_ALREADY_EXISTS
        CALL_TASK_ALREADY_EXIST FREEZE_PERIOD_NOT_REACHED TOO_EARLY""",
    Outcome.ACCOUNT: """
        BAD_KEY NO_KEY WRONG_API_KEY BAD_API_KEY API_KEY_NOT_VALID ERROR_WRONG_KEY WRONG_TOKEN UNAUTHORIZED
        ACCOUNT_INACTIVE USER_BANNED BANNED CHANNELS_LIMIT TOO_MANY_ACTIVE_RENTALS
        NO_BALANCE NO_MONEY LOW_BALANCE BAD_BALANCE NO_BALANCE_FORWARD NOT_ENOUGH_USER_BALANCE""",
    Outcome.LIMIT: "RATE_LIMIT RATE_LIMITED RATE_LIMIT_EXCEEDED TOO_MANY_REQUESTS 1020 1010",
    Outcome.PROVIDER: """
        ERROR_SQL SQL_ERROR ERROR_SQL25 SERVER_ERROR NO_CONNECTION DB_ERROR ERROR SERVER_OFFLINE
        INTERNAL_SERVER_ERROR""",
}

OUTCOMES: dict[str, Outcome] = {
    word: outcome for outcome, words in _CLASSES.items() for word in words.split()
}
"""Outcome by code word. ``ERROR_SQL`` is ambiguous: SMS-Activate's Python SDK also calls it a bad parameter."""

UNKNOWN_LEASE = frozenset(
    {
        "NO_ACTIVATION",
        "NOT_FOUND",
        "WRONG_ACTIVATION_ID",
        "INVALID_ACTIVATION_ID",
        "BAD_ID",
        "NO_ID_RENT",
        "INVALID_PHONE",
    }
)
"""Words by which an arm says that it does not know a lease. On one that it issued: a misrouting alarm."""

PROGRESS: dict[str, Progress] = {
    "STATUS_WAIT_CODE": Progress.WAITING,
    "STATUS_WAIT_RESEND": Progress.WAITING,
    "STATUS_WAIT_RETRY": Progress.RETRYING,
    "STATUS_OK": Progress.CODE,
    "FULL_SMS": Progress.CODE,
    "STATUS_CANCEL": Progress.CANCELLED,
    "STATUS_REVOKE": Progress.REVOKED,
    "STATUS_FINISH": Progress.FINISHED,
    "ACCESS_READY": Progress.READY,
    "ACCESS_RETRY_GET": Progress.RETRYING,
    "ACCESS_ACTIVATION": Progress.FINISHED,
    "ACCESS_APPROVED": Progress.FINISHED,
    "ACCESS_CANCEL": Progress.CANCELLED,
    "ACCESS_CANCEL_ALREADY": Progress.CANCELLED,
    "ALREADY_CANCELED": Progress.CANCELLED,
    "ALREADY_CANCEL": Progress.CANCELLED,
    "ALREADY_FINISH": Progress.FINISHED,
}
"""What a word says of one lease."""

NO_CODE = "Нет кода"
"""What SMS-Activate's Java SDK knows as the code of a message without one."""


def normalised(word: str) -> str:
    """A code word as the tables spell it: ``WRONG ACTION`` and ``rate_limit_exceeded`` are met too."""
    return word.strip().strip("'\"").upper().replace(" ", "_")


def storable(text: str) -> str:
    """``text`` with what no database column takes (half surrogates, NUL) replaced, one character for one."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
