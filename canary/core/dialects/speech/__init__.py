"""handler_api as its clients know it, put together from what a provider's own API says: a table of actions."""

from canary.core.dialects.model import Dialect, Garbled, Refused, Settings, Steps, as_json
from canary.core.dialects.speech import account, activation, market, purchases, rents
from canary.core.dialects.speech.reply import JSON, UNKNOWN_REFUSAL, Ask, Sold, Spoken, Way
from canary.core.model import Call

__all__ = ["Sold", "Spoken", "actions", "exchange"]

_WAYS: dict[str, tuple[Way, str]] = {
    **account.WAYS,
    **market.WAYS,
    **purchases.WAYS,
    **activation.WAYS,
    **rents.WAYS,
}


def actions(dialect: Dialect) -> frozenset[str]:
    """The actions that can be carried out in a dialect."""
    return frozenset(name for name, (_, needs) in _WAYS.items() if getattr(dialect, needs) is not None)


_RATE_LIMITED = 429


def exchange(
    dialect: Dialect, call: Call, ids: tuple[str, ...], settings: Settings, at: float
) -> Steps[Spoken | None]:
    """Carry out one call: requests that are sent their responses, and the reply that a client sees.

    Args:
        ids: of the leases that the call names, the provider's own.
        at: seconds since the epoch, for replies that have to name a time where the provider names none.

    Returns:
        The reply; ``None`` when the provider's own makes no sense, and whatever was asked for may have been done.

    Raises:
        Unanswered: when it is thrown in for a request without which there is no answer.
    """
    if call.malformed or call.action not in actions(dialect):
        return Spoken("BAD_ACTION")
    way, _ = _WAYS[call.action]
    try:
        return (yield from way(Ask(dialect, call, ids, settings, at)))
    except Refused as refused:
        return _refusal(call, refused)
    except Garbled:
        return None


def _refusal(call: Call, refused: Refused) -> Spoken:
    word = refused.word or UNKNOWN_REFUSAL
    status = _RATE_LIMITED if word == "RATE_LIMITED" else 200
    if "Rent" in call.action:
        return Spoken(as_json({"status": "error", "message": _RENT_WORDS.get(word, word)}), status, JSON)
    return Spoken(f"{word}:{refused.tail}" if refused.tail else word, status)


_RENT_WORDS = {"NO_ACTIVATION": "NO_ID_RENT", "BAD_STATUS": "CANT_CANCEL"}
"""Words that rents have their own for."""
