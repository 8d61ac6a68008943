"""The garbage collector of a process that stays."""

import gc

YOUNG = 10_000
"""New objects between two looks at the youngest; some hundred calls' worth."""


def settle() -> None:
    """Leave what the start has loaded out of later collections, and collect less often. Call it once, when ready.

    A full collection otherwise walks over every library: all calls wait for a tenth of a second, several times a
    minute under load.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
