"""Lists of keys in a statement's WHERE, in few lengths."""

from collections.abc import Iterator, Sequence
from itertools import batched, repeat

CHUNK = 256
"""Keys named in one statement."""


def chunks[Key](keys: Sequence[Key]) -> Iterator[list[Key]]:
    """The keys in parts of at most ``CHUNK``, each ``filled``."""
    for part in batched(keys, CHUNK):
        yield filled(part)


def filled[Key](keys: Sequence[Key]) -> list[Key]:
    """The keys with the last one repeated until their number is a power of two, for which IN does not care.

    A driver keeps a prepared statement for each length that it met: 67 KB for 115 keys of three columns on SQLite.
    """
    missing = (1 << (len(keys) - 1).bit_length()) - len(keys) if keys else 0
    return [*keys, *repeat(keys[-1], missing)] if missing else list(keys)
