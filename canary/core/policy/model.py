"""A policy and a provider profile as frozen, validated models."""

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from canary.core.model import Arm
from canary.core.policy.gates import Gate, Gates, Strict
from canary.core.policy.notation import Duration, Money, Share
from canary.core.stage import HOLD_BACK, Step

PASSTHROUGH: Literal["passthrough"] = "passthrough"

_SECRET_HEADER = re.compile(r"(?i)authorization|api-?key|token|secret|cookie|password")
_KEY_PARAMETER = re.compile(r"(?i)(api_?)?key|token|secret")


class EnvRef(Strict):
    """A secret in an environment variable."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class FileRef(Strict):
    """A secret in a file."""

    file: Annotated[str, Field(min_length=1)]


type KeyRef = EnvRef | FileRef

LITERAL_KEY = (
    "a key may not stand in the policy; "
    "expected {env: NAME}, {file: PATH} or passthrough (the client's own key)"
)


def _key_reference(value: Any) -> Any:
    """A reference as written; anything that could be a literal key is refused without repeating it."""
    if value == PASSTHROUGH or isinstance(value, EnvRef | FileRef):
        return value
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in {"env", "file"}:
        return EnvRef(**value) if "env" in value else FileRef(**value)
    raise ValueError(LITERAL_KEY)


class ArmPolicy(Strict):
    """One arm: an endpoint with its provider profile and key reference."""

    url: str
    provider: str = "generic"
    api_key: EnvRef | FileRef | Literal["passthrough"] = PASSTHROUGH
    timeout: Annotated[Duration, Field(gt=0)] = 30.0
    headers: dict[str, str | EnvRef | FileRef] = Field(default_factory=dict)
    max_in_flight: Annotated[int, Field(ge=1)] = 256
    ca: str | None = None  # a PEM file with a certificate authority to trust beside the system's
    price_factor: Annotated[Decimal, Field(gt=0)] = Decimal(1)

    _key = field_validator("api_key", mode="before")(_key_reference)

    @field_validator("url")
    @classmethod
    def _endpoint(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("expected an http or https URL such as https://host/stubs/handler_api.php")
        if parts.fragment or parts.username or parts.password:
            raise ValueError("expected a URL without credentials and fragment")
        if any(_KEY_PARAMETER.fullmatch(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError(LITERAL_KEY)
        if parts.query:
            raise ValueError("expected a URL without a query; parameters come from the client")
        return url

    @field_validator("headers", mode="before")
    @classmethod
    def _no_literal_secrets(cls, headers: Any) -> Any:
        if not isinstance(headers, dict):
            return headers
        for name, value in headers.items():
            if isinstance(value, str) and _SECRET_HEADER.search(str(name)):
                raise ValueError(
                    f"the header {name} looks like a secret; expected {{env: NAME}} or {{file: PATH}}"
                )
        return headers


class ArmsPolicy(Strict):
    old: ArmPolicy
    new: ArmPolicy


class FailureAnswer(Strict):
    """What the client gets when an upstream gave no answer."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    body: str = "ERROR_SQL"


class Budget(Strict):
    run: Money = Decimal(0)
    day: Money = Decimal(0)


class ShadowPolicy(Strict):
    timeout: Annotated[Duration, Field(gt=0)] = 10.0
    queue: Annotated[int, Field(ge=1)] = 1000
    leases: Literal["off", "sandbox", "live"] = "off"
    budget: Budget = Budget()

    @field_validator("leases", mode="before")
    @classmethod
    def _yaml_off(cls, value: Any) -> Any:
        return "off" if value is False else value  # a bare `off` is a boolean to YAML 1.1

    @model_validator(mode="after")
    def _live_needs_money(self) -> Self:
        if self.leases == "live" and not (self.budget.run > 0 and self.budget.day > 0):
            raise ValueError(
                "live shadow leases cost money; expected budget: {run: $..., day: $...} above zero"
            )
        return self


class StagePolicy(Strict):
    """A step of the rollout."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    weight: Share
    shadow: Share = 0.0
    hold: Duration = 0.0
    max_hold: Duration | None = None
    min_leases: Annotated[int, Field(ge=0)] = 0
    approval: Literal["required", "none"] = "none"

    @model_validator(mode="after")
    def _holds(self) -> Self:
        if self.max_hold is not None and self.max_hold < self.hold:
            raise ValueError("max_hold is shorter than hold")
        return self

    @property
    def step(self) -> Step:
        """What the state machine needs of the stage."""
        return Step(self.name, self.weight, self.shadow, self.approval == "required")


class ErrorRates(Strict):
    """Allowed probabilities over the whole rollout, however often one looks."""

    false_rollback: Annotated[Share, Field(gt=0, lt=1)] = 0.01
    false_promote: Annotated[Share, Field(gt=0, lt=1)] = 0.05


class Judging(Strict):
    tick: Annotated[Duration, Field(gt=0)] = 5.0
    epoch: Annotated[Duration, Field(gt=0)] = 1800.0
    warmup_leases: Annotated[int, Field(ge=0)] = 200


_HOUR = 3600.0
_DEFAULT_STAGES = (
    StagePolicy(name="shadow", weight=0, shadow=1, hold=_HOUR),
    StagePolicy(name="canary", weight=0.05, shadow=0.1, hold=24 * _HOUR, min_leases=100),
    StagePolicy(name="quarter", weight=0.25, hold=2 * _HOUR),
    StagePolicy(name="half", weight=0.5, hold=2 * _HOUR),
    StagePolicy(name="cutover", weight=1, approval="required"),
)


class Policy(Strict):
    """A whole policy file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    mode: Literal["reverse", "regular"] = "reverse"
    arms: ArmsPolicy
    intercept: tuple[str, ...] = ()
    unit: Literal["lease", "client", "key"] = "lease"
    balance: Literal["safe", "sum"] = "safe"
    spillover: bool = True
    arm_header: bool = True
    recover_lost: bool = False
    upstream_failure: FailureAnswer = FailureAnswer()
    shadow: ShadowPolicy = ShadowPolicy()
    stages: Annotated[tuple[StagePolicy, ...], Field(min_length=1)] = _DEFAULT_STAGES
    gates: Gates = Gates.all()
    error_rates: ErrorRates = ErrorRates()
    judging: Judging = Judging()
    on_undecided: Literal["hold", "rollback"] = "hold"
    maturity: Annotated[Duration, Field(gt=0)] | None = None

    @field_validator("stages")
    @classmethod
    def _stages(cls, stages: tuple[StagePolicy, ...]) -> tuple[StagePolicy, ...]:
        names = [stage.name for stage in stages]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"the stage name {twice} is used twice")
        for before, after in pairwise(stages):
            if after.weight < before.weight:
                raise ValueError(
                    f"the weight falls from stage {before.name} to {after.name}; stages only go up"
                )
            if before.weight >= 1 - HOLD_BACK:
                raise ValueError(f"stage {before.name} is the cutover; no stage may follow it")
        if stages[0].approval == "required":
            raise ValueError(
                f"the first stage {names[0]} cannot wait for approval; put a stage of 0% before it"
            )
        return stages

    @model_validator(mode="after")
    def _regular_needs_hosts(self) -> Self:
        if self.mode == "regular" and not self.intercept:
            raise ValueError(
                "mode: regular needs intercept: [host, ...], the hosts whose traffic is answered"
            )
        if self.mode == "reverse" and self.intercept:
            raise ValueError("intercept is for mode: regular; in reverse mode clients come by themselves")
        return self

    def arm(self, arm: Arm) -> ArmPolicy:
        """The policy's side of one arm."""
        return self.arms.old if arm is Arm.OLD else self.arms.new

    @property
    def steps(self) -> tuple[Step, ...]:
        """The stages as the state machine sees them."""
        return tuple(stage.step for stage in self.stages)

    def resolved_gates(self, lifetime: float) -> tuple[Gate, ...]:
        """The statistical gates; leases mature at ``maturity``, by default after the provider's ``lifetime``."""
        return self.gates.resolved(self.maturity if self.maturity is not None else lifetime)


class HeaderValue(Strict):
    name: str
    value: str


class RateLimit(Strict):
    """A provider's published limit."""

    per_second: Annotated[float, Field(gt=0)]
    scope: Literal["key", "key_and_source"] = "key"


class Profile(Strict):
    """A provider's habits: a file in ``policies/providers/``."""

    name: str
    title: str
    dialect: str = "handler_api"
    docs: str = ""
    lifetime: Duration = 1200.0
    lifetimes: dict[str, Duration] = Field(default_factory=dict)
    minimum_hold: Duration = 120.0
    auto_refund_on_expiry: bool = True
    refund_within: Duration | None = None
    cost_headers: tuple[str, ...] = ()
    sandbox_header: HeaderValue | None = None
    currency: str = "unknown"
    poll_interval: Duration = 3.0
    rate_limit: RateLimit | None = None
    id_kind: Literal["int", "int64", "text", "unknown"] = "unknown"
    always_200: bool = True
    countries: dict[str, int | str] = Field(default_factory=dict)
    history_action: str | None = None
    unsupported_actions: tuple[str, ...] = ()
