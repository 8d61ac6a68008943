"""What a sample is: one reply of an arm to one call, and what it must be read as."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from canary.core.model import Call, Issued, Kind, Outcome, Reply
from tests.factories import tcall

ID = "635468024"
"""The lease that samples speak of."""

PHONE = "79584123456"
TEXT = "text/html; charset=UTF-8"
JSON = "application/json"

ONE = {"id": ID}
BUY = {"service": "tg", "country": "6"}


@dataclass(frozen=True)
class Sample:
    """One reply of an arm to one action, and the ``Reply`` that it must be read as."""

    name: str
    action: str
    body: bytes
    reply: Reply
    status: int = 200
    content_type: str = TEXT
    params: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def call(self) -> Call:
        """The client's call that the reply answers."""
        return tcall(self.action, **self.params)


def sample(
    name: str, action: str, body: str | bytes, outcome: Outcome, code: str, /, **more: object
) -> Sample:
    """A sample; ``more`` holds fields of ``Sample`` or of its ``Reply``."""
    of_sample = {key: more.pop(key) for key in ("status", "content_type", "params") if key in more}
    raw = body.encode() if isinstance(body, str) else body
    return Sample(name, action, raw, Reply(outcome, code, **more), **of_sample)  # type: ignore[arg-type]


def set_to(status: int) -> dict[str, str]:
    """The parameters of ``setStatus``."""
    return {"id": ID, "status": str(status)}


def number(id: str = ID, phone: str = PHONE, service: str = "tg", **more: object) -> Issued:  # noqa: A002
    """The number that a purchase's sample names."""
    return Issued(id, phone, service, **more)  # type: ignore[arg-type]


def activation(**more: object) -> Issued:
    """A number that the reply itself calls an activation."""
    return number(kind=Kind.ACTIVATION, **more)  # type: ignore[arg-type]
