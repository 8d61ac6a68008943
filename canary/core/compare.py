"""Two arms' replies to the same call, compared by contract and not by value."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from canary.core.model import Call, Outcome, Reply


@dataclass(frozen=True, slots=True)
class Seen:
    """One arm's side of a comparison. ``content`` is the decoded body."""

    reply: Reply
    status: int
    content_type: str = ""
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a client would see differ: where, of what kind, and both sides of it."""

    action: str
    path: str
    kind: str
    old: str
    new: str


# Outcomes of one moment, not of the contract: stock comes and goes, and so does trouble.
_PASSING = frozenset({Outcome.OK, Outcome.BUSINESS, Outcome.PROVIDER, Outcome.LIMIT})


def compare(call: Call, old: Seen, new: Seen) -> Iterator[Difference]:
    """The contract differences between the reply that was served and its shadow's."""
    if new.reply.outcome is not old.reply.outcome and not _both_passing(old, new):
        yield _difference(call, "outcome", old.reply.outcome.value, new.reply.outcome.value)
    if old.status != new.status and new.status:
        yield _difference(call, "status", str(old.status), str(new.status))
    if new.status and _media(old) != _media(new):
        yield _difference(call, "content_type", _media(old), _media(new))


def _both_passing(old: Seen, new: Seen) -> bool:
    return old.reply.outcome in _PASSING and new.reply.outcome in _PASSING


def _media(side: Seen) -> str:
    return side.content_type.split(";")[0].strip().lower()


def _difference(call: Call, kind: str, old: str, new: str) -> Difference:
    return Difference(call.label, "", kind, old, new)
