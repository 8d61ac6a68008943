"""References to secrets: a policy names where one is kept, and never holds it."""

import re
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from canary.core.policy.gates import Strict

_SECRET_HEADER = re.compile(r"(?i)auth|api[_-]?key|token|secret|cookie|password|credential")
_SECRET_VALUE = re.compile(r"(?i)\s*(apikey|basic|bearer|token)\s")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def matching(pattern: str, expected: str) -> AfterValidator:
    """Text that a pattern fits as a whole; ``expected`` says what that is."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


class EnvRef(Strict):
    """A secret in an environment variable."""

    env: Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]


class FileRef(Strict):
    """A secret in a file."""

    file: Annotated[str, Field(min_length=1)]


type KeyRef = EnvRef | FileRef


def reference_in(value: Any) -> KeyRef | None:
    """The reference that a value of a policy is; ``None`` for anything else, which may be a literal secret."""
    if isinstance(value, EnvRef | FileRef):
        return value
    for kind in (EnvRef, FileRef):
        if isinstance(value, dict) and value.keys() == kind.model_fields.keys():
            try:
                return kind.model_validate(value)
            except ValidationError:
                return None
    return None


def referenced(refusal: str, *, also: str | None = None) -> BeforeValidator:
    """Takes a reference, or the word ``also``; anything else could be a secret, and is refused without repeating it.

    Args:
        refusal: says what was expected.
    """

    def check(value: Any) -> Any:
        reference = value if also is not None and value == also else reference_in(value)
        if reference is None:
            raise ValueError(refusal)
        return reference

    return BeforeValidator(check)


def _header_value(value: Any) -> Any:
    reference = reference_in(value)
    if reference is not None:
        return reference
    if isinstance(value, str) and value.isprintable() and value == value.strip():
        return value
    raise ValueError("expected text on one line, {env: NAME} or {file: PATH}")


def _no_literal_secrets(headers: Any) -> Any:
    if not isinstance(headers, dict):
        return headers
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(str(name)):
            raise ValueError("one of the names is none; expected a header name such as X-Sandbox-Mode")
        if isinstance(value, str) and (_SECRET_HEADER.search(str(name)) or _SECRET_VALUE.match(value)):
            raise ValueError(
                f"the header {name} looks like a secret; expected {{env: NAME}} or {{file: PATH}}"
            )
    return headers


Headers = Annotated[
    dict[str, Annotated[str | EnvRef | FileRef, BeforeValidator(_header_value)]],
    BeforeValidator(_no_literal_secrets),
]
"""Headers that are added to requests; what looks like a secret must be a reference."""


def split_url(url: str) -> SplitResult | None:
    """The parts of an address that can be asked over HTTP, ``None`` for any other."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and url.isprintable() and " " not in url else None
