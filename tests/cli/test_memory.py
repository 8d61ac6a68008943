"""The garbage collector of a process that stays."""

import gc
import subprocess
import sys

LOOK = """
import gc
from canary.cli.memory import YOUNG, settle

kept = [[] for _ in range(1000)]
settle()
assert gc.get_freeze_count() > 1000
assert gc.get_threshold()[0] == YOUNG
ring = []
ring.append(ring)
del ring
print(gc.collect())
"""


def test_what_was_loaded_is_left_alone_and_later_garbage_is_not() -> None:
    """After settling nothing of the start is walked over again; a later cycle is still found."""
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True).stdout
    assert int(said) >= 1
    assert gc.get_freeze_count() == 0
