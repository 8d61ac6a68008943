"""Policies, profiles and keys from files and the environment."""

import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from canary.core.dialects import DIALECTS
from canary.core.model import Arm
from canary.core.policy.load import PolicyError, line_of, parse_policy, parse_profile
from canary.core.policy.model import PASSTHROUGH, Policy, Profile
from canary.core.policy.references import EnvRef, KeyRef, split_url
from canary.core.protocol.parse import ENDPOINT, is_handler_path

_CHECKOUT = Path(__file__).parents[2] / "policies"
SHIPPED = _CHECKOUT if _CHECKOUT.is_dir() else Path(__file__).parents[1] / "policies"
"""The policies and provider profiles that come with the package."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values behind a policy's key references; shows none of them."""

    keys: Mapping[Arm, str | None] = field(repr=False)  # None: the client's own key is passed on
    headers: Mapping[Arm, tuple[tuple[str, str], ...]] = field(repr=False)
    literals: frozenset[str] = field(repr=False)  # every secret value, for redaction


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The values behind the references of a policy's ``webhooks``; shows none of them."""

    tokens: Mapping[Arm, str] = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    literals: frozenset[str] = field(default=frozenset(), repr=False)  # every secret value, for redaction


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy with its profiles and where it came from."""

    policy: Policy
    profiles: Mapping[Arm, Profile]
    path: Path
    text: str = field(repr=False)

    def ca_file(self, arm: Arm) -> Path | None:
        """The authority that an arm's certificate may come from beside the system's."""
        name = self.policy.arm(arm).ca
        return self.path.parent / name if name else None

    def place(self, *path: str | int) -> str:
        """Where something stands in the policy, for messages."""
        return f"{self.path}:{line_of(self.text, path)}: {'.'.join(map(str, path))}"


def load(path: Path) -> Loaded:
    """Read a policy and the profiles that it names.

    Raises:
        PolicyError: a file cannot be read or is not valid.
    """
    text = _text(path, "the policy")
    policy = parse_policy(text, str(path), name=path.stem)
    profiles = {arm: _profile(policy.arm(arm).provider, path, text, arm) for arm in Arm}
    loaded = Loaded(_matured(policy, profiles), profiles, path, text)
    for arm in Arm:
        _check_ca(loaded, arm)
        _check_native(loaded, arm)
    _check_shadow_leases(loaded)
    for arm in Arm:
        _check_webhooks(loaded, arm)
    return loaded


def _matured(policy: Policy, profiles: Mapping[Arm, Profile]) -> Policy:
    """The policy with the age at which leases mature written down: an edit of a profile's lifetime under a running
    rollout is then an edit of what it is judged by, and is refused like one."""
    if policy.maturity is not None:
        return policy
    return policy.model_copy(update={"maturity": max(profile.lifetime for profile in profiles.values())})


def shipped_profile(name: str) -> Profile:
    """A provider profile that comes with the package.

    Raises:
        PolicyError: there is none of that name.
    """
    path = SHIPPED / "providers" / f"{name}.yaml"
    if name not in shipped_profiles():
        raise PolicyError(f"no profile named {name}; expected one of {', '.join(shipped_profiles())}")
    return parse_profile(_text(path, "the provider profile"), str(path))


def shipped_profiles() -> list[str]:
    """The names of the provider profiles that come with the package."""
    return sorted(path.stem for path in (SHIPPED / "providers").glob("*.yaml"))


def resolve(
    loaded: Loaded, environ: Mapping[str, str] = os.environ, arms: Iterable[Arm] = tuple(Arm)
) -> Secrets:
    """The secrets that a policy refers to.

    Args:
        arms: those that will be asked; the keys of the others need not be there.

    Raises:
        PolicyError: a variable is not set, a file cannot be read, or what they hold cannot be sent.
    """
    keys: dict[Arm, str | None] = {}
    headers: dict[Arm, tuple[tuple[str, str], ...]] = {}
    literals: set[str] = set()

    def value_of(ref: KeyRef | str, *path: str) -> str:
        if isinstance(ref, str):
            return ref  # it stands in the policy and is no secret
        value = _secret(ref, loaded.place(*path), environ)
        literals.add(value)
        return value

    for arm in arms:
        side = loaded.policy.arm(arm)
        key = side.api_key
        keys[arm] = None if key == PASSTHROUGH else value_of(key, "arms", arm, "api_key")
        headers[arm] = tuple(
            (name, value_of(value, "arms", arm, "headers", name)) for name, value in side.headers.items()
        )
    return Secrets(keys, headers, frozenset(literals))


TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
"""What a webhook's token may be: part of a path, and not to be guessed."""


def resolve_webhooks(loaded: Loaded, environ: Mapping[str, str] = os.environ) -> WebhookSecrets:
    """The secrets of the policy's ``webhooks``; empty ones without that section.

    Raises:
        PolicyError: a variable is not set, a file cannot be read, or what they hold cannot be used.
    """
    section = loaded.policy.webhooks
    if section is None:
        return WebhookSecrets()
    tokens = {
        arm: _token(sender.token, loaded.place("webhooks", "arms", arm, "token"), environ)
        for arm in Arm
        if (sender := section.arm(arm)) is not None
    }
    if section.forward is None:
        return WebhookSecrets(tokens, literals=frozenset(tokens.values()))
    literals = {*tokens.values()}

    def value_of(ref: KeyRef | str, *path: str) -> str:
        if isinstance(ref, str):
            return ref  # it stands in the policy and is no secret
        value = _secret(ref, loaded.place("webhooks", "forward", *path), environ)
        literals.add(value)
        return value

    url = value_of(section.forward.url, "url")
    if split_url(url) is None:
        raise PolicyError(
            f"{loaded.place('webhooks', 'forward', 'url')}: what it refers to is no http or https URL"
        )
    headers = tuple((name, value_of(ref, "headers", name)) for name, ref in section.forward.headers.items())
    return WebhookSecrets(tokens, url, headers, frozenset(literals))


def _token(ref: KeyRef, where: str, environ: Mapping[str, str]) -> str:
    token = _secret(ref, where, environ)
    if not TOKEN.fullmatch(token):
        raise PolicyError(
            f"{where}: what it refers to is no token; expected 16 or more letters and digits, "
            "such as openssl rand -hex 24 prints"
        )
    return token


def notify_addresses(loaded: Loaded, environ: Mapping[str, str] = os.environ) -> list[tuple[str, str]]:
    """Where each address of the policy's ``notify`` stands, and what it is.

    Raises:
        PolicyError: a variable is not set, or a file cannot be read.
    """
    places = [loaded.place("notify", index) for index in range(len(loaded.policy.notify))]
    return [
        (place, _secret(ref, place, environ)) for place, ref in zip(places, loaded.policy.notify, strict=True)
    ]


def _secret(ref: KeyRef, where: str, environ: Mapping[str, str]) -> str:
    if isinstance(ref, EnvRef):
        source, value = f"the environment variable {ref.env}", environ.get(ref.env, "").strip()
        if not value:
            raise PolicyError(f"{where}: {source} is not set; export {ref.env}=... first")
    else:
        source, value = f"the key file {ref.file}", _content(ref.file, where)
        if not value:
            raise PolicyError(f"{where}: {source} is empty; put the key into it")
    if not (value.isascii() and value.isprintable()):
        raise PolicyError(f"{where}: {source} holds what no header can carry; expected printable ASCII")
    return value


def _content(file: str, where: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{where}: the key file {file} cannot be read: {_why(error)}") from None


def _check_ca(loaded: Loaded, arm: Arm) -> None:
    path = loaded.ca_file(arm)
    if path is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        where = loaded.place("arms", arm, "ca")
        why = "it holds no certificate" if isinstance(error, ssl.SSLError) else _why(error)
        raise PolicyError(f"{where}: {path} cannot be used: {why}; expected a PEM file") from None


def _check_native(loaded: Loaded, arm: Arm) -> None:
    """See that a provider's own API is where it can be, and is told whose key it gets where the key does not tell."""
    dialect, side = DIALECTS.get(loaded.profiles[arm].dialect), loaded.policy.arm(arm)
    if dialect is None:
        return
    if is_handler_path(urlsplit(side.url).path):
        raise PolicyError(
            f"{loaded.place('arms', arm, 'url')}: the profile {side.provider} speaks {dialect.title}, which has no "
            f"{ENDPOINT}; expected the root of that API, or the profile of a handler_api provider"
        )
    named = {name.lower() for name in side.headers}
    for name in dialect.login.headers if dialect.login is not None else ():
        if name.lower() not in named:
            raise PolicyError(
                f"{loaded.place('arms', arm, 'headers')}: {loaded.profiles[arm].title} needs the header {name} beside "
                f"its key; expected headers: {{{name}: {{env: NAME}}}}"
            )


def _check_shadow_leases(loaded: Loaded) -> None:
    mode, new = loaded.policy.shadow.leases, loaded.policy.arms.new
    where = loaded.place("shadow", "leases")
    if mode != "off" and new.api_key == PASSTHROUGH:
        raise PolicyError(
            f"{where}: shadow leases are bought with new's own key; give arms.new an api_key of its own, or turn "
            "them off"
        )
    if mode == "sandbox" and loaded.profiles[Arm.NEW].sandbox_header is None:
        raise PolicyError(
            f"{where}: the profile {new.provider} names no sandbox_header, so a shadow lease would be bought for "
            "money; expected off, or live with a budget"
        )


def _check_webhooks(loaded: Loaded, arm: Arm) -> None:
    section = loaded.policy.webhooks
    sender = section.arm(arm) if section else None
    if sender is not None and sender.sources is None and not loaded.profiles[arm].webhook_sources:
        where = loaded.place("webhooks", "arms", arm)
        raise PolicyError(
            f"{where}: the profile {loaded.policy.arm(arm).provider} names no addresses that webhooks come from; "
            "expected sources: [address, ...], or sources: any to trust the token alone"
        )


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
    known = ", ".join(shipped_profiles())
    raise PolicyError(f"{where}: no profile named {provider}; expected one of {known}, or a path to a file")
