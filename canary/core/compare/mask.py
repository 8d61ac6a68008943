"""Examples for people: the form of a reply with nothing of its contents, bounded in length."""

import re

from canary.core.protocol.words import OUTCOMES

LONGEST = 120

_KEPT = {word for word in OUTCOMES if not word.isdigit()} | {
    "ACCESS_NUMBER",
    "ADDITIONAL",
    "ASLEEP",
    "True",
    "False",
    "None",
}
_FIELD = r'"[A-Za-z_]{1,40}"(?=\s*:)'
_TOKEN = re.compile(rf"{_FIELD}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?![a-z])|[^\W_]+")
_AFTER_CODE = re.compile(r"((?:STATUS_OK|STATUS_WAIT_RETRY|FULL_SMS):)(.*)", re.DOTALL)


def masked(text: str) -> str:
    """``text`` with every digit as ``0`` and every letter as ``x``, but for words and fields of the protocol."""
    text = text[: 2 * LONGEST]
    code = _AFTER_CODE.match(text)
    if code is not None:  # an SMS may hold any word
        return _cut(code.group(1) + _blank(code.group(2)))
    return _cut(_TOKEN.sub(lambda found: _token(found.group()), text))


def example(value: object) -> str:
    """A piece of a reply as an example: text as it is written, of data its form."""
    if isinstance(value, dict):
        names = ", ".join(name for name in value if name.isascii() and name.replace("_", "").isalpha())
        return _cut(f"{{{names}}}" if names else f"{{{len(value)} entries}}")
    if isinstance(value, list):
        return f"[{len(value)} entries]"
    return masked(str(value))


def _token(text: str) -> str:
    return text if text in _KEPT or text.startswith('"') else _blank(text)


def _blank(text: str) -> str:
    return "".join("0" if c.isdigit() else "x" if c.isalpha() else c for c in text)


def _cut(text: str) -> str:
    text = text.replace("\0", "?").encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
