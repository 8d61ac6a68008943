"""What stands around a call: the expression that it is part of, and the lease status that it sets."""

import re
from collections.abc import Mapping

from canary.toolkit.inventory.source import Source

_PAIRS = {")": "(", "]": "[", "}": "{"}
_REACH = 1500
"""Characters in which an expression ends."""
_NEAR = 6
"""Lines around an action in which its parameters are set one by one."""


def expression(source: Source, offset: int) -> str:
    """The text of the innermost brackets around an offset, or of its statement when they hold statements."""
    start = _opened(source.bare, offset)
    if start is not None:
        end = _closed(source.bare, start)
        if ";" not in source.bare[start:end] and source.code.count("\n", start, end) <= 2 * _NEAR:
            return source.code[start:end]
    return statement(source, offset)


def _opened(bare: str, offset: int) -> int | None:
    depth = 0
    for at in range(offset - 1, max(-1, offset - _REACH), -1):
        sign = bare[at]
        if sign in ")]}":
            depth += 1
        elif sign in "([{":
            if depth == 0:
                return at
            depth -= 1
    return None


def _closed(bare: str, start: int) -> int:
    depth = 0
    for at in range(start, min(len(bare), start + _REACH)):
        depth += (bare[at] in "([{") - (bare[at] in ")]}")
        if depth == 0:
            return at + 1
    return min(len(bare), start + _REACH)


_GOES_ON = re.compile(r"[+.,\\&|(]\s*$")
_CARRIES_ON = re.compile(r"\s*[+.&|?:]")


def statement(source: Source, offset: int) -> str:
    """The line of an offset, with those that it goes on over."""
    first = last = source.line(offset)
    while last < source.count and (
        _GOES_ON.search(_code(source, last)) or _CARRIES_ON.match(_code(source, last + 1))
    ):
        last += 1
    while first > 1 and _GOES_ON.search(_code(source, first - 1)):
        first -= 1
    return source.code[source.start_of(first) : source.start_of(last + 1)]


def _code(source: Source, line: int) -> str:
    return source.code[source.start_of(line) : source.start_of(line + 1)].rstrip()


def arguments(source: Source, after: int) -> str:
    """What is handed over by a call whose name ends at ``after``; in brackets, or to the end of the line."""
    rest = source.bare[after : after + 2]
    if rest.lstrip().startswith("("):
        start = source.bare.index("(", after)
        return source.code[start + 1 : _closed(source.bare, start) - 1]
    return source.code[after : source.start_of(source.line(after) + 1)].strip()


# --- statuses -------------------------------------------------------------------------------------------------

_VALUE = r"(?P<value>-?\d{1,2}|[A-Za-z_$][\w.$:>-]*)"
_STATUS = re.compile(
    r"(?i)[\"']?\bstatus(?:_?code)?[\"']?\]?\s*(?:=>|:=|[=:,])\s*(?:strconv\.Itoa\(|str\(|String\()?"
    rf"[\[{{(]*[\"']?(?:\$\{{?|\{{|%\()?{_VALUE}"
)
_EITHER = (
    re.compile(r"\?\s*[\"']?(-?\d)[\"']?\s*:\s*[\"']?(-?\d)"),
    re.compile(r"[\"']?(-?\d)[\"']?\s+if\b.+?\belse\s+[\"']?(-?\d)"),
)
_ALONE = re.compile(r"(?:^|[,\s(])[\"']?(-1|[12368])[\"']?(?=\s*(?:[,\s)]|$))")
_NAMES = re.compile(r"[A-Za-z_$][\w.$:>-]*")

MEANINGS = {
    8: re.compile(r"(?i)cancel|refund|ban(?:ned)?\b|reject|decline|release"),
    6: re.compile(r"(?i)finish|complet|confirm|success|accept|done|close"),
    3: re.compile(
        r"(?i)retry|again|another|resend|repeat|(?:one|receive|get|ask)[_ ]?more|next[_ ]?(?:sms|code)"
        r"|request[_ ]?(?:more|new)"
    ),
    1: re.compile(r"(?i)ready|sms_?sent|\bsent\b"),
}
"""What names say of a status."""

_CONSTANT = re.compile(
    r"(?m)(?<![\w.$])(?P<name>[A-Za-z_$][\w$]{0,60}+)[\"']?[ \t]*"
    r"(?::[ \t]*[\w.]{1,60}+[ \t]*)?(?:[ \t]\w{1,60}+[ \t]*)?"  # its type
    r"(?:=>|:=|[=:(])[ \t]*[\"']?(?P<value>-1|[12368])[\"']?[ \t]*(?=[,;)\n}#/]|$)"
)


def constants(source: Source) -> dict[str, tuple[int, int]]:
    """Names that a file gives to statuses: the value, and where it stands.

    A name all in small letters is a parameter or a variable, and says nothing of others that are called so.
    """
    found = _CONSTANT.finditer(source.code)
    return {
        one.group("name"): (int(one.group("value")), one.start())
        for one in found
        if not one.group("name").islower()
    }


def statuses(text: str, named: Mapping[str, int], *, positional: bool = False) -> frozenset[int]:
    """The statuses that an expression can set; none when they come from elsewhere.

    Args:
        named: values of names, see ``constants``.
        positional: whether a bare number among the arguments is one.
    """
    for either in _EITHER:
        if found := either.search(text):
            return frozenset(map(int, found.groups()))
    values = [value for found in _STATUS.finditer(text) if (value := _value(found.group("value"), named))]
    if values:
        return frozenset(values)
    if not positional:
        return frozenset()
    if found := _ALONE.search(text):
        return frozenset({int(found.group(1))})
    named_values = (_value(name, named) for name in _NAMES.findall(text))
    return frozenset(value for value in named_values if value)


def _value(text: str, named: Mapping[str, int]) -> int | None:
    if re.fullmatch(r"-?\d+", text):
        return int(text) or None
    last = re.split(r"\.|::|->", text)[-1]
    if last in named:
        return named[last]
    # a constant's or member's name says what it means; a variable's does not say what it holds
    if last == text and not last.isupper() and not re.match(r"[A-Z]", last):
        return None
    return next((status for status, meaning in MEANINGS.items() if meaning.search(last)), None)


def near(source: Source, offset: int, start: int, end: int) -> str:
    """The lines around an offset, within a function."""
    line = source.line(offset)
    first = max(start, source.start_of(max(1, line - _NEAR)))
    return source.code[first : min(end, source.start_of(min(source.count + 1, line + _NEAR + 1)))]
