"""Differences: what new's replies show that old's never did, once chance is no explanation."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from canary.core.compare.breaks import breaks
from canary.core.compare.rules import CERTAIN, Finding, findings_in, total
from canary.core.compare.shape import Shape
from canary.core.compare.traits import Aspect, Seen, contexts_beside
from canary.core.model import Call, Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a client would see differ: where, of what kind, both sides of it, and what it would break.

    ``count`` is in how many cases new showed it, between ``first_at`` and ``last_at`` (seconds since the epoch).
    The examples are redacted.
    """

    action: str
    path: str
    kind: Aspect
    old: str
    new: str
    count: int
    first_at: float
    last_at: float
    old_example: str
    new_example: str

    @property
    def breaks(self) -> str:
        """Which clients this would break, and how."""
        return breaks(self.action, self.kind, self.path, self.old, self.new)


@dataclass(frozen=True, slots=True)
class Exemption:
    """A declared exception; what it leaves open fits everything."""

    action: str | None = None
    path: str | None = None
    kind: Aspect | None = None

    def fits(self, difference: Difference) -> bool:
        """Whether it excuses a difference."""
        return (
            self.action in {None, difference.action}
            and self.path in {None, difference.path}
            and self.kind in {None, difference.kind}
        )


def differences(
    old: Shape, new: Shape, exemptions: Collection[Exemption] = (), chance: float | None = None
) -> list[Difference]:
    """The contract differences of one action, one per path and kind, in a fixed order.

    Args:
        chance: how probable chance may be as an explanation, instead of ``FIRM`` and ``LOOSE``.
    """
    groups: dict[tuple[str, Aspect], Difference] = {}
    for finding in _findings(old, new, chance):
        found = _difference(old.action, finding)
        if any(exemption.fits(found) for exemption in exemptions):
            continue
        key = (found.path, found.kind)
        groups[key] = _joined(groups[key], found) if key in groups else found
    return [groups[key] for key in sorted(groups)]


def compare(call: Call, old: Seen, new: Seen) -> list[Difference]:
    """The contract differences between two replies to the same call. Never raises.

    A fault or a limit says nothing about the contract: there is no difference then.
    """
    if not _PASSING.isdisjoint({old.reply.outcome, new.reply.outcome}):
        return []
    contexts = contexts_beside(old.reply.outcome)
    of_old, of_new = (Shape.of(call, one, contexts=contexts) for one in (old, new))
    return differences(of_old, of_new, chance=CERTAIN)


_PASSING = frozenset({Outcome.PROVIDER, Outcome.LIMIT})


def _findings(old: Shape, new: Shape, chance: float | None) -> Iterator[Finding]:
    of_old, of_new = old.cells(), new.cells()
    for cell, values in sorted(of_new.items()):
        known = of_old.get(cell)
        if known is None:
            continue
        for finding in findings_in(cell, known, values):
            if finding.shown and finding.chance <= (finding.doubt if chance is None else chance):
                yield finding


def _difference(action: str, finding: Finding) -> Difference:
    shown = sorted(finding.shown.values(), key=lambda sighting: sighting.first_at)
    instead = sorted(finding.instead.values(), key=lambda sighting: sighting.first_at)
    return Difference(
        action=action,
        path=finding.path,
        kind=finding.cell.aspect,
        old=finding.old,
        new=finding.new,
        count=total(finding.shown),
        first_at=shown[0].first_at,
        last_at=max(sighting.last_at for sighting in shown),
        old_example=instead[0].example if instead else "",
        new_example=shown[0].example,
    )


def _joined(one: Difference, other: Difference) -> Difference:
    """Two findings of one path and kind, in different branches or values, as one difference."""
    first, second = sorted((one, other), key=lambda difference: difference.first_at)
    return replace(
        first,
        old=_both(one.old, other.old),
        new=_both(one.new, other.new),
        count=one.count + other.count,
        last_at=max(one.last_at, other.last_at),
        old_example=first.old_example or second.old_example,
    )


def _both(one: str, other: str) -> str:
    parts = [*one.split(", "), *other.split(", ")]
    return ", ".join(list(dict.fromkeys(parts))[:4])
