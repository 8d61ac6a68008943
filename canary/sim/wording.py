"""A refusal in a provider's own words: plain text, or one of the JSON envelopes, with its HTTP status."""

from typing import Any

from canary.sim.answers import Answer, Refused, data, text
from canary.sim.dialects import Dialect

RATE_LIMITED = 429
"""The one status that also providers send which otherwise answer 200 to everything."""


def worded(dialect: Dialect, refused: Refused, *, rent: bool) -> Answer:
    """The answer for a refusal; ``rent``: of an action whose errors are JSON even with SMS-Activate."""
    word = dialect.word(refused.reason)
    status = RATE_LIMITED if word == "RATE_LIMITED" else dialect.statuses.get(word, 200)
    style: str = dialect.errors
    if style == "text" and rent:
        style = "message"
    if style == "text":
        return _plain(word, refused.tail, status)
    if word in dialect.plain_words and not rent:
        return _plain(word, refused.tail, 200)
    return data(_envelope(style, word, refused), word, status)


def _plain(word: str, tail: str, status: int) -> Answer:
    answer = text(f"{word}:{tail}" if tail else word)
    return Answer(answer.text, word, status)


def _envelope(style: str, word: str, refused: Refused) -> dict[str, Any]:
    if style == "title":
        return {"title": word, "details": word.replace("_", " ").capitalize(), "info": refused.info}
    envelope: dict[str, Any] = {"status": "error", style: word}
    return {**envelope, "info": refused.info} if refused.info else envelope
