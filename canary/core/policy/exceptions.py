"""Differences that a policy declares as known and accepted."""

import difflib
from typing import Self

from pydantic import field_validator, model_validator

from canary.core.actions import CATALOGUE, lookup
from canary.core.compare.traits import Aspect
from canary.core.policy.gates import Strict


class ContractException(Strict):
    """A difference that is known and accepted; what is left out fits everything."""

    action: str | None = None
    path: str | None = None
    kind: Aspect | None = None

    @field_validator("action")
    @classmethod
    def _known_action(cls, name: str | None) -> str | None:
        action = None if name is None else lookup(name)
        if name is not None and action is None:
            close = difflib.get_close_matches(name, [one.name for one in CATALOGUE], n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"there is no action {name} in the catalogue{hint}")
        return action.name if action else None

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if self.action is None and self.path is None and self.kind is None:
            raise ValueError(
                "an exception for everything switches the comparison off; name an action, path or kind"
            )
        return self
