"""The gates of a policy: what is compared, how much worse ``new`` may be, and each gate's share of the error."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from canary.core.policy.notation import Duration, Points, Ratio, Share


class Strict(BaseModel):
    """The base of all policy models: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, resolved.

    Margins are differences of fractions, or factors for ``latency_p95`` and ``cost_per_success``.
    ``promote_margin`` is ``None`` for a guard, which can only roll back. ``share``: its part of the allowed
    false-rollback probability. ``window``: the age in seconds at which a lease's score is read.
    """

    name: str
    rollback_margin: float
    promote_margin: float | None
    window: float
    share: float
    enforce: bool = True


class _Gate(Strict):
    window: Annotated[Duration, Field(gt=0)] | None = None
    share: Annotated[Share, Field(gt=0)] | None = None
    enforce: bool = True


class GuardGate(_Gate):
    """A gate on a rate that can only roll back."""

    margin: Points | None = None
    rollback_margin: Points | None = None


class PointsGate(GuardGate):
    """A gate on a rate; margins in percentage points."""

    promote_margin: Points | None = None


class RatioGate(_Gate):
    """A gate on a quantity; margins as factors."""

    margin: Ratio | None = None
    rollback_margin: Ratio | None = None
    promote_margin: Ratio | None = None


class CostGate(RatioGate):
    """Reported, and gating only when asked to."""

    enforce: bool = False


class ContractGate(Strict):
    """Shape differences seen in shadow."""

    max_differences: Annotated[int, Field(ge=0, strict=True)] = 0


class CoverageGate(Strict):
    """Actions in use that ``new`` cannot serve."""

    unmapped_actions: Literal["block", "report"] = "block"


# margins, window and share where the policy says nothing. A guard has no promote margin: it only rolls back.
_DEFAULTS: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate("lease_success", 0.02, 0.05, 1200, 0.35),
        Gate("early_success", 0.10, None, 180, 0.10),
        Gate("acquire", 0.02, 0.03, 30, 0.15),
        Gate("call_success", 0.01, 0.02, 120, 0.15),
        Gate("latency_p95", 1.25, 1.25, 120, 0.15),
        Gate("refund_ratio", 0.03, 0.05, 1200, 0.10),
        Gate("cost_per_success", 1.10, 1.10, 1200, 0.10, enforce=False),
    )
}
STATISTICAL = tuple(_DEFAULTS)
"""Names of the gates that are tested statistically."""

LIFETIME_GATES = frozenset({"lease_success", "refund_ratio", "cost_per_success"})
"""Gates whose window is the policy's ``maturity`` unless they name their own."""


class RefundsGate(Strict):
    """Refunds that ``new`` promised and its balance never showed.

    ``max_overdue``: the share of them that may be overdue. ``enforce``: too many roll back.
    """

    max_overdue: Share = 0.1
    enforce: bool = True


class Gates(Strict):
    """The gates section. One that is left out of a written section is not judged."""

    lease_success: PointsGate | None = None
    early_success: GuardGate | None = None
    acquire: PointsGate | None = None
    call_success: PointsGate | None = None
    latency_p95: RatioGate | None = None
    refund_ratio: PointsGate | None = None
    cost_per_success: CostGate | None = None
    contract: ContractGate | None = None
    coverage: CoverageGate | None = None
    refunds: RefundsGate | None = None

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, data: Any) -> Any:
        """``acquire:`` with nothing after it asks for that gate with its defaults."""
        if not isinstance(data, dict):
            return data
        if not data:
            raise ValueError("expected at least one gate; leave the section out for the default set")
        return {name: {} if value is None else value for name, value in data.items()}

    @classmethod
    def all(cls) -> Self:
        """The default set: every gate and guard with its defaults."""
        return cls.model_validate({name: {} for name in cls.model_fields})

    def resolved(self, maturity: float) -> tuple[Gate, ...]:
        """The statistical gates with all defaults filled in and their shares summing to 1 over the enforced ones."""
        chosen = [
            _resolve(_DEFAULTS[name], written, maturity)
            for name in STATISTICAL
            if (written := getattr(self, name)) is not None
        ]
        total = sum(gate.share for gate in chosen if gate.enforce) or 1.0
        return tuple(
            Gate(g.name, g.rollback_margin, g.promote_margin, g.window, g.share / total, g.enforce)
            for g in chosen
        )


def _resolve(default: Gate, written: GuardGate | RatioGate, maturity: float) -> Gate:
    window = maturity if default.name in LIFETIME_GATES else default.window
    promote = getattr(written, "promote_margin", None)  # a guard has none
    if default.promote_margin is not None:
        promote = _first(promote, written.margin, default.promote_margin)
    return Gate(
        name=default.name,
        rollback_margin=_first(written.rollback_margin, written.margin, default.rollback_margin) or 0.0,
        promote_margin=promote,
        window=_first(written.window, window) or 0.0,
        share=_first(written.share, default.share) or 0.0,
        enforce=written.enforce,
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
