"""What a probe found: one row per thing that was looked at."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from canary.core.compare.judge import Difference


class Result(StrEnum):
    OK = "ok"
    DIFFERS = "differs"  # clients of old would break
    FAILED = "failed"  # new did not answer, or not as it must
    UNMAPPED = "unmapped"  # new does not know it, and perhaps nobody calls it
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at."""

    what: str
    result: Result
    detail: str = ""
    differences: tuple[Difference, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The row for scripts."""
        found = [asdict(one) | {"breaks": one.breaks} for one in self.differences]
        return {"what": self.what, "result": self.result.value, "detail": self.detail, "differences": found}


@dataclass(frozen=True, slots=True)
class Probe:
    """Everything that was found. ``against``: what new was held against; ``sandbox``: whether it was bought there."""

    against: str
    sandbox: bool
    rows: tuple[Row, ...]

    @property
    def sound(self) -> bool:
        """Whether clients of old would notice nothing."""
        return all(row.result not in {Result.DIFFERS, Result.FAILED} for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The probe for scripts."""
        rows = [row.as_json() for row in self.rows]
        return {"against": self.against, "sandbox": self.sandbox, "sound": self.sound, "checks": rows}
