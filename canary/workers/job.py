"""What a worker is to do, and what it says to its supervisor."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from canary.workers.siblings import Line, Siblings


class Work(Protocol):
    """What runs inside one worker."""

    async def start(self) -> None:
        """Serve."""
        ...

    async def facts(self) -> Any:
        """What its supervisor wants to know of it; it must be picklable."""
        ...

    async def refresh(self) -> None:
        """Look at once at what was changed elsewhere."""
        ...

    async def stop(self) -> None:
        """Finish what is in flight, write what is left."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """Begins the work of one worker.

    ``begin`` is a function of a module, called in the worker with its number, ``argument``, which is sent to it by
    pickle, and the other workers. ``readable``: errors whose text is for the user; others are shown whole.
    """

    begin: Callable[[int, Any, Siblings], Work]
    argument: Any
    readable: tuple[type[Exception], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """The first message to a worker."""

    number: int
    job: Job
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker serves."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker could not begin; ``why`` is a sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The supervisor wants the facts; ``anew``: after a look at what was changed elsewhere."""

    anew: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The facts, as they are now."""

    facts: Any
