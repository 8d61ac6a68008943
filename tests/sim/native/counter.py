"""A simulated API without its sockets, with a clock that moves when told to."""

import json
from typing import Any

from canary.sim.answers import Answer
from canary.sim.desk import Desk
from canary.sim.knobs import changed
from canary.sim.native import APIS
from canary.sim.profiles import PROFILES
from tests.factories import FakeClock

KEY = "key-of-the-account"
USUAL: dict[str, Any] = {
    "success": 1,
    "code_delay": "10s",
    "minimum_hold": 0,
    "rate_limit": None,
    "id_start": 1000,
}


class Counter:
    """One account at one provider."""

    def __init__(self, dialect: str, **knobs: Any) -> None:
        self.clock = FakeClock()
        self.desk = Desk(
            changed(PROFILES[dialect], {**USUAL, **knobs}), self.clock, "counter", frozenset({KEY})
        )
        self.api = APIS[dialect]
        scheme = {"bearer": "Bearer ", "apikey": "ApiKey ", "": ""}[self.api.scheme]
        self.headers = {self.api.key_header: f"{scheme}{KEY}"}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request below the API's base."""
        content = b"" if body is None else json.dumps(body).encode()
        call = self.api.received(
            method, self.api.base + path, {**self.headers, **headers}, content, "192.0.2.1"
        )
        assert call is not None, f"there is no {method} {path}"
        answer = self.desk.serve(call).answer
        assert answer is not None
        return answer

    def get(self, path: str) -> Any:
        """The JSON that a GET is answered with."""
        return json.loads(self.ask("GET", path).text)
