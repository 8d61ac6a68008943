"""Which errors are the user's to mend: they are said in a sentence, everything else is a defect and shows itself."""

from canary.core.policy.load import PolicyError
from canary.core.stage import IllegalEvent
from canary.store.errors import StoreError


class UsageError(Exception):
    """A command cannot be carried out as it was called; the message names the remedy."""


class RefusedError(UsageError):
    """The harness refused what it was asked for; asked again it would do the same."""


READABLE = (PolicyError, StoreError, IllegalEvent, UsageError)


def said(error: Exception) -> str:
    """The error for a terminal."""
    return f"canary: {error}"
