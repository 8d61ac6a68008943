"""A plain count against what the policy allows: contract differences, unmapped actions, refunds that never came."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One count.

    ``seen``: how much was looked at, ``needed`` how much must have been; ``blocks``: whether the stage may not be
    left while too much is found, or too little was looked at. ``rolls_back``: whether too much is harm at once.
    ``detail`` names what was found.
    """

    name: str
    found: int
    allowed: int = 0
    seen: int = 0
    needed: int = 0
    blocks: bool = True
    rolls_back: bool = False
    detail: str = ""

    @property
    def failed(self) -> bool:
        return self.found > self.allowed

    @property
    def objection(self) -> str:
        """Why the stage may not be left, or an empty string."""
        if not self.blocks:
            return ""
        if self.failed:
            detail = f" ({self.detail})" if self.detail else ""
            return f"{self.name}: {self.found} found, {self.allowed} allowed{detail}"
        if self.seen < self.needed:
            return (
                f"{self.name}: {self.seen} replies of new were compared, and nothing can be found in fewer than "
                f"{self.needed}; see whether shadow copies reach new"
            )
        return ""
