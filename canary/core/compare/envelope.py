"""The outside of a reply as traits: status, content type, envelope and white space, its word and a text's fields."""

import re
from collections.abc import Iterable

from canary.core.compare.traits import (
    ACCEPTING,
    NUMBER_WORDS,
    REFUSAL,
    Aspect,
    Seen,
    Traits,
    branch_of,
    word_of,
)
from canary.core.compare.values import amount_style, code_style, id_width, phone_style
from canary.core.model import Outcome, Reply
from canary.core.protocol.words import OUTCOMES, normalised

_FREE_TEXT = frozenset({"STATUS_OK", "FULL_SMS"})
_SPACED = re.compile(r"[A-Z_]+:\s+'.*'", re.DOTALL)
_ERROR_FIELDS = ("error_code", "title", "error", "message", "msg", "code")


def of_envelope(traits: Traits, seen: Seen, contexts: Iterable[str]) -> None:
    """Status, content type, envelope, white space and word of a reply."""
    reply, raw, text = seen.reply, seen.raw, seen.text
    for context in contexts:
        traits.note(context, "", Aspect.WORD, word_of(reply, text), raw)
    envelope = _envelope(reply, text, seen.data)
    for branch in _branches(reply, envelope):
        traits.note(branch, "", Aspect.STATUS, str(seen.status), raw)
        traits.note(branch, "", Aspect.ENVELOPE, envelope, raw)
        if text:
            traits.note(branch, "", Aspect.CONTENT_TYPE, _media(seen.content_type), raw)
            traits.note(branch, "", Aspect.WHITESPACE, _white_space(raw, seen.data), raw)


def _branches(reply: Reply, envelope: str) -> tuple[str, ...]:
    if reply.code in ACCEPTING or reply.outcome is Outcome.OK:
        return (branch_of(reply),)
    if reply.code in OUTCOMES:
        return (reply.code, REFUSAL)
    return (REFUSAL,) if envelope.startswith("JSON error") else ()


def _envelope(reply: Reply, text: str, data: object) -> str:
    if not text:
        return "empty body"
    if isinstance(data, dict):
        for name in _ERROR_FIELDS:
            value = data.get(name)
            if isinstance(value, str) and normalised(value.partition(":")[0]) == reply.code:
                return f"JSON error in {name}"
    if text[0] in "{[":
        return "JSON"
    if text[0] == '"':
        return "quoted text"
    return "text with a quoted value" if _SPACED.fullmatch(text) else "text"


def _media(content_type: str) -> str:
    media = content_type.split(";", maxsplit=1)[0].strip().lower()
    if media.endswith(("/json", "+json")):
        return "JSON"
    return "text" if media.startswith("text/") else media[:40] or "none"


def _white_space(raw: str, data: object) -> str:
    if raw.startswith("\ufeff"):
        return "a byte order mark"
    if data is not None or raw == raw.strip():
        return "none"
    return "a newline after it" if raw.endswith(("\n", "\r")) else "around it"


def of_text(traits: Traits, seen: Seen) -> None:
    """The fields of a text answer."""
    reply, text = seen.reply, seen.text
    if text[:1] == '"' and text[-1:] == '"':
        text = text[1:-1]
    branch = branch_of(reply)
    head, _, rest = text.partition(":")
    word = normalised(head)
    if word == "STATUS_OK":
        traits.note(branch, "code", Aspect.CODE, code_style(rest), text)
    if word == "ACCESS_BALANCE":
        amount = rest.strip(" '")
        traits.note(branch, "balance", Aspect.AMOUNT, amount_style(amount), amount)
    if (reply.outcome is Outcome.OK or reply.code in ACCEPTING) and word not in _FREE_TEXT:
        traits.note(branch, "", Aspect.PARTS, str(text.count(":") + 1), text)
    if word in NUMBER_WORDS:
        _number(traits, branch, reply)


def _number(traits: Traits, branch: str, reply: Reply) -> None:
    """Id and phone of a text purchase."""
    for issued in reply.issued:
        traits.note(branch, "id", Aspect.ID, id_width(issued.id), issued.id)
        style = phone_style(issued.phone)
        if style:
            traits.note(branch, "phone", Aspect.PHONE, style, issued.phone)
