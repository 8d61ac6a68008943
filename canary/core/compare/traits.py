"""A reply as traits: the facts about its form that a client's parser depends on, and none of its values.

A trait stands in a branch, the answer that the reply gives (``waiting``, ``NO_NUMBERS``...), because an arm may
word each answer in its own way; what is compared is how two arms word the same one.
"""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from canary.core.model import Call, Effect, Outcome, Reply
from canary.core.protocol.read import MAX_JSON
from canary.core.protocol.words import OUTCOMES


class Aspect(StrEnum):
    """What a trait is about; of a difference it is the kind."""

    STATUS = "status"  # the HTTP status
    CONTENT_TYPE = "content_type"
    ENVELOPE = "envelope"  # text, quoted text, JSON, the field of a JSON error, nothing
    WHITESPACE = "whitespace"  # around a text, or a byte order mark
    WORD = "word"  # which answers there are, see ``word``
    PARTS = "parts"  # fields of a text answer
    TYPE = "type"  # of a JSON value: string, number, object, list...
    EMPTY = "empty"  # [] or {}
    FIELD = "field"  # the names in a JSON object
    KEYS = "keys"  # style of a table's keys
    ID = "id"  # size of an id, or that it is text
    PHONE = "phone"  # with or without +
    DATE = "date"
    AMOUNT = "amount"  # decimals
    CODE = "code"  # what in an SMS code trips clients
    COUNTRIES = "countries"  # ids in the table of countries


class Trait(NamedTuple):
    """``path`` is that of a JSON value (``activeActivations[].phoneNumber``, ``*`` for a table's keys)."""

    branch: str
    path: str
    aspect: Aspect
    value: str


@dataclass(frozen=True)
class Seen:
    """One arm's answer to a call. ``content`` is the decoded body."""

    reply: Reply
    status: int
    content_type: str = ""
    content: bytes = field(default=b"", repr=False)

    @cached_property
    def raw(self) -> str:
        """The body as text, as far as it is looked into."""
        return self.content[: MAX_JSON + 1].decode("utf-8", "replace")

    @cached_property
    def text(self) -> str:
        """The body without what stands around it."""
        return self.raw.strip("\ufeff \t\r\n\0")

    @cached_property
    def data(self) -> object:
        """The object or list in the body; ``None`` when it is something else, broken, or too long."""
        if self.text[:1] not in {"{", "["} or len(self.content) > MAX_JSON:
            return None
        try:
            return json.loads(self.text, parse_float=Decimal)
        except (ValueError, RecursionError):
            return None


ALONE = ""
"""The context of a word that stands for itself."""

FIRST = "first"
"""The context of the first answer about a lease, of which nothing has been asked yet."""

SERVED, REFUSED = "served", "refused"
"""The context of both words when a call was answered by both arms: what the arm that serves made of it."""

ACCEPTED = "ok"
"""The branch of a success that has no words of its own for a lease's progress."""

READY = "status 1"
"""The context of a client's notice that its number was used: no reply tells whether its code had come before."""

REFUSAL = "refusal"
"""The branch of all worded refusals together: how errors are written is a habit of the provider."""

DATA = "(data)"
"""The word of a success that is data, or nothing at all."""

DETAILS = ":…"
"""Follows a word that came with details (``BANNED:'2030-01-01'``)."""

UNKNOWN_ACTION = frozenset({"BAD_ACTION", "WRONG_ACTION", "NO_ACTION", "ACTION_NOT_AVAILABLE"})
"""Words by which an arm says that it does not know an action."""

_NOTHING_THERE = frozenset({"NO_ACTIVATIONS", "OPERATORS_NOT_FOUND", "NO_CALL"})
NUMBER_WORDS = frozenset({"ACCESS_NUMBER", "ADDITIONAL", "ASLEEP"})
ACCEPTING = NUMBER_WORDS | {"ACCESS_BALANCE"}
_DATA_CODES = frozenset({"JSON", "HTTP_204"})
_PLAIN_WORD = re.compile(r"HTTP_\d{3}|[A-Z]+(?:_[A-Z]+){0,4}")


class Traits(dict[Trait, object]):
    """Traits, each with the piece of the reply that shows it."""

    def note(self, branch: str, path: str, aspect: Aspect, value: str, shown: object) -> None:
        self.setdefault(Trait(branch, path, aspect, value), shown)


def contexts_alone(call: Call, *, first: bool = False) -> tuple[str, ...]:
    """The contexts in which the word of a reply without a counterpart is judged.

    Args:
        first: whether it is the first reply about its lease.
    """
    if call.effect is Effect.LEASE_READ:
        return (ALONE, FIRST) if first else (ALONE,)
    context = f"status {call.params.get('status', '')}"
    if context == READY:  # whether it is refused depends on when it comes: it is judged by itself only
        return (READY,)
    return (ALONE, context) if context in _STATUSES else (ALONE,)


def contexts_beside(served: Outcome) -> tuple[str, ...]:
    """The contexts for a pair of replies to one call: none beside a fault, which says nothing of the call."""
    return _BESIDE.get(served, ())


_STATUSES = frozenset({"status -1", "status 2", "status 3", "status 6", "status 8"})
_BESIDE = {
    Outcome.OK: (SERVED,),
    Outcome.BUSINESS: (SERVED,),
    Outcome.CALLER: (REFUSED,),
    Outcome.STATE: (REFUSED,),
    Outcome.ACCOUNT: (REFUSED,),
}


def branch_of(reply: Reply) -> str:
    """The answer that a reply gives, whatever its words."""
    if reply.code in ACCEPTING:
        return ACCEPTED
    if reply.outcome is not Outcome.OK or reply.code in _NOTHING_THERE:
        return reply.code
    return reply.progress.value if reply.progress else ACCEPTED


def word_of(reply: Reply, text: str) -> str:
    """A reply's class and word, as in ``caller BAD_ACTION``."""
    if reply.code in _NOTHING_THERE:
        return f"nothing {reply.code}"
    if reply.code in ACCEPTING:
        return f"ok {reply.code}"
    if reply.outcome is Outcome.OK:
        return f"ok {DATA if reply.code in _DATA_CODES else reply.code}"
    detailed = ":" in text and text[:1] not in {"{", "[", "<"} and reply.code in OUTCOMES
    return f"{reply.outcome} {_bounded(reply.code)}{DETAILS if detailed else ''}"


def _bounded(code: str) -> str:
    """A code word that no table knows may be a sentence with a key in it; only a plain word is kept."""
    return code if code in OUTCOMES or _PLAIN_WORD.fullmatch(code) else "ANOTHER_SENTENCE"
