"""One reply as its traits."""

from collections.abc import Iterable

from canary.core.compare.envelope import of_envelope, of_text
from canary.core.compare.fields import of_json
from canary.core.compare.traits import ALONE, Seen, Traits, branch_of
from canary.core.model import Call, Outcome


def traits_of(call: Call, seen: Seen, contexts: Iterable[str] = (ALONE,)) -> Traits:
    """The traits of a reply, each with the piece of it that shows it. Never raises.

    Args:
        contexts: in which its word is judged, see ``contexts_alone`` and ``contexts_beside``.
    """
    traits = Traits()
    of_envelope(traits, seen, contexts)
    if seen.data is None:
        of_text(traits, seen)
    elif seen.reply.outcome is Outcome.OK:
        of_json(traits, call, branch_of(seen.reply), seen.data)
    return traits
