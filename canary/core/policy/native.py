"""The profile's say in a provider's own API: which dialect it is, and what it calls things."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from canary.core.actions import CATALOGUE
from canary.core.dialects import DIALECTS, HANDLER_API
from canary.core.dialects.speech import actions
from canary.core.policy.gates import Strict
from canary.core.policy.references import matching

Word = Annotated[str, matching(r"[A-Z][A-Z0-9_]*", "a word of handler_api such as NO_NUMBERS")]


class NativePolicy(Strict):
    """What a provider's own API calls things (``canary.core.dialects.model.Settings``).

    ``services``: by the client's code. ``dial_codes``: by the provider's name of a country. ``fields``, ``statuses``:
    where its schema is not public. ``refusals``: handler_api's word by what the provider says, in lower case.
    ``key_header``, ``scheme``: where it wants the key, when that is not public.
    """

    services: dict[str, str] = Field(default_factory=dict)
    dial_codes: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    statuses: dict[str, Literal["waiting", "received", "again", "ended"]] = Field(default_factory=dict)
    refusals: dict[str, Word] = Field(default_factory=dict)
    key_header: str | None = None
    scheme: str | None = None

    @field_validator("services", "dial_codes", "refusals", mode="before")
    @classmethod
    def _as_text(cls, table: Any) -> Any:
        """Names that YAML reads as numbers are text all the same."""
        return (
            {_text(name): _text(value) for name, value in table.items()} if isinstance(table, dict) else table
        )


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def known_dialect(name: str) -> str:
    """The name of a dialect.

    Raises:
        ValueError: there is none of that name.
    """
    if name != HANDLER_API and name not in DIALECTS:
        known = ", ".join((HANDLER_API, *DIALECTS))
        raise ValueError(f"there is no dialect {name}; expected one of {known}")
    return name


def with_unsupported(dialect: str, named: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that a profile names as unsupported, and those that its dialect has no counterpart for."""
    if dialect not in DIALECTS:
        return named
    known = actions(DIALECTS[dialect])
    return tuple(dict.fromkeys((*named, *(action.name for action in CATALOGUE if action.name not in known))))
