"""Recorded traffic: what may be kept of it, and what may be sent again."""

from dataclasses import dataclass
from urllib.parse import urlencode

from canary.core.actions import Grammar, lookup
from canary.core.model import Call, Effect, Headers, Request, Response
from canary.core.protocol.rewrite import redact
from canary.core.route import READS

_SHORT = 4096
"""Bytes of the longest answer that is looked through for keys: longer ones are tables."""

_KEPT_HEADERS = frozenset({"content-type", "content-encoding", "x-canary-arm"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange as it was recorded; ``at`` in seconds since the epoch."""

    request: Request
    response: Response | None
    at: float


def may_repeat(call: Call) -> bool:
    """Whether a recorded call may be sent to another arm: by the rule of shadow copies, reads of no single lease."""
    return call.effect in READS and not call.malformed


def kept(call: Call, request: Request, response: Response, at: float) -> Recorded:
    """What a recording keeps of an exchange.

    Of the market and the balance all but keys. Of everything else the action and the status alone: purchases, polls
    and lists of leases hold phones, codes and messages, and nothing of them would be sent again.
    """
    if not _is_public(call):
        bare = Request("GET", request.path, urlencode({"action": call.label}))
        return Recorded(bare, Response(response.status, _headers(response)), at)
    query = urlencode({"action": call.action, **{name: redact(value) for name, value in call.params.items()}})
    answered = Response(response.status, _headers(response), _without_keys(response.body))
    return Recorded(Request("GET", request.path, query), answered, at)


def _is_public(call: Call) -> bool:
    action = lookup(call.action)
    if action is None or call.malformed:
        return False
    return call.effect is Effect.GLOBAL_READ or action.grammar is Grammar.BALANCE


def _without_keys(body: bytes) -> bytes:
    """A short answer may quote the call that it refuses."""
    if len(body) > _SHORT:
        return body
    text = body.decode("latin-1")
    clean = redact(text)
    return body if clean == text else clean.encode("latin-1")


def _headers(response: Response) -> Headers:
    return tuple(header for header in response.headers if header[0].lower() in _KEPT_HEADERS)
