"""Another id for a lease whose own is taken by the other arm, or is none that handler_api's clients could read."""

from hashlib import blake2b

MAX_INT32 = 2**31 - 1
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that a JavaScript client keeps exactly."""


def alias(original: str, draw: int) -> str:
    """A candidate for another id; the caller tries further draws until one is free.

    Numeric and below 2^31 whenever the original was, larger numbers stay below 2^53, other ids keep their
    alphabet and length.

    Args:
        draw: a random non-negative integer of at least 64 bits.
    """
    if original.isascii() and original.isdecimal() and original:
        return _number(original, draw)
    return _text(original, draw)


def numeric(own: str) -> str:
    """The id itself when it is a number below 2^31, or else one that follows from it, in the upper half of those."""
    if own.isascii() and own.isdecimal() and str(int(own)) == own and int(own) <= MAX_INT32:
        return own
    digest = blake2b(own.encode("utf-8", "surrogateescape"), digest_size=8, person=b"canary-id").digest()
    return _number("1", int.from_bytes(digest))


def _number(original: str, draw: int) -> str:
    # the upper half of each range: providers count upwards from below
    digits = original.lstrip("0")
    small = len(digits) <= len(str(MAX_INT32)) and int(original) <= MAX_INT32
    high = MAX_INT32 if small else MAX_SAFE_INTEGER
    low = high // 2
    candidate = low + draw % (high - low)
    return str(candidate if str(candidate) != original else candidate + 1)


_ALPHABETS = (
    ("0123456789abcdef", "-"),
    ("0123456789ABCDEF", "-"),
    ("0123456789abcdefghijklmnopqrstuvwxyz", "-_"),
    ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "-_"),
)
_ANY = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _text(original: str, draw: int) -> str:
    """Its last eight letters and digits drawn anew; prefixes and separators stay."""
    alphabet = next((a for a, marks in _ALPHABETS if set(original) <= set(a + marks)), _ANY)
    letters = list(original)
    places = [i for i, letter in enumerate(letters) if letter.isalnum()][-8:]
    for place in places:
        draw, digit = divmod(draw, len(alphabet))
        letters[place] = alphabet[digit]
    if places and all(letters[place].isdecimal() for place in places):
        letters[places[-1]] = alphabet[-1]  # a word stays one: whoever reads numbers must not take it for one
    candidate = "".join(letters)
    return candidate if candidate != original and places else f"{original}{alphabet[draw % len(alphabet)]}"
