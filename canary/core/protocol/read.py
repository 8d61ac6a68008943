"""Replies to facts: the body decides first, then the HTTP status; any dialect, no exception."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from canary.core.actions import Grammar, lookup
from canary.core.leases import CANCEL_CODES
from canary.core.model import Call, Effect, Headers, Issued, Outcome, Progress, Reply
from canary.core.protocol.words import NO_CODE, OUTCOMES, PROGRESS, UNKNOWN_LEASE, normalised

MAX_JSON = 1024 * 1024
"""Bytes up to which a body is parsed as JSON; a longer one is a catalogue, judged by its first and last byte."""

_ISSUING = frozenset({Grammar.NUMBER, Grammar.MULTI, Grammar.RENT})
_NUMBER_WORDS = frozenset({"ACCESS_NUMBER", "ADDITIONAL", "ASLEEP"})
_FAILED_STATUS = frozenset({"error", "false", "fail", "failed"})
_CODE_FIELDS = ("error_code", "title", "error", "message", "msg", "code")

_ASKED: dict[tuple[str, str], Progress] = {
    ("setStatus", "1"): Progress.READY,
    ("setStatus", "3"): Progress.RETRYING,
    ("setStatus", "6"): Progress.FINISHED,
    ("setStatus", "8"): Progress.CANCELLED,
    ("setStatus", "-1"): Progress.CANCELLED,
    ("setRentStatus", "1"): Progress.FINISHED,
    ("setRentStatus", "2"): Progress.CANCELLED,
    ("finishActivation", ""): Progress.FINISHED,
    ("cancelActivation", ""): Progress.CANCELLED,
}


def read(call: Call, status: int, content_type: str, body: bytes) -> Reply:
    """What an arm answered. ``body`` is no longer content-coded. Never raises."""
    text = body.decode("utf-8", "replace").strip("\ufeff \t\r\n\0")
    action = lookup(call.action) if call.effect is not Effect.UNKNOWN else None
    grammar = action.grammar if action else Grammar.TEXT
    if not text:
        return _empty(call, grammar, status)
    if text[0] == "<":
        return _html(text, status)
    if text[0] in "{[":
        return _json(call, grammar, status, text)
    if text[0] == '"' and text[-1] == '"':
        text = text[1:-1]
    return _text(call, grammar, status, text)


def price_from_headers(headers: Headers, names: tuple[str, ...]) -> Decimal | None:
    """The first of the named headers that holds an amount (``X-VerifySMS-Cost``, DaisySMS's ``X-Price``)."""
    wanted = {name.lower() for name in names}
    for name, value in headers:
        if name.lower() in wanted and (amount := _amount(value)) is not None:
            return amount
    return None


# --- bodies that are no words ------------------------------------------------------------------------------------


def _empty(call: Call, grammar: Grammar, status: int) -> Reply:
    if status == 204 and grammar is Grammar.SET_STATUS:
        return Reply(Outcome.OK, "HTTP_204", _asked(call))
    if status >= 300:
        return by_status(status)
    return Reply(Outcome.PROVIDER, "EMPTY")


def _html(text: str, status: int) -> Reply:
    refused = status in {403, 429} or "error code: 10" in text[:4096].lower()
    return Reply(Outcome.LIMIT if refused else Outcome.PROVIDER, "HTML")


_BY_STATUS = {
    400: Outcome.CALLER,
    401: Outcome.ACCOUNT,
    402: Outcome.ACCOUNT,
    403: Outcome.ACCOUNT,
    404: Outcome.CALLER,
    409: Outcome.STATE,
    422: Outcome.CALLER,
    425: Outcome.STATE,
    429: Outcome.LIMIT,
}


def by_status(status: int) -> Reply:
    """The reply when only the HTTP status tells anything."""
    outcome = Outcome.PROVIDER if status >= 500 else _BY_STATUS.get(status, Outcome.UNKNOWN)
    return Reply(outcome, f"HTTP_{status}")


# --- text ---------------------------------------------------------------------------------------------------------


def _text(call: Call, grammar: Grammar, status: int, text: str) -> Reply:
    head, colon, rest = text.partition(":")
    word = normalised(head)
    if word in _NUMBER_WORDS:
        return _text_number(call, grammar, word, rest)
    if word == "ACCESS_BALANCE":
        return _balance(rest)
    if word in OUTCOMES:
        return _word(call, grammar, word, rest.strip().strip("'") if colon else "")
    if "PROHIBITED_FOR_SALE" in word:
        return Reply(Outcome.BUSINESS, "PROHIBITED_FOR_SALE")
    if status >= 300:
        return by_status(status)
    if grammar is Grammar.TEXT and call.effect is not Effect.UNKNOWN:
        return Reply(Outcome.OK, "TEXT")
    return Reply(Outcome.UNKNOWN, "UNKNOWN")


def _text_number(call: Call, grammar: Grammar, word: str, rest: str) -> Reply:
    lease_id, _, phone = rest.partition(":")
    lease_id = lease_id.strip()
    if not lease_id or grammar not in _ISSUING:
        return Reply(Outcome.UNKNOWN, word)
    number = phone.split(":")[0].strip()
    return Reply(Outcome.OK, word, issued=(Issued(lease_id, number, call.params.get("service", "")),))


def _balance(rest: str) -> Reply:
    balance = _amount(rest)
    if balance is None:
        return Reply(Outcome.UNKNOWN, "ACCESS_BALANCE")
    return Reply(Outcome.OK, "ACCESS_BALANCE", balance=balance)


def _word(call: Call, grammar: Grammar, word: str, rest: str) -> Reply:
    """A reply that is one word of the table, with whatever followed its colon."""
    outcome = OUTCOMES[word]
    reply = Reply(outcome, word, unknown_lease=word in UNKNOWN_LEASE)
    if grammar in _ISSUING and outcome is Outcome.OK:
        return replace(reply, outcome=Outcome.UNKNOWN)  # an answer to some other question
    progress = PROGRESS.get(word)
    if progress is None:
        return reply
    if grammar is Grammar.SET_STATUS:
        return _after_set_status(call, reply, progress)
    if progress is Progress.CODE:
        return _with_code(reply, rest)
    return replace(reply, progress=progress)


def _after_set_status(call: Call, reply: Reply, progress: Progress) -> Reply:
    if progress is Progress.READY and call.params.get("status") in CANCEL_CODES:
        return replace(reply, outcome=Outcome.STATE)  # DaisySMS: the code has come, the cancel is refused
    if reply.code.startswith("STATUS_"):
        return replace(reply, outcome=Outcome.STATE, progress=progress)
    return replace(reply, progress=progress)


def _with_code(reply: Reply, code: str) -> Reply:
    if not code or code == NO_CODE:
        return replace(reply, progress=Progress.WAITING)
    return replace(reply, progress=Progress.CODE, sms=code)


def _asked(call: Call) -> Progress | None:
    """What a write's success means when its reply has no words of its own."""
    return _ASKED.get((call.action, call.params.get("status", ""))) or _ASKED.get((call.action, ""))


# --- JSON ---------------------------------------------------------------------------------------------------------


def _json(call: Call, grammar: Grammar, status: int, text: str) -> Reply:
    if len(text) > MAX_JSON:
        return _large(status, text)
    try:
        data = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return by_status(status) if status >= 300 else Reply(Outcome.UNKNOWN, "BROKEN_JSON")
    code = _error_code(data, status)
    if code is not None:
        return _error(call, grammar, status, code)
    reply = _READERS.get(grammar, _any_json)(call, data)
    if status >= 300 and not reply.issued:
        return by_status(status)
    return reply


def _large(status: int, text: str) -> Reply:
    if status >= 300:
        return by_status(status)
    whole = text[-1] == {"{": "}", "[": "]"}[text[0]]
    return Reply(Outcome.OK, "JSON") if whole else Reply(Outcome.UNKNOWN, "BROKEN_JSON")


def _error_code(data: Any, status: int) -> str | None:
    """The code word of an error envelope, whatever its dialect; ``None`` when the body is none."""
    if not isinstance(data, dict):
        return None
    flag = data.get("status")
    failed = flag is False or (isinstance(flag, str) and flag.lower() in _FAILED_STATUS)
    failed = failed or data.get("success") is False
    titled = isinstance(data.get("title"), str) and ("details" in data or "info" in data or len(data) == 1)
    bare = isinstance(data.get("error"), str) and flag != "success"
    if not (failed or titled or bare or (status >= 400 and "code" in data)):
        return None
    for name in _CODE_FIELDS:
        value = data.get(name)
        if isinstance(value, str) and value:
            return normalised(value.partition(":")[0])
    return "ERROR"


def _error(call: Call, grammar: Grammar, status: int, code: str) -> Reply:
    if code in OUTCOMES:
        return _word(call, grammar, code, "")
    if status >= 300:
        return replace(by_status(status), code=code[:40])
    return Reply(Outcome.UNKNOWN, code[:40])


def _any_json(call: Call, data: Any) -> Reply:
    if data == {} and call.action.startswith("getPrices"):
        return Reply(Outcome.BUSINESS, "NO_PRICES")
    return Reply(Outcome.OK, "JSON")


def _json_number(call: Call, data: Any) -> Reply:
    rows = _rows(data)
    issued = tuple(one for one in map(_issued, rows) if one is not None)
    if not issued or len(issued) != len(rows):
        return Reply(Outcome.UNKNOWN, "JSON", issued=issued)
    return Reply(Outcome.OK, "JSON", issued=issued)


def _rows(data: Any) -> list[Any]:
    if isinstance(data, dict):
        inner = data.get("data", data.get("phone"))
        if isinstance(inner, dict | list):
            return _rows(inner)
        return [data]
    return data if isinstance(data, list) else []


_ISSUED_IDS = ("activationId", "activation", "id")
_ISSUED_PHONES = ("phoneNumber", "phone", "number")
_ISSUED_PRICES = ("activationCost", "cost", "price")
_ISSUED_ENDS = ("activationEndTime", "activationEnd", "endDate")


def _issued(row: Any) -> Issued | None:
    """One number out of a row of any dialect's purchase reply."""
    if not isinstance(row, dict):
        return None
    lease_id = _first(row, _ISSUED_IDS)
    if not lease_id:
        return None
    return Issued(
        id=lease_id,
        phone=_first(row, _ISSUED_PHONES),
        service=_first(row, ("serviceCode", "service")),
        price=_amount(_first(row, _ISSUED_PRICES)),
        expires_at=_first(row, _ISSUED_ENDS),
    )


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def _json_status(call: Call, data: Any) -> Reply:
    reply = Reply(Outcome.OK, "JSON")
    if not isinstance(data, dict) or len(call.ids) > 1:
        return reply
    one = data.get(call.ids[0]) if call.ids else None
    if isinstance(one, str):  # a reseller's map of id to status text
        return _text(call, Grammar.STATUS, 200, one)
    code = next((c for c in map(_code_in, (data.get("sms"), data.get("data"), data.get("call"))) if c), "")
    return _with_code(reply, code)


def _code_in(message: Any) -> str:
    if isinstance(message, list):
        message = message[-1] if message else None
    value = message.get("code") if isinstance(message, dict) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _json_set(call: Call, data: Any) -> Reply:
    return Reply(Outcome.OK, "JSON", _asked(call))


def _json_rent_status(call: Call, data: Any) -> Reply:
    values = data.get("values") if isinstance(data, dict) else None
    texts = values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()
    last = next((str(row["text"]) for row in texts if isinstance(row, dict) and row.get("text")), "")
    return _with_code(Reply(Outcome.OK, "JSON"), last)


_READERS: dict[Grammar, Callable[[Call, Any], Reply]] = {
    Grammar.NUMBER: _json_number,
    Grammar.MULTI: _json_number,
    Grammar.RENT: _json_number,
    Grammar.STATUS: _json_status,
    Grammar.SET_STATUS: _json_set,
    Grammar.SET_RENT: _json_set,
    Grammar.RENT_STATUS: _json_rent_status,
}


def _amount(text: str) -> Decimal | None:
    """A finite decimal with a point; ``None`` for anything else (``17,15`` is an error to real clients too)."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
