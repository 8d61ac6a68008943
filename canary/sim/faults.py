"""What goes wrong with a call by chance: one draw decides, so that the shares of all faults add up."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from canary.sim.behaviour import Behaviour, Limit


class Fault(StrEnum):
    HANG = "HANG"  # the connection stays open without an answer
    RESET = "RESET"  # the connection is reset
    HTML = "HTML"  # a 502 page
    EMPTY = "EMPTY"  # an empty 200
    CALL_ERROR = "CALL_ERROR"  # the provider's own word for server trouble


PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>"


def drawn(behaviour: Behaviour, action: str, random: Random) -> Fault | None:
    """The fault that a call meets, if any."""
    shares = (
        (Fault.HANG, behaviour.hang),
        (Fault.RESET, behaviour.reset),
        (Fault.HTML, behaviour.html_error),
        (Fault.EMPTY, behaviour.empty),
        (Fault.CALL_ERROR, behaviour.call_error),
    )
    point = random.random()
    if behaviour.faults_on and action not in behaviour.faults_on:
        return None
    for fault, share in shares:
        if point < share:
            return fault
        point -= share
    return None


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    blocked_until: float = 0.0


class Limiter:
    """Token buckets by key, or by key and source address."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def refused_for(self, limit: Limit, key: str, source: str, now: float) -> float:
        """Seconds until the caller may try again; 0 when this call is within the limit."""
        whose = (key, source if limit.scope == "key_and_source" else "")
        bucket = self._buckets.setdefault(whose, _Bucket(limit.burst, now))
        bucket.tokens = min(limit.burst, bucket.tokens + (now - bucket.at) * limit.per_second)
        bucket.at = now
        if now < bucket.blocked_until:
            return bucket.blocked_until - now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        bucket.blocked_until = now + limit.block
        return max(limit.block, (1 - bucket.tokens) / limit.per_second)
