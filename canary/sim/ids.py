"""Lease ids in the kinds that providers issue, and codes that can be told to belong to a number."""

from collections.abc import Callable
from hashlib import sha256
from random import Random
from string import ascii_uppercase, digits

from canary.core.model import Kind
from canary.sim.behaviour import Behaviour

_NANOID = ascii_uppercase + digits
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_STARTS = {"int": 635_468_024, "int64": 3_807_035_855}
"""Where numbers begin: documentation's nine digits, and the ten digits of 2025, above 2^31."""

_RANDOM: dict[str, Callable[[Random], str]] = {
    "order": lambda random: f"ORD-{''.join(random.choices(_NANOID, k=10))}",
    # one in 500 would be all digits, and be taken for a number in JSON
    "uniqid": lambda random: f"{random.getrandbits(48):012x}{random.choice('abcdef')}",
    "ulid": lambda random: f"lr_01K{''.join(random.choices(_CROCKFORD, k=23))}",
}


class Ids:
    """Issues ids that were never issued before; two providers with one ``id_start`` issue the same ones."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next: dict[tuple[str, int], int] = {}

    def issue(self, kind: Kind, id_kind: str, behaviour: Behaviour) -> str:
        """The next id in the namespace of activations or of rents (small numbers of their own)."""
        if kind is Kind.RENT:
            return self._count("rent", behaviour.rent_id_start)
        if id_kind in _RANDOM:
            return _RANDOM[id_kind](self._random)
        return self._count("activation", behaviour.id_start or _STARTS[id_kind])

    def _count(self, space: str, start: int) -> str:
        number = self._next.get((space, start), start)
        self._next[space, start] = number + 1
        return str(number)


def code_for(phone: str, ordinal: int = 0) -> str:
    """The code that a simulated provider sends to ``phone``; ``ordinal`` counts the messages of a lease.

    It follows from the number, so that a client can tell a code that belongs to somebody else's lease.
    """
    digest = sha256(f"{phone.lstrip('+')}/{ordinal}".encode()).digest()
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"
