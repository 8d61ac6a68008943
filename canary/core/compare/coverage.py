"""Actions in use that new cannot serve."""

from collections.abc import Mapping
from dataclasses import dataclass

from canary.core.compare.shape import Shape
from canary.core.compare.traits import UNKNOWN_ACTION
from canary.core.model import Arm

DECLARED = "unmapped_"
"""Prefix of the counters of calls whose action the profile of ``new`` declares as unsupported."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An action that new cannot serve. ``calls``: how many were seen of it that show so."""

    action: str
    calls: int
    why: str


def unmapped(shapes: Mapping[str, Mapping[Arm, Shape]], counters: Mapping[str, int]) -> list[Unmapped]:
    """The actions that new's profile declares unsupported or that new itself does not know, by name.

    Args:
        shapes: per action and arm.
        counters: of all proxies.
    """
    found = {
        name.removeprefix(DECLARED): Unmapped(
            name.removeprefix(DECLARED), n, "the profile of new declares it"
        )
        for name, n in counters.items()
        if name.startswith(DECLARED) and n
    }
    for action, arms in shapes.items():
        if action not in found and Arm.OLD in arms and Arm.NEW in arms:
            denied = _denied(arms[Arm.OLD], arms[Arm.NEW])
            if denied:
                found[action] = Unmapped(action, denied, "new answers that it does not know it")
    return [found[action] for action in sorted(found)]


def _denied(old: Shape, new: Shape) -> int:
    """How often new said that it does not know the action, which it never served though old does."""
    if not _serves(old) or _serves(new):
        return 0
    return sum(sighting.n for value, sighting in new.words() if value.partition(" ")[2] in UNKNOWN_ACTION)


def _serves(shape: Shape) -> bool:
    return any(value.partition(" ")[0] in {"ok", "business", "nothing"} for value, _ in shape.words())
