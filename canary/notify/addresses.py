"""The addresses of a policy's ``notify``, as couriers. Apprise knows how to reach them."""

import logging
from collections.abc import Sequence

from canary.core.policy.load import PolicyError
from canary.notify.courier import Courier, Send
from canary.notify.message import Message

_NOISY = ("apprise", "urllib3", "requests")
"""Loggers that would write the URL, or its path, into the log."""


def couriers(addresses: Sequence[tuple[str, str]]) -> list[Courier]:
    """A courier for each address.

    Args:
        addresses: where each stands in the policy, and its URL. The URL is a secret.

    Raises:
        PolicyError: a URL is none that can be reached; it is not repeated.
    """
    return [Courier(place.rpartition(": ")[2], _send(place, url)) for place, url in addresses]


def _send(place: str, url: str) -> Send:
    import apprise  # noqa: PLC0415  it takes a third of a second to load, and most policies tell nobody

    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    target = apprise.Apprise()
    if not target.add(url):
        raise PolicyError(
            f"{place}: what it refers to is no address that can be notified; expected a URL that apprise knows, "
            "such as mailto://, slack:// or json://"
        )

    def send(message: Message) -> bool:
        return bool(
            target.notify(
                title=message.title, body=message.body, notify_type=apprise.NotifyType(message.urgency)
            )
        )

    return send
