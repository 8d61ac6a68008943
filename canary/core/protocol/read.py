"""Replies to facts: the body decides first, then the HTTP status; any dialect, no exception."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from canary.core.actions import Grammar, lookup
from canary.core.leases import CANCEL_CODES
from canary.core.model import Call, Effect, Headers, Issued, Kind, Outcome, Progress, Reply
from canary.core.protocol.words import NO_CODE, OUTCOMES, PROGRESS, UNKNOWN_LEASE, normalised, storable

MAX_JSON = 1024 * 1024
"""Bytes up to which a body is parsed as JSON; a longer one is a catalogue, judged by its first and last byte."""

MAX_ID = 200
"""Characters of the longest lease id that is believed to be one."""

_ISSUING = frozenset({Grammar.NUMBER, Grammar.MULTI, Grammar.RENT})
_NUMBER_WORDS = frozenset({"ACCESS_NUMBER", "ADDITIONAL", "ASLEEP"})
_FAILED_STATUS = frozenset({"error", "false", "fail", "failed"})
_CODE_FIELDS = ("error_code", "title", "error", "message", "msg", "code")
_CYRILLIC = re.compile(r"(?i)charset=[\"']?(windows-1251|cp1251|koi8-r)\b")
_REFUSED = re.compile(r"(?i)error code:?\s*10[0-9]{2}\b")  # Cloudflare's own answers
_SPOKEN_WORD = re.compile(r"[A-Za-z][A-Za-z_]{1,39}")

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
    """What an arm answered. ``body`` is no longer content-coded. Never raises.

    The content type only tells the charset: handler_api serves text and JSON alike as ``text/html``.
    """
    text = body.decode(_charset(content_type), "replace").strip("\ufeff \t\r\n\0")
    action = lookup(call.action) if call.effect is not Effect.UNKNOWN else None
    grammar = action.grammar if action else Grammar.TEXT
    text = _unquoted(text)
    if not text:
        return _empty(call, grammar, status)
    if text[0] == "<":
        return _html(text, status)
    if text[0] in "{[":
        return _json(call, grammar, status, text)
    return _text(call, grammar, status, text)


@lru_cache(64)
def _charset(content_type: str) -> str:
    found = _CYRILLIC.search(content_type)
    return found.group(1) if found else "utf-8"


def price_from_headers(headers: Headers, names: tuple[str, ...]) -> Decimal | None:
    """The first of the named headers that holds an amount (``X-VerifySMS-Cost``, DaisySMS's ``X-Price``)."""
    wanted = {name.lower() for name in names}
    for name, value in headers:
        if name.lower() in wanted and (amount := _price(value)) is not None:
            return amount
    return None


# --- bodies that are no words ------------------------------------------------------------------------------------


def _unquoted(text: str) -> str:
    """A JSON string as what it says: ``"STATUS_CANCEL"`` with its quotes is met too."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return str(json.loads(text)).strip()
    except ValueError:
        return text[1:-1].strip()


def _empty(call: Call, grammar: Grammar, status: int) -> Reply:
    if status == 204 and grammar is Grammar.SET_STATUS:
        return Reply(Outcome.OK, "HTTP_204", _asked(call))
    if status >= 300:
        return by_status(status)
    return Reply(Outcome.PROVIDER, "EMPTY")


def _html(text: str, status: int) -> Reply:
    if status in {403, 429} or _REFUSED.search(text, 0, 4096):
        return Reply(Outcome.LIMIT, "REFUSED")  # at the edge: whatever was asked for was not done
    return Reply(Outcome.PROVIDER, "HTML")


_BY_STATUS = {
    304: Outcome.OK,  # to a client that asked whether anything changed
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
    head, _, rest = text.partition(":")
    word = normalised(head)
    if word in _NUMBER_WORDS:
        return _text_number(call, grammar, word, rest)
    if word == "ACCESS_BALANCE":
        return _balance(grammar, rest)
    if word in OUTCOMES:
        return _word(call, grammar, word, _bare(rest))
    if _REFUSED.match(text):
        return Reply(Outcome.LIMIT, "REFUSED")
    if _is_prohibited(normalised(text[:200])):
        return Reply(Outcome.BUSINESS, "PROHIBITED_FOR_SALE")
    return by_status(status) if status >= 300 else Reply(Outcome.UNKNOWN, "UNKNOWN")


def _bare(text: str) -> str:
    """A value without the quotes that some documentation shows around it."""
    return text.strip().strip("'").strip()


def _is_prohibited(word: str) -> bool:
    return "PROHIBITED_FOR_SALE" in word  # GrizzlySMS, in a sentence that begins with the service's name


def _text_number(call: Call, grammar: Grammar, word: str, rest: str) -> Reply:
    own, _, more = rest.partition(":")
    lease_id = _id(_bare(own))
    if not lease_id or grammar not in _ISSUING:
        return Reply(Outcome.UNKNOWN, word)
    one = Issued(lease_id, _bare(more.partition(":")[0]), call.params.get("service", ""))
    return _issuing(word, (one,), 1)


def _issuing(code: str, issued: tuple[Issued, ...], rows: int) -> Reply:
    """A purchase's reply; without an id and a phone for every row it is not understood."""
    whole = bool(issued) and len(issued) == rows and all(one.phone for one in issued)
    return Reply(Outcome.OK if whole else Outcome.UNKNOWN, code, issued=issued)


def _balance(grammar: Grammar, rest: str) -> Reply:
    balance = _amount(_bare(rest))
    if balance is None or grammar is not Grammar.BALANCE:
        return Reply(Outcome.UNKNOWN, "ACCESS_BALANCE")
    return Reply(Outcome.OK, "ACCESS_BALANCE", balance=balance)


def _word(call: Call, grammar: Grammar, word: str, rest: str) -> Reply:
    """A reply that is one word of the table, with whatever followed its colon."""
    outcome = OUTCOMES[word]
    reply = Reply(outcome, word, unknown_lease=word in UNKNOWN_LEASE)
    if outcome is Outcome.OK and (grammar in _ISSUING or grammar is Grammar.BALANCE):
        return replace(reply, outcome=Outcome.UNKNOWN)  # an answer to some other question
    progress = _asked(call) if word == "OK" else PROGRESS.get(word)
    if progress is None:
        return reply
    if grammar is Grammar.SET_STATUS:
        return _after_set_status(call, reply, progress)
    if progress is Progress.CODE:
        return _with_code(reply, rest)
    return Reply(outcome, word, progress, unknown_lease=reply.unknown_lease)


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
    except (ValueError, RecursionError, InvalidOperation):
        return by_status(status) if status >= 300 else Reply(Outcome.UNKNOWN, "BROKEN_JSON")
    if isinstance(data, dict) and _is_error(data, status):
        return _error(call, grammar, status, data)
    reply = _READERS.get(grammar, _any_json)(call, data)
    if status >= 300 and not reply.issued:
        return by_status(status)
    return reply


def _large(status: int, text: str) -> Reply:
    if status >= 300:
        return by_status(status)
    whole = text[-1] == {"{": "}", "[": "]"}[text[0]]
    return Reply(Outcome.OK, "JSON") if whole else Reply(Outcome.UNKNOWN, "BROKEN_JSON")


def _is_error(data: Mapping[str, Any], status: int) -> bool:
    """Whether an object is an error envelope of any dialect."""
    flag, error, title = data.get("status"), data.get("error"), data.get("title")
    if flag is False or (isinstance(flag, str) and flag.lower() in _FAILED_STATUS):
        return True
    if data.get("success") is False or error is True:
        return True
    if isinstance(title, str) and ("details" in data or "info" in data or len(data) == 1):
        return True
    if isinstance(error, str) and error and flag != "success":
        return True
    return status >= 400 and any(name in data for name in _CODE_FIELDS)


def _error(call: Call, grammar: Grammar, status: int, data: Mapping[str, Any]) -> Reply:
    spoken = [str(v).partition(":")[0] for v in map(data.get, _CODE_FIELDS) if _is_value(v)]
    words = [normalised(one) for one in spoken]
    known = next((word for word in words if word in OUTCOMES and word != "ERROR"), None)
    if known is not None:
        return _word(call, grammar, known, "")
    if any(map(_is_prohibited, words)):
        return Reply(Outcome.BUSINESS, "PROHIBITED_FOR_SALE")
    # A sentence may repeat what the client sent, its key too: only what is plainly a word is kept.
    code = next((normalised(one) for one in spoken if _SPOKEN_WORD.fullmatch(one)), "")
    if status >= 300:
        reply = by_status(status)
        return reply if code in {"", "ERROR"} else replace(reply, code=code)
    code = code or ("UNKNOWN" if spoken else "ERROR")
    return Reply(OUTCOMES.get(code, Outcome.UNKNOWN), code)


def _is_value(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _any_json(call: Call, data: Any) -> Reply:
    if not data and call.action.startswith("getPrices"):  # PHP writes an empty map as []
        return Reply(Outcome.BUSINESS, "NO_PRICES")
    return Reply(Outcome.OK, "JSON")


def _json_number(call: Call, data: Any) -> Reply:
    rows = _rows(data)
    issued = tuple(one for one in map(_issued, rows) if one is not None)
    return _issuing("JSON", issued, len(rows))


def _rows(data: Any) -> list[Any]:
    while isinstance(data, dict):
        inner = next((v for v in map(data.get, ("data", "phone")) if isinstance(v, dict | list)), None)
        if inner is None:
            return [data]
        data = inner
    return data if isinstance(data, list) else []


_ISSUED_IDS = ("activationId", "activation", "id")
_ISSUED_PHONES = ("phoneNumber", "phone", "number")
_ISSUED_PRICES = ("activationCost", "cost", "price")
_ISSUED_BEGINNINGS = ("activationTime",)
_ISSUED_ENDS = ("activationEndTime", "activationEnd", "endDate")


def _issued(row: Any) -> Issued | None:
    """One number out of a row of any dialect's purchase reply."""
    if not isinstance(row, dict):
        return None
    lease_id = _id(_first(row, _ISSUED_IDS))
    if not lease_id:
        return None
    return Issued(
        id=lease_id,
        phone=_first(row, _ISSUED_PHONES),
        service=_first(row, ("serviceCode", "service")),
        price=_price(_first(row, _ISSUED_PRICES)),
        began_at=_first(row, _ISSUED_BEGINNINGS),
        expires_at=_first(row, _ISSUED_ENDS),
        # HeroSMS rents out activations: an id by that name is one, whatever was asked for
        kind=Kind.ACTIVATION if "activationId" in row else None,
    )


def _id(text: str) -> str:
    return text if len(text) <= MAX_ID else ""


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if isinstance(value, Decimal) or _is_value(value):
            return storable(str(value)).strip()
    return ""


def _json_status(call: Call, data: Any) -> Reply:
    if not isinstance(data, dict):
        return Reply(Outcome.UNKNOWN, "JSON")
    if (len(data) == 1 or len(call.ids) > 1) and all(isinstance(one, str) for one in data.values()):
        return _by_id(call, data)
    messages = [data[name] for name in ("sms", "data", "call") if name in data]
    if not messages and "verificationType" not in data:
        return Reply(Outcome.UNKNOWN, "JSON")
    code = next((c for c in map(_code_in, messages) if c), "")
    return _with_code(Reply(Outcome.OK, "JSON"), code)


def _by_id(call: Call, data: Mapping[str, str]) -> Reply:
    """A reseller's map of id to status text."""
    parts = {own: _text(call, Grammar.STATUS, 200, text) for own, text in data.items()}
    return Reply(Outcome.OK, "JSON", parts=parts) if len(call.ids) > 1 else next(iter(parts.values()))


def _code_in(message: Any) -> str:
    if isinstance(message, list):
        message = message[-1] if message else None
    value = message.get("code") if isinstance(message, dict) else None
    return str(value) if _is_value(value) else ""


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

_AMOUNT = re.compile(r"(?i)[+-]?[0-9]{1,18}(\.[0-9]{0,18})?(e[+-]?[0-9])?")


def _amount(text: str) -> Decimal | None:
    """A decimal with a point; ``None`` for anything else (``17,15`` is an error to real clients too)."""
    return Decimal(text.strip()) if _AMOUNT.fullmatch(text.strip()) else None


def _price(text: str) -> Decimal | None:
    amount = _amount(text)
    return None if amount is None or amount < 0 else amount
