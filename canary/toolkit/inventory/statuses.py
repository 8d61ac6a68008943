"""Hazards of the statuses that a file sets: 6 too early, 8 never, 3 and 6 swapped."""

import re
from collections.abc import Iterator, Sequence

from canary.toolkit.inventory import hazards
from canary.toolkit.inventory.calls import MEANINGS
from canary.toolkit.inventory.flow import Act, Step, looks
from canary.toolkit.inventory.source import Scope, Source
from canary.toolkit.inventory.view import Met, View, place

CANCEL = frozenset({8, -1})

# --- 6 ----------------------------------------------------------------------------------------------------------

_GO_ERROR = re.compile(r"\bif\b[^\n]*\berr\b")
_BEGINS = frozenset({Act.BUY, Act.POLL})


def finished_unseen(view: View) -> Iterator[Met]:
    """Status 6 in a function that buys or polls, with no look at a code in between."""
    flow = view.flow
    whole = {scope.name for scope, steps in flow.steps.items() if any(step.act in _BEGINS for step in steps)}
    for scope in flow.steps:
        begun: list[Step] = []
        for step in flow.of(scope):
            if step.act in _BEGINS:
                begun.append(step)
            made_there = step.via in whole and step.via != scope.name  # and judged there
            if step.statuses == {6} and begun and not made_there and not _looked(view.source, begun, step):
                yield (
                    hazards.FINISHED_UNSEEN,
                    step.offset,
                    f"6 is set{place(scope)} and no code was checked before",
                )


def _looked(source: Source, begun: Sequence[Step], last: Step) -> bool:
    polls = [step for step in begun if step.act is Act.POLL]
    since = source.start_of(source.line((polls or begun)[0].offset))
    between = source.code[since : last.offset]
    if looks(between) or (source.language.name == "go" and polls and _GO_ERROR.search(between)):
        return True
    return any(step.sure for step in polls)


# --- 8 ----------------------------------------------------------------------------------------------------------


def never_cancelled(view: View) -> Iterator[Met]:
    """Purchases in a file without any cancel, unless its callers decide."""
    if view.wrapped or view.cancelled:
        return
    steps = [step for found in view.flow.steps.values() for step in found]
    bought = sorted(step.offset for step in steps if step.act is Act.BUY and not step.via)
    if not bought or any(step.statuses & CANCEL for step in steps):
        return
    if any(
        step.passes_on and _open(view, scope) for scope, found in view.flow.steps.items() for step in found
    ):
        return
    yield hazards.NEVER_CANCELLED, bought[0], "numbers are bought here, and nothing near sets status 8"


def _open(view: View, scope: Scope) -> bool:
    """Whether others may call a function: nobody does here, or it is a public method."""
    if scope.name not in view.flow.callers:
        return True
    methods = (
        outer for outer in view.source.scopes if not outer.function and outer.start <= scope.head < outer.end
    )
    return any(methods) and not scope.name.startswith(("_", "#"))


# --- 3 for 6, 6 for 3 -------------------------------------------------------------------------------------------

_COUNTS = re.compile(
    r"(?i)max|count|limit|delay|interval|timeout|times|attempt|retries|wait|sec|num|size|length|index"
)
_STATUSES = re.compile(r"(?i)status|activation|sms|action")
_NAME = 30
_OPPOSITE = {3: (6, "finished"), 6: (3, "another code")}
"""Of the statuses that are swapped: the other one, and what that means."""


def swapped(view: View) -> Iterator[Met]:
    """3 where the names around say finish, 6 where they say another code."""
    source, flow = view.source, view.flow
    for name, (value, offset) in flow.constants.items():
        around = " ".join(scope.name for scope in source.scopes if scope.start <= offset < scope.end)
        if value in _OPPOSITE and _STATUSES.search(f"{name} {around}") and not _COUNTS.search(name):
            yield from _contradicted(value, offset, name, name)
    for step in (step for steps in flow.steps.values() for step in steps):
        value = next(iter(step.statuses)) if step.here and len(step.statuses) == 1 else 0
        if value in _OPPOSITE:
            name = source.function_at(step.offset).name
            name = name if len(name) <= _NAME else ""  # a sentence says too much
            remarks = _remarks(source, step.offset, value)
            yield from _contradicted(value, step.offset, f"{name} {remarks}", name or "the remark")


def _contradicted(value: int, offset: int, words: str, name: str) -> Iterator[Met]:
    opposite, says = _OPPOSITE[value]
    if MEANINGS[opposite].search(words) and not MEANINGS[value].search(words):
        yield hazards.SWAPPED, offset, f"{value} is set where {name} says {says}"


def _remarks(source: Source, offset: int, value: int) -> str:
    """The comments that belong to a status: on its line, or alone on the line before."""
    line = source.line(offset)
    written = re.compile(rf"(?i)status[^\n]{{0,20}}(?<!\d){value}(?!\d)")
    nearby = range(line, min(line + 6, source.count + 1))
    at = next((number for number in nearby if written.search(source.written(number))), line)
    alone = at > 1 and not source.code[source.start_of(at - 1) : source.start_of(at)].strip()
    return f"{source.remarks(at)} {source.remarks(at - 1) if alone else ''}"
