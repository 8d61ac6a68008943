"""The webhooks section of a policy: where providers tell of messages, and who is told in turn."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from canary.core.model import Arm
from canary.core.policy.gates import Strict
from canary.core.policy.notation import Duration
from canary.core.policy.references import EnvRef, FileRef, Headers, reference_in, referenced, split_url

type Network = IPv4Network | IPv6Network

ANY: Literal["any"] = "any"


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("expected HOST:PORT such as 127.0.0.1:8090")
    return text


def network(text: str) -> Network:
    """An address or a block of addresses, such as 203.0.113.0/24.

    Raises:
        ValueError: it is none.
    """
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(
            "expected IP addresses or blocks of them, such as 203.0.113.7 or 203.0.113.0/24"
        ) from None


def _checked(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        network(text)
    return texts


LITERAL = "a secret may not stand in the policy; expected {env: NAME} or {file: PATH}"


class WebhookArm(Strict):
    """One arm's provider.

    ``token``: the last part of the path that the provider is told, which is all that it proves itself by.
    ``sources``: addresses that may send; by default those that the profile knows, ``any`` where it knows none.
    """

    token: Annotated[EnvRef | FileRef, referenced(LITERAL)]
    sources: Literal["any"] | tuple[str, ...] | None = None

    @field_validator("sources", mode="before")
    @classmethod
    def _sources(cls, sources: Any) -> Any:
        if isinstance(sources, list | tuple) and all(isinstance(one, str) for one in sources):
            if not sources:
                raise ValueError("an empty list lets nobody in; expected addresses, or any")
            return _checked(tuple(sources))
        if sources is None or sources == ANY:
            return sources
        raise ValueError("expected a list of IP addresses or blocks of them, or any")


class WebhookArms(Strict):
    """The providers that send webhooks; of one that is left out none is taken."""

    old: WebhookArm | None = None
    new: WebhookArm | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.old is None and self.new is None:
            raise ValueError("expected old, new or both")
        return self


class Forward(Strict):
    """The client's own receiver. ``give_up``: after so long a message is dropped; ``headers`` are added to each."""

    url: str | EnvRef | FileRef
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 10.0
    give_up: Annotated[Duration, Field(gt=0)] = 86400.0
    headers: Headers = Field(default_factory=dict)

    @field_validator("url", mode="before")
    @classmethod
    def _url(cls, url: Any) -> Any:
        reference = reference_in(url)
        if reference is not None:
            return reference
        parts = split_url(url) if isinstance(url, str) else None
        if parts is None:
            raise ValueError("expected an http or https URL, {env: NAME} or {file: PATH}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "a URL with credentials or a query may hold a secret; expected {env: NAME} or {file: PATH}"
            )
        return url


class WebhookPolicy(Strict):
    """The receiver.

    ``proxies``: addresses of reverse proxies before it, whose ``X-Forwarded-For`` is believed. Without ``forward``
    messages are recorded and nobody is told.
    """

    listen: Annotated[str, AfterValidator(_listen)]
    arms: WebhookArms
    proxies: Annotated[tuple[str, ...], AfterValidator(_checked)] = ()
    forward: Forward | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    def arm(self, arm: Arm) -> WebhookArm | None:
        """The section's side of one arm."""
        return self.arms.old if arm is Arm.OLD else self.arms.new
