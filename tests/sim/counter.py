"""A simulated provider without sockets, with a clock that moves when told to."""

import json
from typing import Any
from urllib.parse import urlencode

from canary.sim.answers import Answer
from canary.sim.behaviour import Behaviour
from canary.sim.books import Books
from canary.sim.desk import Desk, Served
from canary.sim.incoming import received
from canary.sim.knobs import changed
from tests.factories import CLIENT_KEY, PATH, FakeClock


class Counter:
    """Asks a ``Desk`` as a client would.

    Codes come after 10 s unless told otherwise, and cancels are allowed from 120 s on.
    """

    def __init__(self, *, seed: str = "1", keys: tuple[str, ...] = (), **knobs: Any) -> None:
        self.clock = FakeClock()
        behaviour = changed(Behaviour(), {"success": 1, "code_delay": "10s", **knobs})
        self.desk = Desk(behaviour, self.clock, seed, frozenset(keys))

    @property
    def books(self) -> Books:
        return self.desk.books

    def serve(
        self,
        action: str | None,
        *,
        key: str | None = CLIENT_KEY,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        source: str = "192.0.2.7",
        **params: Any,
    ) -> Served:
        """One call, with what became of it."""
        named = {"api_key": key, "action": action, **params}
        query = urlencode({name: value for name, value in named.items() if value is not None})
        return self.desk.serve(received(method, f"{PATH}?{query}", headers or {}, b"", source))

    def answer(self, action: str | None, **call: Any) -> Answer:
        """One call that must be answered."""
        answer = self.serve(action, **call).answer
        assert answer is not None
        return answer

    def text(self, action: str | None, **call: Any) -> str:
        return self.answer(action, **call).text

    def data(self, action: str | None, **call: Any) -> Any:
        return json.loads(self.text(action, **call))

    def buy(self, **call: Any) -> str:
        """Buy a number and return its id."""
        head, lease_id, _phone = self.text("getNumber", **{"service": "tg", "country": 6, **call}).split(":")
        assert head == "ACCESS_NUMBER"
        return lease_id

    def rent(self, **call: Any) -> str:
        """Rent a number and return its id."""
        return str(self.data("getRentNumber", **{"service": "tg", "country": 6, **call})["phone"]["id"])

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def become(self, **knobs: Any) -> None:
        """Change knobs."""
        self.desk.become(changed(self.desk.behaviour, knobs))
