"""How much is simulated, and from which seeds."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np


@dataclass(frozen=True, slots=True)
class Plan:
    """``replicates`` of each rollout; every experiment has random numbers of its own, made from its name."""

    replicates: int = 2000
    seed: int = 1

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, crc32(name.encode())])


FULL = Plan()
QUICK = Plan(replicates=400)
