"""One code file as the rules see it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from canary.core.policy.model import Profile
from canary.toolkit.inventory.flow import Flow
from canary.toolkit.inventory.model import Rule, Site
from canary.toolkit.inventory.source import Scope, Source

type Met = tuple[Rule, int, str]
"""A rule, where it is met, and what is met there."""


@dataclass(frozen=True, slots=True)
class View:
    """A file with its calls.

    ``wrapped``: other files call through it. ``cancelled``: another file that calls through the same wrapper
    cancels. ``parsed``: offsets of calls whose replies a client library reads.
    """

    source: Source
    sites: tuple[Site, ...]
    flow: Flow
    profile: Profile
    wrapped: bool = False
    cancelled: bool = False
    parsed: frozenset[int] = frozenset()


type Check = Callable[[View], Iterator[Met]]


def text_of(source: Source, scope: Scope) -> str:
    """A function's code; of the whole file what is in no function."""
    return source.code[scope.head : scope.end] if scope.name else source.loose


def place(scope: Scope) -> str:
    """The function's name for a message."""
    return f" in {scope.name}" if scope.name else ""
