"""What a single value looks like: the size of an id, the style of a phone, the format of a date or an amount."""

import re

WIDTHS = ("below 2^31", "below 2^53", "above 2^53", "text")
"""Sizes of ids, each readable by everything that reads the next."""

WHOLE = "whole"
FIXED = "fixed decimals"
FRACTION = "decimals"
COMMA = "decimal comma"
ODD = "no plain number"

_LIMITS = (2**31, 2**53)
_PHONE = re.compile(r"(\+?)[0-9*xX]{5,20}")
_AMOUNT = re.compile(r"-?[0-9]+(?:([.,])([0-9]+))?")
_CODE_WORDS = re.compile(r"BANNED|ERROR|BAD_|NO_|WRONG_|CANCEL|DENIED")

_DATES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("YYYY-MM-DD hh:mm:ss", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?"),
        ("RFC 3339", r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)"),
        ("ISO 8601 without zone", r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?"),
        ("YYYY-MM-DD", r"\d{4}-\d\d-\d\d"),
        ("unix seconds", r"\d{10}"),
        ("unix milliseconds", r"\d{13}"),
    )
)


def id_width(text: str) -> str:
    """The size of an id, one of ``WIDTHS``."""
    if not text.isascii() or not text.isdecimal():
        return WIDTHS[3]
    if len(text.lstrip("0")) > 16:
        return WIDTHS[2]
    number = int(text)
    return WIDTHS[sum(number >= limit for limit in _LIMITS)]


def phone_style(text: str) -> str | None:
    """Whether a phone is written with a plus; ``None`` when it is none."""
    found = _PHONE.fullmatch(text)
    if found is None:
        return None
    return "with +" if found.group(1) else "without +"


def date_format(text: str) -> str | None:
    """The format of a date, fractions of a second aside; ``None`` when it is none."""
    return next((name for name, pattern in _DATES if pattern.fullmatch(text)), None)


def amount_style(text: str) -> str:
    """How an amount is written. Only a trailing zero shows that a provider always writes its decimals."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return ODD
    point, decimals = found.groups()
    if point is None:
        return WHOLE
    if point == ",":
        return COMMA
    return FIXED if decimals.endswith("0") else FRACTION


def code_style(text: str) -> str:
    """What in an SMS code trips real clients: a colon, or a piece of an error word."""
    if ":" in text:
        return "with a colon"
    return "with an error word" if _CODE_WORDS.search(text.upper()) else "plain"
