"""Hazards of how a file reads replies: empty ones asked for again, words not looked at, prices from the table."""

import re
from collections.abc import Iterator
from itertools import pairwise

from canary.toolkit.inventory import hazards
from canary.toolkit.inventory.flow import Act
from canary.toolkit.inventory.source import Scope, Source
from canary.toolkit.inventory.view import Met, View, place, text_of

# --- empty ------------------------------------------------------------------------------------------------------

_BODY = (
    r"(?<!\w)[$@]?(?:\w{1,40}(?:\.|->)){0,6}\w{0,40}"
    r"(?:text|body|resp|response|result|answer|reply|content|data|raw|res|payload|output|out)"
)
_PARTS = rf"{_BODY}(?:\.\w+(?:\(\))?)*"
_EMPTY = re.compile(
    rf"(?i)\b(?:if|elif|while|until)\s*\(?\s*(?:not\s+|!\s*){_PARTS}\s*(?:\)|:|\{{|\n|&&|\|\||or\b|and\b)"
    rf"|{_PARTS}\s*===?\s*(?:\"\"|'')"
    rf"|\b(?:len|strlen)\(\s*{_PARTS}\s*\)\s*(?:==+\s*0|<\s*1)"
    rf"|{_PARTS}\.length\s*===?\s*0"
    rf"|\bempty\(\s*{_BODY}\s*\)"
    rf"|{_PARTS}\.(?:isEmpty|isBlank|isNullOrEmpty)\(\)"
    rf"|\bIsNullOr(?:Empty|WhiteSpace)\(\s*{_BODY}"
    rf"|{_BODY}(?:\.\w+)*\.(?:empty|blank|nil)\?|\bunless\s+{_BODY}\b"
    rf"|-z\s+\"?\$\{{?{_BODY}"
)
_STOPS = re.compile(r"\b(?:raise|throw|return|break|exit|die|panic|abort|fail)\b|^\s*\}")
_AGAIN = re.compile(r"\b(?:continue|goto\s+\w+|retry|next|redo)\b(?!\s*=)")
_LOOPS = re.compile(r"(?i)\b(?:while|until)\b")
_REQUESTS = re.compile(
    r"(?i)(?<![a-z])(?:requests?|session|axios|fetch|http\w*|client|curl\w*|urlopen|file_get_contents|guzzle|faraday"
    r"|httparty|got|rest\w*|webclient|download\w*)\b"
)
_BRANCH = 5
"""Lines after the condition in which its branch is read."""


def empty_retried(view: View) -> Iterator[Met]:
    """A reply that is empty, asked for again, where the question may have been a purchase."""
    source = view.source
    for found in _EMPTY.finditer(source.bare):
        scope = source.function_at(found.start())
        if _may_buy(view, scope, found.start()) and _again(source, scope, found):
            yield hazards.EMPTY_RETRIED, found.start(), f"an empty reply is asked for again{place(scope)}"


def _may_buy(view: View, scope: Scope, before: int) -> bool:
    """Whether a reply that is looked at may be a purchase's: it is one, or the function does not say."""
    steps = view.flow.of(scope)
    if steps:
        return any(step.act is Act.BUY and step.offset < before for step in steps)
    return _REQUESTS.search(view.source.code, scope.start, before) is not None


def _again(source: Source, scope: Scope, found: re.Match[str]) -> bool:
    line = source.line(found.end())
    if _LOOPS.search(source.code[source.start_of(source.line(found.start())) : found.end()]):
        return True
    recurs = re.compile(rf"(?<!\w){re.escape(scope.name)}\s*\(") if scope.name else None
    rest = source.code[found.end() : source.start_of(min(source.count + 1, line + _BRANCH))]
    for number, text in enumerate(rest.split("\n")):
        if _AGAIN.search(text) or (recurs and recurs.search(text)):
            return True
        if _STOPS.search(text if number else text.partition("}")[0]):
            return False
    return False


# --- words ------------------------------------------------------------------------------------------------------

_SPLIT = re.compile(
    r"\.split\(\s*[\"'`]:[\"'`]|\bexplode\(\s*[\"']:[\"']|\bstrings\.(?:SplitN?|Cut)\([^,\n]+,\s*\":\""
    r"|\.Split\(\s*(?:new\s*\w*\[\]\s*\{\s*)?['\"]:['\"]|\.r?partition\(\s*[\"']:|substring(?:After|Before)\(\s*\":\""
    r"|\bcut\s+-d\s*[\"']?:|\bIFS=[\"']?:|-F:\s|#\*:"
    r"|\b(?:findall|search|match|scan)\(\s*r?[\"'/]\[?\\d"
)
_PREFIX = re.compile(r"ACCESS_|STATUS_(?:OK|WAIT|CANCEL)|ADDITIONAL|FULL_SMS")


def prefix_unchecked(view: View) -> Iterator[Met]:
    """A reply taken apart in a function that looks at no first word, nor calls one that does."""
    source = view.source
    checking = [
        scope.name for scope in source.functions if scope.name and _PREFIX.search(text_of(source, scope))
    ]
    checks = re.compile("|".join([_PREFIX.pattern, *(rf"\b{re.escape(name)}\s*\(" for name in checking)]))
    for scope in view.flow.steps:
        text = text_of(source, scope)
        for start, end in _stretches(view, scope):
            split = _SPLIT.search(text, start, end)
            if split and not checks.search(text[start:end].replace(f"{scope.name}(", "(", 1)):
                where = scope.head + split.start()
                yield (
                    hazards.PREFIX_UNCHECKED,
                    where,
                    f"a reply is split{place(scope)} without ACCESS_ or STATUS_",
                )
                break


def _stretches(view: View, scope: Scope) -> Iterator[tuple[int, int]]:
    """From each call in a function to the next: there its reply is read."""
    source = view.source
    calls = [step.offset for step in view.flow.of(scope) if step.offset not in view.parsed]
    starts = sorted({max(scope.head, source.start_of(source.line(offset))) for offset in calls})
    yield from pairwise([start - scope.head for start in (*starts, scope.end)])


# --- prices -----------------------------------------------------------------------------------------------------

_PRICE = re.compile(r"(?i)[\"'`.>\[:](?:cost|price|retail_?price)s?\b(?!\s*\()")


def price_from_table(view: View) -> Iterator[Met]:
    """A table of prices of which a cost is taken."""
    for scope in view.flow.steps:
        tables = [step for step in view.flow.of(scope) if step.act is Act.PRICES]
        if tables and _PRICE.search(text_of(view.source, scope), max(0, tables[0].offset - scope.head)):
            yield (
                hazards.PRICE_TABLE,
                tables[0].offset,
                f"a cost is taken from {tables[0].action}{place(scope)}",
            )
