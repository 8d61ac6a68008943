"""A provider's webhook: whose message it brings, and the same body in the ids that the client knows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from canary.core.leases import LeaseEvent, apply
from canary.core.model import Kind, Lease
from canary.core.protocol.splice import replace_field
from canary.core.protocol.words import NO_CODE, storable

MOST = 64 * 1024
"""Bytes of a body that are taken; a message has a few hundred."""

LONGEST = 200
"""Characters of an id; what is longer is none."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a webhook says (protocol.md section 7). ``field``: the one that holds the id of the lease."""

    kind: Kind
    id: str
    field: str
    has_code: bool


def told(body: bytes) -> Told | None:
    """What a body says; ``None`` when it names no lease. It raises on no input."""
    try:
        data = json.loads(body.decode("utf-8", "replace").strip("\ufeff \t\r\n\0"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    for field, kind, message in (
        ("activationId", Kind.ACTIVATION, data),
        ("rentId", Kind.RENT, data.get("sms")),
    ):
        if own := _id(data.get(field)):
            return Told(kind, own, field, _has_code(message))
    return None


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        text = storable(str(value)).strip()
    except ValueError:  # a number of thousands of digits
        return ""
    return text if len(text) <= LONGEST else ""


def _has_code(message: Any) -> bool:
    """Whether a message came: its code, or a text out of which the provider read none."""
    if not isinstance(message, Mapping):
        return False
    said = (message.get("code"), message.get("text"))
    return any(isinstance(one, str | int) and str(one).strip() not in {"", NO_CODE} for one in said)


def heard(lease: Lease, at: float) -> Lease:
    """The lease whose client is told of a code: it counts like one that was polled for."""
    lease = apply(lease, LeaseEvent.CODE, at)
    return replace(lease, seen_at=max(lease.seen_at, at))


def for_client(body: bytes, what: Told | None, visible_id: str) -> bytes:
    """The body as the client may see it: byte for byte, but for an id that it knows by another one."""
    if what is None or what.id == visible_id:
        return body
    return replace_field(body, what.field, what.id, visible_id)
