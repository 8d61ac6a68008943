"""A policy and a provider profile as frozen, validated models."""

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from canary.core.dialects import HANDLER_API
from canary.core.model import Arm
from canary.core.policy.gates import Gate, Gates, Strict
from canary.core.policy.native import NativePolicy, known_dialect, with_unsupported
from canary.core.policy.notation import Count, Country, Duration, Share, duration
from canary.core.policy.references import EnvRef, FileRef, Headers, matching, referenced, split_url
from canary.core.policy.shadow import ShadowPolicy
from canary.core.policy.webhooks import WebhookPolicy
from canary.core.stage import HOLD_BACK, Step

PASSTHROUGH: Literal["passthrough"] = "passthrough"

_KEY_PARAMETER = re.compile(r"(?i)(api[_.-]?)?key|(access_)?token|secret")
_HOST = re.compile(r"(?i)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


Name = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]*",
        "a name of letters, digits, dots, dashes and underscores, such as canary-5pct",
    ),
]


LITERAL_KEY = (
    "a key may not stand in the policy; "
    "expected {env: NAME}, {file: PATH} or passthrough (the client's own key)"
)


LITERAL_ADDRESS = "the address of a notification holds a secret; expected {env: NAME} or {file: PATH}"


class ArmPolicy(Strict):
    """One arm: an endpoint with its provider profile and key reference.

    ``countries``: what this arm is sent in ``country`` instead of what clients say, whatever the case of theirs.
    """

    url: str
    provider: str = "generic"
    api_key: Annotated[
        EnvRef | FileRef | Literal["passthrough"], referenced(LITERAL_KEY, also=PASSTHROUGH)
    ] = PASSTHROUGH
    timeout: Annotated[Duration, Field(gt=0)] = 30.0
    headers: Headers = Field(default_factory=dict)
    max_in_flight: Annotated[Count, Field(ge=1)] = 256
    ca: str | None = None  # a PEM file with a certificate authority to trust beside the system's
    price_factor: Annotated[Decimal, Field(gt=0)] = Decimal(1)
    countries: dict[Country, Country] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _endpoint(cls, url: str) -> str:
        parts = split_url(url)
        if parts is None:
            raise ValueError("expected an http or https URL such as https://host/stubs/handler_api.php")
        if parts.fragment or parts.username or parts.password:
            raise ValueError("expected a URL without credentials and fragment")
        if any(_KEY_PARAMETER.fullmatch(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
            raise ValueError(LITERAL_KEY)
        if parts.query:
            raise ValueError("expected a URL without a query; parameters come from the client")
        return url

    @field_validator("countries")
    @classmethod
    def _one_spelling(cls, countries: dict[str, str]) -> dict[str, str]:
        spelt = {name.upper(): own for name, own in countries.items()}
        if len(spelt) < len(countries):
            raise ValueError(
                "a country stands there twice, in capitals and in small letters; keep one of them"
            )
        return spelt


class ArmsPolicy(Strict):
    old: ArmPolicy
    new: ArmPolicy


class FailureAnswer(Strict):
    """What the client gets when an upstream gave no answer."""

    status: Annotated[Count, Field(ge=200, le=599)] = 200
    body: str = "ERROR_SQL"


POLITE, POLITE_HISTORY = 10.0, 60.0
"""Seconds between two balances, and two histories, that are asked for, at least."""


def _every(least: float) -> BeforeValidator:
    """``off``, or how often."""

    def read(value: Any) -> float | None:
        if value is None or value == "off":
            return None
        seconds = duration(value)
        if seconds < least:
            raise ValueError(f"expected off, or at least {least:g}s such as {6 * least:g}s")
        return seconds

    return BeforeValidator(read)


class ReconcilePolicy(Strict):
    """How balances are held against the leases.

    ``poll``: how often they are asked for; off: only those of clients. ``history``: how often the provider's own
    history is asked about refunds that have not come.
    """

    poll: Annotated[float | None, _every(POLITE)] = None
    history: Annotated[float | None, _every(POLITE_HISTORY)] = None


class StagePolicy(Strict):
    """A step of the rollout."""

    name: Name
    weight: Share
    shadow: Share = 0.0
    hold: Duration = 0.0
    max_hold: Duration | None = None
    min_leases: Annotated[Count, Field(ge=0)] = 0
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
    warmup_leases: Annotated[Count, Field(ge=0)] = 200


_HOUR = 3600.0
_DEFAULT_STAGES = (
    StagePolicy(name="shadow", weight=0, shadow=1, hold=_HOUR),
    StagePolicy(name="canary", weight=0.05, shadow=0.1, hold=24 * _HOUR, min_leases=100),
    StagePolicy(name="quarter", weight=0.25, hold=2 * _HOUR),
    StagePolicy(name="half", weight=0.5, hold=2 * _HOUR),
    StagePolicy(name="cutover", weight=1, approval="required"),
)


DAY = 86_400.0


class Policy(Strict):
    """A whole policy file."""

    name: Name
    mode: Literal["reverse", "regular"] = "reverse"
    arms: ArmsPolicy
    intercept: tuple[str, ...] = ()  # regular mode only
    unit: Literal["lease", "client", "key"] = "lease"
    balance: Literal["safe", "sum"] = "safe"
    spillover: bool = True
    arm_header: bool = True
    recover_lost: bool = False
    reconcile: ReconcilePolicy = ReconcilePolicy()
    upstream_failure: FailureAnswer = FailureAnswer()
    shadow: ShadowPolicy = ShadowPolicy()
    stages: Annotated[tuple[StagePolicy, ...], Field(min_length=1)] = _DEFAULT_STAGES
    gates: Gates = Gates.all()
    error_rates: ErrorRates = ErrorRates()
    judging: Judging = Judging()
    on_undecided: Literal["hold", "rollback"] = "hold"
    notify: tuple[Annotated[EnvRef | FileRef, referenced(LITERAL_ADDRESS)], ...] = ()  # told of decisions
    webhooks: WebhookPolicy | None = None
    maturity: Annotated[Duration, Field(gt=0)] | None = None
    retention: Duration = 30 * DAY  # how long is kept what no decision stands on

    @field_validator("retention")
    @classmethod
    def _retention(cls, retention: float) -> float:
        if retention < DAY:
            raise ValueError("expected at least 1d: calls and refunds of a lease are followed after its end")
        return retention

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

    @field_validator("intercept")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(host) for host in hosts):
            raise ValueError(
                "expected host names such as sms-activate.org, without scheme, port and path; "
                "subdomains are included"
            )
        return hosts

    @model_validator(mode="after")
    def _regular_needs_hosts(self) -> Self:
        if self.mode == "regular" and not self.intercept:
            raise ValueError(
                "mode: regular needs intercept: [host, ...], the hosts whose traffic is answered"
            )
        return self

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts to answer for in regular mode; none in reverse mode, where clients come by themselves."""
        return self.intercept if self.mode == "regular" else ()

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
    """A provider's habits: a file in ``policies/providers/``.

    ``unsupported_actions`` of a dialect other than handler_api are all that it has no counterpart for.
    """

    name: str
    title: str
    dialect: Annotated[str, AfterValidator(known_dialect)] = HANDLER_API
    native: NativePolicy = NativePolicy()
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
    webhook_sources: tuple[str, ...] = ()  # addresses that the provider documents
    unsupported_actions: Annotated[tuple[str, ...], Field(validate_default=True)] = ()

    @property
    def client_countries(self) -> Mapping[str, int | str]:
        """Its own ids by ISO code, as clients say them: to an API of its own they say the legacy's."""
        return self.countries if self.dialect == HANDLER_API else {}

    @field_validator("unsupported_actions")
    @classmethod
    def _without_counterpart(cls, named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return with_unsupported(info.data.get("dialect", HANDLER_API), named)
