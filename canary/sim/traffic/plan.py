"""What traffic to make: how much, for how long, and the habits of its clients."""

from dataclasses import dataclass
from random import Random
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from canary.core.policy.gates import Strict
from canary.core.policy.notation import Duration, Share


@dataclass(frozen=True, slots=True)
class Style:
    """The habits of one kind of client; shares are probabilities per client or per lease.

    Attributes:
        v2: buys with getNumberV2.
        post: sends POST with everything in the query.
        keep_alive: keeps its connection; otherwise it opens one per call, as most do.
        ready: says setStatus 1 after buying.
        forget: lets go of a lease without finishing or cancelling it.
        hasty: finishes before a code came (a bug: it pays for nothing).
        repeats: buys again when a purchase was answered with nothing or a 5xx, up to so many times.
        drops_zero: leaves out country 0, as a client that drops falsy parameters does.
    """

    v2: float = 0.0
    post: float = 0.0
    keep_alive: float = 0.0
    ready: float = 0.0
    forget: float = 0.0
    hasty: float = 0.0
    repeats: int = 0
    drops_zero: bool = False


STYLES: dict[str, Style] = {
    "polite": Style(v2=0.5, post=0.25, keep_alive=0.7, ready=0.3),
    "forgetful": Style(v2=0.2, keep_alive=0.3, forget=0.5),
    "legacy": Style(ready=0.9, hasty=0.02, repeats=2, drops_zero=True),
}

_MIX = {"polite": 5, "forgetful": 2, "legacy": 3}
"""Clients of each style among ten of ``mixed``."""


class TrafficPlan(Strict):
    """One run of traffic. Leases begin at random times, at ``rate`` a second however slow the answers are.

    The two lengths that make a demo fast are ``poll_interval`` and ``patience``.
    """

    rate: Annotated[float, Field(gt=0)] = 1.0
    duration: Duration = 60.0
    clients: Annotated[int, Field(ge=1)] = 8
    style: Literal["polite", "forgetful", "legacy", "mixed"] = "polite"
    services: Annotated[tuple[str, ...], Field(min_length=1)] = ("tg", "wa", "go")
    countries: Annotated[tuple[str, ...], Field(min_length=1)] = ("6", "0", "187")
    poll_interval: Annotated[Duration, Field(gt=0)] = 3.0
    patience: Duration = 150.0  # without a code for so long: cancel
    another_code: Share = 0.05  # of the leases with a code ask for a second one
    iso_countries: Share = 0.0  # of the purchases name the country by its ISO code
    global_reads: Share = 0.1  # of the leases begin with a look at balance, prices or stock
    max_open: Annotated[int, Field(ge=1)] = 2000  # leases at once; more are left out and counted
    timeout: Annotated[Duration, Field(gt=0)] = 30.0  # of one call
    drain: Duration | None = None  # for leases that are open at the end; three times the patience by default
    sources: Annotated[int, Field(ge=1, le=200)] = 1  # loopback addresses that the clients come from
    check_codes: bool = True  # codes come from a simulated provider: each must belong to its number
    seed: int | str | None = None

    @field_validator("services", "countries", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """``tg,wa`` is a list too, and so is a bare country number."""
        return tuple(str(value).split(",")) if isinstance(value, str | int) else value

    def styles(self) -> list[tuple[str, Style]]:
        """The style of each client."""
        if self.style != "mixed":
            return [(self.style, STYLES[self.style])] * self.clients
        ten = [name for name, count in _MIX.items() for _ in range(count)]
        Random("mix").shuffle(ten)  # noqa: S311  the same mix in every run
        return [(ten[n % 10], STYLES[ten[n % 10]]) for n in range(self.clients)]

    @property
    def drain_time(self) -> float:
        """Seconds after ``duration`` within which open leases must have ended."""
        return 3 * self.patience + self.timeout if self.drain is None else self.drain
