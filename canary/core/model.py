"""The words of the harness as frozen facts; every other room speaks in these.

Times are wall-clock seconds since the epoch (``float``), durations are seconds, money is ``Decimal`` in the
arm's own account unit. Nothing here reads a clock or touches the outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

type Headers = tuple[tuple[str, str], ...]


class Arm(StrEnum):
    """An endpoint with its URL, key and provider profile."""

    OLD = "old"
    NEW = "new"

    @property
    def other(self) -> "Arm":
        return Arm.NEW if self is Arm.OLD else Arm.OLD


class Effect(StrEnum):
    """What an action does to the provider; decides routing and shadowing. The HTTP method decides nothing."""

    GLOBAL_READ = "global_read"
    ACCOUNT_READ = "account_read"
    LEASE_READ = "lease_read"
    LEASE_WRITE = "lease_write"
    PURCHASE = "purchase"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """The class of a reply (protocol.md section 4)."""

    OK = "ok"
    BUSINESS = "business"  # no stock, not offered, price cap: a rate to compare, not a fault
    CALLER = "caller"  # bad request
    STATE = "state"  # a legal refusal in this state of the lease
    ACCOUNT = "account"  # key, funds or ban: a configuration problem of that side
    LIMIT = "limit"  # throttled
    PROVIDER = "provider"  # server fault
    UNKNOWN = "unknown"  # not understood; after a purchase: may have been bought


class Kind(StrEnum):
    """The two id namespaces of leases: rents have small ids of their own (protocol.md section 5)."""

    ACTIVATION = "activation"
    RENT = "rent"


class LeaseState(StrEnum):
    OPEN = "open"
    SUCCEEDED = "succeeded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


class Progress(StrEnum):
    """What a reply says of one lease, whatever the dialect's words."""

    WAITING = "waiting"  # no code yet
    RETRYING = "retrying"  # another code was asked for; a code in this reply is the old one
    CODE = "code"  # a code is there
    READY = "ready"  # setStatus 1 accepted
    FINISHED = "finished"  # setStatus 6 accepted
    CANCELLED = "cancelled"  # setStatus 8 / -1 accepted, or the lease is reported as cancelled or completed
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Request:
    """What an ingress hands over: one HTTP request, undecoded. ``query`` excludes the ``?``.

    Bytes that are no ASCII arrive as latin-1 characters, so that nothing is lost on the way.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    client: str = ""  # source address


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response as raw as it came: the body is still content-coded, headers are end to end only."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str:
        """The first header of that lower-case name, or an empty string."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True, slots=True)
class Call:
    """One parsed handler_api request. Ids are the client's, which may be aliases.

    ``action`` is the catalogue's spelling when the catalogue knows it, otherwise as sent (``""`` when absent).
    ``params`` holds the decoded parameters without the key; of a repeated one the last counts, as PHP reads it.
    ``malformed`` says why the call cannot be trusted (``None`` for a sound one); its effect is then ``unknown``.
    """

    action: str
    effect: Effect
    params: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = Kind.ACTIVATION
    ids: tuple[str, ...] = ()
    key: str | None = field(default=None, repr=False)
    malformed: str | None = None

    @property
    def label(self) -> str:
        """The action as a bounded label: what the catalogue does not know is ``other``."""
        return "other" if self.effect is Effect.UNKNOWN else self.action


@dataclass(frozen=True, slots=True)
class Issued:
    """One number that a purchase reply names; times are as the provider wrote them."""

    id: str
    phone: str = field(default="", repr=False)
    service: str = ""
    price: Decimal | None = None
    began_at: str = ""
    expires_at: str = ""
    kind: Kind | None = None  # as far as the reply itself tells it


@dataclass(frozen=True, slots=True)
class Reply:
    """The parsed answer of an arm.

    ``code`` is the word that decided the outcome (``ACCESS_NUMBER``, ``NO_NUMBERS``, ``HTTP_502``, ``EMPTY``...).
    ``parts``: of an answer about several leases, what it says of each, by the arm's own id.
    """

    outcome: Outcome
    code: str
    progress: Progress | None = None
    issued: tuple[Issued, ...] = ()
    sms: str | None = field(default=None, repr=False)  # the code itself; never stored
    balance: Decimal | None = None
    unknown_lease: bool = False  # the arm says that it does not know this lease
    parts: "Mapping[str, Reply] | None" = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The randomised draw behind a purchase: which arm, with what design probability, in which stage."""

    unit: str  # what was hashed: a fresh id per purchase, or a fingerprint of the client or key
    arm: Arm
    probability: float  # design probability of ``new`` at the time of the draw
    attempt: int
    stage: int


class Failure(StrEnum):
    """Why an arm gave no response at all."""

    CONNECT = "connect"  # the connection could not be opened: nothing was sent
    RESET = "reset"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    SATURATED = "saturated"  # our own limit: nothing was sent


NOTHING_SENT = frozenset({Failure.CONNECT, Failure.SATURATED})
"""Failures of a request that never left: there was no open connection for it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call and its reply on one arm, measured at the arm's pool with a monotonic clock.

    ``latency`` runs from the request's first byte on an open connection to the reply's last byte;
    ``connect`` is the set-up of a connection, kept apart because a warm pool rarely pays it.
    """

    call: Call
    arm: Arm
    reply: Reply
    at: float
    latency: float
    connect: float = 0.0
    status: int = 0
    failure: Failure | None = None
    client: str = ""  # source address


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase call of a client: a bet of the gate. ``assignment`` is ``None`` when it was not randomised.

    ``arm`` served it; it differs from ``assignment.arm`` after a spillover, which counts against ``new``.
    ``lost``: a number may have been bought although none was seen.
    """

    id: str
    at: float
    arm: Arm
    action: str
    outcome: Outcome
    code: str
    latency: float
    assignment: Assignment | None = None
    spilled: bool = False
    lost: bool = False
    failure: Failure | None = None
    service: str = ""
    country: str = ""
    client: str = ""


class Fate(StrEnum):
    """What became of a lost purchase."""

    CANCELLING = "cancelling"  # its number was found; the cancel is sent once, and its answer is not known
    CANCELLED = "cancelled"
    REFUSED = "refused"  # the cancel was refused, or a code had come: the number stays paid for
    ABSENT = "absent"  # nothing had been bought
    UNKNOWN = "unknown"  # it could not be looked up, or not be told from others


type LeaseKey = tuple[Arm, Kind, str]


@dataclass(frozen=True, slots=True)
class Lease:
    """A number bought; its identity is ``(arm, kind, id)``.

    ``visible_id`` is what the client was shown: the arm's own id, or an alias when both arms use the same one.
    ``calls`` packs the lease's first 16 calls for the gates, see ``canary.core.leases``.
    ``purchase`` is ``None`` for a lease adopted from traffic (bought before the harness was put in).
    ``claim`` is the word that decides among the answers to its cancels, ``claimed_at`` the first cancel that
    was carried out or may have been. ``auto_refund``: the provider gives the price back when the lifetime
    passes without a code. ``refunded_at``: when a balance showed that the price had come back.
    """

    arm: Arm
    kind: Kind
    id: str
    visible_id: str
    opened_at: float
    purchase: str | None = None
    service: str = ""
    country: str = ""
    client: str = ""
    key: str = ""  # fingerprint of the client's key
    price: Decimal | None = None
    price_source: str = ""
    state: LeaseState = LeaseState.OPEN
    code_at: float | None = None
    claimed_at: float | None = None
    claim: str = ""
    ended_at: float | None = None
    expires_at: float | None = None
    auto_refund: bool = True
    refunded_at: float | None = None
    seen_at: float = 0.0
    calls: bytes = b""

    @property
    def lease_key(self) -> LeaseKey:
        return (self.arm, self.kind, self.id)


class RolloutState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting_approval"
    ROLLED_BACK = "rolled_back"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where the rollout stands. ``weight`` and ``shadow`` are what is in force now, as fractions.

    ``revision`` grows with every change, so that two writers cannot both win. ``attempt`` grows with a
    restart after a rollback. ``salt`` never changes: raising the weight moves no unit back.
    """

    name: str
    salt: str
    state: RolloutState
    stage: str
    stage_index: int
    weight: float
    shadow: float
    safe_arm: Arm
    since: float  # when the stage was entered
    attempt: int = 1
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """One appended row of evidence: what happened, who did it, on what numbers."""

    at: float
    actor: str
    event: str
    reason: str
    before: RolloutState
    after: RolloutState
    stage: str
    weight: float
    attempt: int
    policy_hash: str
    version: str
    evidence: Mapping[str, object] = field(default_factory=dict)
