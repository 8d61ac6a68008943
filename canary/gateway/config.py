"""Policies, profiles and keys from files and the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from canary.core.model import Arm
from canary.core.policy.load import PolicyError, line_of, parse_policy, parse_profile
from canary.core.policy.model import EnvRef, FileRef, KeyRef, Policy, Profile

_CHECKOUT = Path(__file__).parents[2] / "policies"
SHIPPED = _CHECKOUT if _CHECKOUT.is_dir() else Path(__file__).parents[1] / "policies"
"""The policies and provider profiles that come with the package."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values behind a policy's key references; shows none of them."""

    keys: Mapping[Arm, str | None] = field(repr=False)  # None: the client's own key is passed on
    headers: Mapping[Arm, tuple[tuple[str, str], ...]] = field(repr=False)

    @property
    def literals(self) -> frozenset[str]:
        """Every secret value, for redaction."""
        keys = {key for key in self.keys.values() if key}
        return frozenset(keys | {value for headers in self.headers.values() for _, value in headers})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy with its profiles and where it came from."""

    policy: Policy
    profiles: Mapping[Arm, Profile]
    path: Path
    text: str = field(repr=False)


def load(path: Path) -> Loaded:
    """Read a policy and the profiles that it names.

    Raises:
        PolicyError: a file cannot be read or is not valid.
    """
    text = _text(path, "the policy")
    policy = parse_policy(text, str(path), name=path.stem)
    profiles = {arm: _profile(policy.arm(arm).provider, path, text, arm) for arm in Arm}
    return Loaded(policy, profiles, path, text)


def resolve(loaded: Loaded, environ: Mapping[str, str] = os.environ) -> Secrets:
    """The secrets that a policy refers to.

    Raises:
        PolicyError: a variable is not set or a file cannot be read.
    """
    keys: dict[Arm, str | None] = {}
    headers: dict[Arm, tuple[tuple[str, str], ...]] = {}
    for arm in Arm:
        side = loaded.policy.arm(arm)
        path: tuple[str | int, ...] = ("arms", arm.value, "api_key")
        keys[arm] = (
            _secret(side.api_key, loaded, path, environ)
            if isinstance(side.api_key, EnvRef | FileRef)
            else None
        )
        headers[arm] = tuple(
            (
                name,
                value
                if isinstance(value, str)
                else _secret(value, loaded, (*path[:2], "headers", name), environ),
            )
            for name, value in side.headers.items()
        )
    return Secrets(keys, headers)


def _secret(ref: KeyRef, loaded: Loaded, path: tuple[str | int, ...], environ: Mapping[str, str]) -> str:
    where = f"{loaded.path}:{line_of(loaded.text, path)}: {'.'.join(map(str, path))}"
    if isinstance(ref, EnvRef):
        value = environ.get(ref.env, "").strip()
        if not value:
            raise PolicyError(
                f"{where}: the environment variable {ref.env} is not set; export {ref.env}=... first"
            )
        return value
    try:
        value = Path(ref.file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{where}: the key file {ref.file} cannot be read: {_why(error)}") from None
    if not value:
        raise PolicyError(f"{where}: the key file {ref.file} is empty; put the key into it")
    return value


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: {what} cannot be read: {_why(error)}") from None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unknown trouble" if isinstance(error, OSError) else "it is not UTF-8 text"


def _profile(provider: str, policy: Path, text: str, arm: Arm) -> Profile:
    if "/" in provider or provider.endswith((".yaml", ".yml")):
        path = policy.parent / provider
        return parse_profile(_text(path, "the provider profile"), str(path))
    for folder in (policy.parent / "providers", SHIPPED / "providers"):
        path = folder / f"{provider}.yaml"
        if path.is_file():
            return parse_profile(_text(path, "the provider profile"), str(path))
    where = f"{policy}:{line_of(text, ('arms', arm.value, 'provider'))}: arms.{arm}.provider"
    known = ", ".join(sorted(p.stem for p in (SHIPPED / "providers").glob("*.yaml")))
    raise PolicyError(f"{where}: no profile named {provider}; expected one of {known}, or a path to a file")
