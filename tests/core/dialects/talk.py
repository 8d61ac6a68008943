"""A dialect talked to: what it asks, and what it says when it is answered so."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from canary.core.actions import CATALOGUE
from canary.core.dialects.model import Dialect, NativeRequest, NativeResponse, Settings, Unanswered
from canary.core.dialects.speech import Spoken, exchange
from canary.core.model import Reply
from canary.core.protocol.read import read
from tests.factories import NOW, tcall

type Given = NativeResponse | None
"""A response, or none."""

NAMES = Settings(
    services={"tg": "telegram", "wa": "whatsapp"},
    countries={"6": "indonesia", "0": "russia", "187": "US", "US": "US"},
    ids={"indonesia": "6", "russia": "0", "US": "187"},
    titles={"6": "Indonesia"},
)


def ok(value: Any, status: int = 200, **headers: str) -> NativeResponse:
    """A response with JSON, or with text as it is."""
    content = value if isinstance(value, str) else json.dumps(value)
    return NativeResponse(status, tuple(headers.items()), content.encode())


@dataclass(frozen=True, slots=True)
class Talk:
    """What was asked, and what came of it."""

    asked: tuple[NativeRequest, ...]
    spoken: Spoken | None
    reply: Reply | None

    @property
    def body(self) -> str:
        """What the client sees; an empty string when the provider made no sense."""
        return self.spoken.body if self.spoken is not None else ""

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[str]:
        """The requests' first lines."""
        return [f"{r.method} {r.path}{'?' if r.query else ''}{r.query}" for r in self.asked]


class Dropped(Exception):
    """A request that nobody answers was not put up with."""


def talk(dialect: Dialect, action: str, *answers: Given, names: Settings = NAMES, **params: str) -> Talk:
    """One call; the answers are given in order.

    Raises:
        Dropped: there was no answer to a request without which there is none.
    """
    call = tcall(action, **params)
    steps = exchange(dialect, call, call.ids, names, NOW)
    asked: list[NativeRequest] = []
    left = list(answers)
    try:
        request = next(steps)
        while True:
            asked.append(request)
            answer = left.pop(0)
            request = steps.throw(Unanswered()) if answer is None else steps.send(answer)
    except StopIteration as done:
        spoken: Spoken | None = done.value
        assert not left, "more was answered than was asked"
        reply = read(call, spoken.status, spoken.content_type, spoken.body.encode()) if spoken else None
        return Talk(tuple(asked), spoken, reply)
    except Unanswered:
        raise Dropped from None


# --- what holds of every dialect --------------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _near(samples: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Documents like the provider's own, with a member changed for something else."""

    def broken(draw: st.DrawFn) -> Any:
        document = json.loads(json.dumps(draw(st.sampled_from(samples))))
        at = document
        while isinstance(at, dict | list) and at:
            key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
            if draw(st.booleans()) or not isinstance(at[key], dict | list):
                at[key] = draw(_VALUES)
                break
            at = at[key]
        return document

    return st.composite(broken)()


def _contents(samples: tuple[Any, ...]) -> st.SearchStrategy[bytes]:
    documents = (_VALUES | _near(samples)).map(lambda value: json.dumps(value).encode())
    return st.binary(max_size=20) | st.text(max_size=20).map(lambda text: text.encode()) | documents


def survives_anything(dialect: Dialect, samples: tuple[Any, ...]) -> Callable[[], None]:
    """A test: whatever a provider answers, the dialect raises nothing and buys or writes once at most."""
    statuses = st.sampled_from(
        [200, 201, 202, 204, 302, 400, 401, 402, 404, 405, 407, 409, 411, 422, 429, 500, 501, 503]
    )
    headers = st.sampled_from([(), (("Location", "/x/lr_1"),), (("location", ""),)])
    responses = st.builds(NativeResponse, statuses, headers, _contents(samples))

    @settings(max_examples=150)
    @given(
        action=st.sampled_from([action.name for action in CATALOGUE]),
        answers=st.lists(st.none() | responses, max_size=6),
        params=st.dictionaries(
            st.sampled_from(["id", "service", "country", "status", "maxPrice", "operator", "rent_time"]),
            st.sampled_from(["1", "3", "6", "8", "24", "tg", "US", "../x", "", "é", "0.5", "nan"]),
        ),
    )
    def check(action: str, answers: list[Given], params: dict[str, str]) -> None:
        call = tcall(action, **params)
        steps = exchange(dialect, call, call.ids, NAMES, NOW)
        writes = 0
        try:
            request = next(steps)
            for answer in answers:
                writes += not request.repeatable
                assert request.path.isascii()
                assert request.path.startswith("/")
                assert request.query.isascii()
                request = steps.throw(Unanswered()) if answer is None else steps.send(answer)
        except (StopIteration, Unanswered):
            pass
        assert writes <= 1

    return check
