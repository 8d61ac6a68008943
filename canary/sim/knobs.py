"""Changing a frozen model by a patch, with an error that names the knob."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


class KnobError(ValueError):
    """A knob cannot be set; the message names it and what was expected."""


def changed[M: BaseModel](model: M, patch: Mapping[str, Any]) -> M:
    """``model`` with a JSON merge patch (RFC 7396): tables merge, ``None`` takes a knob back to its default.

    Raises:
        KnobError: a knob is unknown or its value is not understood; nothing changes.
    """
    merged = _merge(model.model_dump(mode="json"), patch)
    try:
        return type(model).model_validate(merged)
    except ValidationError as error:
        details = error.errors(include_input=False)
        raise KnobError("; ".join(_said(detail, type(model).model_fields) for detail in details)) from None


def close_to(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not among ``known``."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; expected one of {', '.join(names)}"


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge(result.get(name), value)
    return result


def _said(detail: ErrorDetails, known: Iterable[str]) -> str:
    knob = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"unknown knob {knob}{close_to(knob, known)}"
    text = detail["msg"].removeprefix("Value error, ")
    return f"{knob}: {text[:1].lower()}{text[1:]}"
