"""Which arm a new lease goes to: a salted hash of its unit against the weight, exact and monotone."""

from hashlib import blake2b

from canary.core.model import Arm, Assignment, Rollout


def draw(salt: str, unit: str) -> float:
    """A number in [0, 1), uniform over units and fixed for each: 53 bits of a keyed BLAKE2b.

    No modulo and no bucket table, so a weight of 5 % gives 5 %, and any weight is possible.
    """
    digest = blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64]).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53


def assign(rollout: Rollout, unit: str) -> Assignment:
    """The arm of ``unit`` under the rollout's weight, with the probability that it had.

    The salt never changes, so raising the weight moves no unit from ``new`` back to ``old``.
    """
    arm = Arm.NEW if draw(rollout.salt, unit) < rollout.weight else Arm.OLD
    return Assignment(unit, arm, rollout.weight, rollout.attempt, rollout.stage_index)


def in_share(salt: str, purpose: str, unit: str, share: float) -> bool:
    """Whether ``unit`` belongs to a share of traffic set aside for ``purpose``, independent of its arm."""
    return share > 0 and draw(salt, f"{purpose}\0{unit}") < share
