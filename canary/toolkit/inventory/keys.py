"""Keys that stand in a file, found so that they can be named and never shown."""

import re
from collections.abc import Iterable, Iterator

from canary.core.protocol.rewrite import REDACTED
from canary.toolkit.inventory.languages import Role
from canary.toolkit.inventory.signs import FAMILY
from canary.toolkit.inventory.source import Source

_LITERAL = r"(?P<key>[A-Za-z0-9_\-]{16,80})"
_NAME = r"(?P<name>[\w.-]{0,60}?(?:api|key|token|secret)[\w.-]{0,60})"

_QUERY = re.compile(rf"(?i)\b(?:api_?key|access_key|token)(?:=|%3D){_LITERAL}")
_ASSIGNED = re.compile(
    rf"(?i)(?<!\w){_NAME}[\"']?\]?\s*(?::\s*[\w?]+\s*=|=>|:=|\|\||\?\?|[=:,(])\s*[\"'`]{_LITERAL}[\"'`]"
)
_SETTING = re.compile(
    rf"(?im)^[ \t\"'-]*(?:export\s+|ENV\s+|ARG\s+)?{_NAME}[\"']?\s*[=: ]\s*[\"']?{_LITERAL}[\"']?,?\s*$"
)
_DEFAULT = re.compile(
    rf"(?i)\benv\w*\b[^\n]*?[(\[]\s*[\"']{_NAME}[\"'][\])]*\s*(?:,|\|\||\?\?|\?:)\s*[\"']{_LITERAL}[\"']"
)
_MADE = re.compile(
    rf"(?<![\w.])(?P<name>[A-Za-z_][\w.]{{0,80}})\s*\(\s*(?:api_?key\s*[=:]\s*)?[\"'`]{_LITERAL}[\"'`]"
)

_PLACEHOLDER = re.compile(
    r"(?i)your|xxx|example|test|dummy|fake|change|placeholder|insert|replace|here|todo|secret|demo|sample|\.\.\."
)
_OTHERS = re.compile(
    r"(?i)telegram|bot_|captcha|stripe|aws|github|openai|supabase|jwt|session|csrf|firebase|google|slack|discord|twilio|paypal"
    r"|service_?role|anon|webhook|sentry|crypt"
)
"""Names of keys that are somebody else's."""


def keys(source: Source, clients: Iterable[str] = ()) -> Iterator[tuple[int, str]]:
    """Where keys of the old API stand, and what they are. The caller must not show them.

    Args:
        clients: names of classes that are made with a key.
    """
    made = frozenset(clients)
    seen: set[int] = set()
    for pattern in (_QUERY, _DEFAULT, _ASSIGNED, *((_SETTING,) if source.language.bare_words else ()), _MADE):
        for found in pattern.finditer(source.code):
            at, key = found.start("key"), found.group("key")
            name = found.groupdict().get("name") or "api_key"
            if pattern is _MADE:
                ours = name.rpartition(".")[2] in made or FAMILY.search(name) is not None
            else:
                ours = _ours(source, f"{_section(source, at)}{name}")
            if at not in seen and ours and looks_like_one(key):
                seen.add(at)
                yield at, key


def _ours(source: Source, name: str) -> bool:
    """Whether a name can be of this API's key: configuration holds keys of many services."""
    if _OTHERS.search(name):
        return False
    return source.language.role is not Role.CONFIG or FAMILY.search(name) is not None or "sms" in name.lower()


def _section(source: Source, offset: int) -> str:
    """The heading under which a setting stands, in YAML: the last line before it that is indented less."""
    if source.language.role is not Role.CONFIG:
        return ""
    number = source.line(offset)
    depth = _depth(source.written(number))
    while depth and number > 1:
        number -= 1
        line = source.written(number)
        if line.strip() and _depth(line) < depth:
            return line.strip()
    return ""


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def looks_like_one(text: str) -> bool:
    """Whether a word is a key: letters and digits in disorder, and no placeholder."""
    plain = text.replace("-", "").replace("_", "")
    digits = sum(map(str.isdigit, plain))
    return (
        len(plain) >= 16
        and digits >= 3
        and digits < len(plain)
        and len(set(plain.lower())) >= 8
        and not _PLACEHOLDER.search(text)
        and not re.search(r"[a-z]{9,}|[A-Z]{9,}", plain)
    )


_LONG = re.compile(r"[A-Za-z0-9]{20,}")
_NAMED = re.compile(
    r"(?i)((?:api[_.-]?key|access_key|token|secret|password)(?:[\"'`]\]?\s*,|[\"'`]?\]?\s*(?:=>|:=|%3D|[:=(]))\s*[bru]?)"
    r"(?:([\"'`])[^\"'`${}<%\s]{4,}(?=\2)|(?![\w.]*[({.])(?=[\w-]*\d)[\w-]{6,})"
)
"""A value that stands beside the name of a key and is written out, whether it looks like a key or not."""

_SHOWN = 160


def shown(line: str, found: Iterable[str]) -> str:
    """A line for people: short, without the keys that were found and without what may be one."""
    text = line.strip()
    for key in sorted(found, key=len, reverse=True):
        text = text.replace(key, REDACTED)
    text = _NAMED.sub(lambda named: f"{named.group(1)}{named.group(2) or ''}{REDACTED}", text)
    text = _LONG.sub(lambda word: REDACTED if looks_like_one(word.group()) else word.group(), text)
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
