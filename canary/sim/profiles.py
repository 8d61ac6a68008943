"""Ready behaviours: what each provider of protocol.md section 8 does, as far as it is publicly known."""

from typing import Any

from canary.sim.behaviour import Behaviour
from canary.sim.knobs import KnobError

_LONG_AT_HERO = ("cy", "md", "ig", "ft", "wx", "ya", "ff", "tg", "bte", "dh")

_KNOBS: dict[str, dict[str, Any]] = {
    "generic": {},
    "sms-activate": {
        "id_kind": "int64",
        "lifetimes": {"ya": "40m", "ft": "60m", "ig": "60m", "cy": "60m", "wx": "60m"},
        "refund_delay": {"median": "1h", "p95": "4h"},
    },
    "verifysms": {
        "cost_header": "X-VerifySMS-Cost",
        "sandbox_header": "X-Sandbox-Mode",
        "refund_delay": {"median": "10s", "p95": "45s"},
        "rate_limit": {"per_second": 50, "scope": "key_and_source", "burst": 50},
    },
    "herosms": {
        "lifetimes": dict.fromkeys(_LONG_AT_HERO, "45m"),
        "rate_limit": {"per_second": 50, "scope": "key", "burst": 50, "block": "10s"},
    },
    "vak-sms": {},
    "grizzlysms": {},
    "smshub": {},
    "smsbower": {},
    "tiger-sms": {},
    "daisysms": {"lifetime": "15m", "cost_header": "X-Price", "max_active": 20},
    "5sim": {"lifetime": "15m"},
    "sms-man": {},
    "onlinesim": {"lifetime": "15m"},
    # APIs of their own, by the name of the dialect
    "5sim-native": {"lifetime": "15m", "minimum_hold": 0},
    "smspva": {"lifetime": "580s", "forget_after": "20s", "minimum_hold": 0},
    "textverified": {"minimum_hold": 0},
    "herosms-v1": {
        "lifetimes": dict.fromkeys(_LONG_AT_HERO, "45m"),
        "rate_limit": {"per_second": 50, "scope": "key", "burst": 50, "block": "10s"},
    },
    "verifysms-native": {
        "cost_header": "X-VerifySMS-Cost",
        "sandbox_header": "X-Sandbox-Mode",
        "refund_delay": {"median": "10s", "p95": "45s"},
        "rate_limit": {"per_second": 50, "scope": "key_and_source", "burst": 50},
    },
}

PROFILES: dict[str, Behaviour] = {name: Behaviour(dialect=name, **knobs) for name, knobs in _KNOBS.items()}
"""Behaviour by provider; prices, success and delays are the simulator's own defaults, nobody's claim."""


def profile(name: str) -> Behaviour:
    """The behaviour of a named provider.

    Raises:
        KnobError: there is none of that name.
    """
    found = PROFILES.get(name)
    if found is None:
        raise KnobError(f"there is no profile {name}; expected one of {', '.join(PROFILES)}")
    return found
