"""What each function of a file does with leases: buys, polls, sets a status; itself or through functions it calls."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from canary.core.actions import Grammar, lookup
from canary.core.model import Effect
from canary.toolkit.inventory.calls import arguments, constants, expression, near, statuses
from canary.toolkit.inventory.languages import Blocks
from canary.toolkit.inventory.model import Site, SiteKind
from canary.toolkit.inventory.source import Scope, Source


class Act(StrEnum):
    """What a step does to a lease."""

    BUY = "buy"
    POLL = "poll"
    SET = "set"
    PRICES = "prices"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Step:
    """One call in a function.

    ``statuses``: what it sets, empty when unknown. ``via``: the function of the file that makes it. ``sure``: it comes
    back with a code or not at all. ``here``: the statuses are written out where the step is, not in what is called.
    """

    act: Act
    offset: int
    action: str
    statuses: frozenset[int] = frozenset()
    via: str = ""
    sure: bool = False
    here: bool = True

    @property
    def passes_on(self) -> bool:
        """Whether the status is the caller's choice."""
        return self.act is Act.SET and not self.statuses


_RENT = {1: 6, 2: 8}
_FIXED = {"finishActivation": frozenset({6}), "cancelActivation": frozenset({8})}


def act_of(action: str) -> Act:
    """What an action does to a lease."""
    known = lookup(action)
    if known is None:
        return Act.OTHER
    if known.effect is Effect.PURCHASE:
        return Act.BUY
    if known.grammar in {Grammar.SET_STATUS, Grammar.SET_RENT}:
        return Act.SET
    if known.grammar in {Grammar.STATUS, Grammar.RENT_STATUS} or action == "getAllSms":
        return Act.POLL
    return Act.PRICES if action.startswith("getPrices") else Act.OTHER


def meant(action: str, values: frozenset[int]) -> frozenset[int]:
    """The statuses of an action in setStatus's numbers."""
    if action == "setRentStatus":
        return frozenset(_RENT.get(value, value) for value in values)
    return _FIXED.get(action, values)


class Flow:
    """The functions of a file with their steps.

    Args:
        sites: the file's own calls.
        foreign: steps made through an SDK or another file's functions.
    """

    def __init__(self, source: Source, sites: Iterable[Site], foreign: Iterable[Step] = ()) -> None:
        self.source = source
        self.constants = constants(source)
        self._named = {name: value for name, (value, _) in self.constants.items()}
        self.steps: dict[Scope, list[Step]] = {}
        self.callers: dict[str, set[str]] = {}
        calls = [site for site in sites if site.kind is SiteKind.CALL and site.action]
        for step in (*self._direct(calls), *foreign):
            self.steps.setdefault(source.function_at(step.offset), []).append(step)
        self._spread()

    def of(self, scope: Scope) -> list[Step]:
        """A function's steps in the order of the text."""
        return sorted(self.steps.get(scope, ()), key=lambda step: step.offset)

    def summary(self) -> dict[str, tuple[Step, ...]]:
        """What each named function does."""
        return {
            scope.name: tuple(
                replace(step, sure=step.sure or insists(self.source, scope)) for step in self.of(scope)
            )
            for scope in self.steps
            if scope.name
        }

    def called(self, step: Step, name: str, offset: int, after: int) -> Step:
        """A function's step as its caller makes it: what it leaves open, the caller's arguments say.

        Args:
            after: where the function's name ends in the call.
        """
        chosen = step.statuses
        if step.passes_on:
            text = arguments(self.source, after)
            chosen = meant(step.action, statuses(text, self._named, positional=True))
        return replace(step, offset=offset, statuses=chosen, via=step.via or name, here=step.passes_on)

    def _direct(self, sites: list[Site]) -> Iterator[Step]:
        source = self.source
        places = [(source.offset(site.line, site.column), site) for site in sites]
        setting = [source.function_at(offset) for offset, site in places if act_of(site.action) is Act.SET]
        for offset, site in places:
            act, chosen = act_of(site.action), frozenset[int]()
            if act is Act.SET:
                text = expression(source, offset)
                chosen = statuses(text, self._named, positional=text.startswith("(") and "status" not in text)
                scope = source.function_at(offset)
                if not chosen and setting.count(scope) == 1:
                    chosen = statuses(near(source, offset, scope.start, scope.end), self._named)
            yield Step(act, offset, site.action, meant(site.action, chosen))

    def _spread(self) -> None:
        """Give each function the steps of those that it calls, and those of theirs."""
        done: set[tuple[str, int]] = set()
        for _ in range(_DEPTH):
            offered = {name: steps for name, steps in self.summary().items() if telling(name)}
            for name, offset in self._uses(offered):
                caller = self.source.function_at(offset)
                if caller.name == name or (name, offset) in done:
                    continue
                done.add((name, offset))
                self.callers.setdefault(name, set()).add(caller.name)
                made = (self.called(step, name, offset, offset + len(name)) for step in offered[name])
                self.steps.setdefault(caller, []).extend(made)

    def _uses(self, names: Collection[str]) -> Iterator[tuple[str, int]]:
        if not names:
            return
        heads = {scope.head for scope in self.source.scopes}
        for found in use_of(names, self.source).finditer(self.source.bare):
            at = found.start("name")
            if at not in heads and not _DEFINES.search(self.source.bare[max(0, at - 20) : at]):
                yield found.group("name"), at


_DEPTH = 3
_DEFINES = re.compile(r"\b(?:def|function|func|fn|fun)\s+(?:self\.)?$")

GENERIC = frozenset(
    [
        "main",
        "run",
        "init",
        "constructor",
        "__init__",
        "initialize",
        "setup",
        "start",
        "handle",
        "execute",
        "get",
        "post",
        "call",
        "send",
        "request",
        "fetch",
        "index",
        "test",
        "process",
        "new",
        "create",
        "build",
        "make",
        "go",
        "invoke",
        "apply",
        "then",
        "handler",
        "work",
    ]
)
"""Names that say nothing of what is called."""


def telling(name: str) -> bool:
    """Whether a function's name says what is called."""
    return name.lower() not in GENERIC and not name.startswith("__")


def use_of(names: Iterable[str], source: Source) -> re.Pattern[str]:
    """A use of one of the names as a function; the group ``name`` holds it."""
    either = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    after = {Blocks.END: r"(?=\s*\(|\s+[\w@:'\"]|\s*$)", Blocks.BRACES: r"(?=\s*\()"}.get(
        source.language.blocks, r"(?=\s*\()"
    )
    if source.language.name == "shell":
        after = r"(?![\w(-])(?!\s*\()"
    return re.compile(rf"(?m)(?<![\w$-])(?P<name>{either}){after}")


# --- looking at codes -----------------------------------------------------------------------------------------

_OTHER_CODES = re.compile(
    r"(?i)(?<!\w)\w{0,40}(?:status|country|error|err|service|response|http|exit|area|phone)_?code\w*|encod\w*|decod\w*"
)
_LOOKS = re.compile(
    r"(?im)STATUS_OK|(?:\b(?:if|elif|elsif|while|until|unless|switch|match|case|when|assert|guard)\b|\[\[?\s|&&|\|\||\?)"
    r"[^\n]*(?:code|otp|\bpin\b|\bsms|\bok\b|received|STATUS_|FULL_SMS)"
)
_RAISES = re.compile(r"\b(?:raise|throw|panic|reject|abort|exit|die|fail)\b|\bErr\(")


def looks(text: str) -> bool:
    """Whether a text decides something by a code that may have come."""
    return _LOOKS.search(text) is not None and _LOOKS.search(_OTHER_CODES.sub("", text)) is not None


def insists(source: Source, scope: Scope) -> bool:
    """Whether a function returns with a code or not at all."""
    text = source.code[scope.head : scope.end]
    return _RAISES.search(text) is not None and looks(text)
