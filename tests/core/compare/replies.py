"""Replies written by hand, and shapes learned from many of them."""

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from canary.core.compare.judge import Difference, differences
from canary.core.compare.replies import traits_of
from canary.core.compare.shape import Shape
from canary.core.compare.traits import Seen, contexts_alone, contexts_beside
from canary.core.model import Call, Effect
from canary.core.protocol.read import read
from tests.factories import NOW, tcall

HTML = "text/html; charset=UTF-8"
JSON = "application/json"

type Reply = str | bytes | tuple[str | bytes, int] | tuple[str | bytes, int, str]
"""A body, with its status, with its content type. JSON is called JSON and text HTML unless told otherwise."""

type Make = Callable[[Random], Reply]


def tseen(call: Call, reply: Reply) -> Seen:
    """One arm's answer to a call."""
    body, *rest = (reply,) if isinstance(reply, str | bytes) else reply
    content = body.encode() if isinstance(body, str) else body
    status = int(rest[0]) if rest else 200
    media = str(rest[1]) if len(rest) > 1 else JSON if content[:1] in {b"{", b"["} else HTML
    return Seen(read(call, status, media, content), status, media, content)


def data(value: Any) -> str:
    """JSON as PHP writes it."""
    return json.dumps(value, separators=(",", ":"))


def always(reply: Reply) -> Make:
    """The same reply each time."""
    return lambda random: reply


def mixed(*makes: Make) -> Make:
    """One of several, each as often as the others."""
    return lambda random: random.choice(makes)(random)


def learned(call: Call, replies: Iterable[Reply], served: Iterable[Reply] | None = None) -> Shape:
    """The shape of many replies to calls like this one; with ``served`` they are copies of those."""
    shape = Shape(call.label)
    others = iter(served) if served is not None else None
    for n, reply in enumerate(replies):
        contexts = contexts_alone(call)
        if others is not None:
            contexts = contexts_beside(tseen(call, next(others)).reply.outcome)
        shape.see(traits_of(call, tseen(call, reply), contexts), NOW + n)
    return shape


def told_apart(
    action: str, old: Make, new: Make, cases: int = 40, seed: int = 1, **params: Any
) -> list[Difference]:
    """What is found after so many cases on each arm; reads are pairs of replies to one call."""
    random, call = Random(seed), tcall(action, **params)
    of_old, of_new = ([make(random) for _ in range(cases)] for make in (old, new))
    paired = call.effect in {Effect.GLOBAL_READ, Effect.ACCOUNT_READ}
    served = of_old if paired else None
    return differences(learned(call, of_old, served), learned(call, of_new, served))


# --- what SMS-Activate answers, with values that vary -----------------------------------------------------------------


def balance(random: Random) -> Reply:
    return f"ACCESS_BALANCE:{random.randrange(10**6) / 100:.2f}"


def number(random: Random) -> Reply:
    return f"ACCESS_NUMBER:{random.randrange(6 * 10**8, 7 * 10**8)}:{phone(random)}"


def phone(random: Random) -> str:
    return f"79{random.randrange(10**9):09d}"


def number_v2(random: Random, **changes: Any) -> Reply:
    """An object of getNumberV2; a field that is changed to ``...`` is left out."""
    row = {
        "activationId": random.randrange(6 * 10**8, 7 * 10**8),
        "phoneNumber": phone(random),
        "activationCost": random.randrange(1, 5000) / 100,
        "currency": 840,
        "countryCode": str(random.randrange(190)),
        "canGetAnotherSms": "1",
        "activationTime": f"2025-06-{random.randrange(1, 29):02d} 17:30:{random.randrange(60):02d}",
        "activationOperator": random.choice(["mtt", "any", "vodafone"]),
        **changes,
    }
    return data({name: value for name, value in row.items() if value is not ...})


def code(random: Random) -> Reply:
    return f"STATUS_OK:{random.randrange(10**6):06d}"


def prices(random: Random) -> Reply:
    """Some countries and services with some prices; sometimes there is nothing."""
    table = {
        str(country): {
            service: {"cost": random.randrange(1, 900) / 100, "count": random.randrange(5000)}
            for service in random.sample(["tg", "wa", "go", "ig", "vk"], random.randrange(1, 5))
        }
        for country in random.sample(range(200), random.randrange(5))
    }
    return data(table)


def stock(random: Random) -> Reply:
    """Counts per service, as text, with the suffix of old."""
    return data({f"{name}_0": str(random.randrange(900)) for name in ("vk", "wa", "tg")})


def countries(random: Random, ids: Iterable[int] = range(203)) -> Reply:
    return data(
        {str(n): {"id": n, "rus": "x", "eng": f"land {random.randrange(9)}", "visible": 1} for n in ids}
    )


def active(random: Random) -> Reply:
    """The open leases of an account, of which there may be none."""
    rows = [
        {
            "activationId": str(random.randrange(6 * 10**8, 7 * 10**8)),
            "phoneNumber": phone(random),
            "smsText": random.choice([None, "code 1234"]),
            "smsCode": random.choice([[], ["1234"]]),
            "activationTime": "2025-06-01 17:30:57",
        }
        for _ in range(random.randrange(4))
    ]
    return data({"status": "success", "activeActivations": rows}) if rows else "NO_ACTIVATIONS"
