"""The gate for other controllers: Argo Rollouts reads its outcome, Flagger's webhooks read its status code.

    GET  /api/v1/gate        the answer as JSON, for Argo's web metric: jsonPath "{$.outcome}"; ?stage=NAME
    POST /api/v1/gate/HOOK   Flagger's webhook of that type: 200 is go, 403 is halt; ?stage=NAME

Flagger counts a halted ``pre-rollout`` or ``rollout`` as a failed check and in the end rolls back, so these two, and
``confirm-rollout``, halt on harm alone, or when nobody is watching; the confirmations before more traffic and before
promotion are waited for, and go when the stage is cleared. A ``rollback`` hook rolls Flagger's canary back when it
goes: on harm. Hooks change nothing here.
Formats: docs.flagger.app/usage/webhooks, argo-rollouts.readthedocs.io/en/stable/analysis/web.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from canary.web.answers import BadRequest, fields, text_field
from canary.web.gate import Answer, Outcome

log = logging.getLogger(__name__)

GATE = "/api/v1/gate"

MAX_WORD = 253
"""Characters of a name in Kubernetes."""

MAX_MESSAGE = 500

_UNHARMED = frozenset({Outcome.CLEARED, Outcome.UNDECIDED})

HOOKS: Mapping[str, frozenset[Outcome]] = {
    "confirm-rollout": _UNHARMED,
    "pre-rollout": _UNHARMED,
    "rollout": _UNHARMED,
    "confirm-traffic-increase": frozenset({Outcome.CLEARED}),
    "confirm-promotion": frozenset({Outcome.CLEARED}),
    "rollback": frozenset({Outcome.HARM}),
}
"""The outcomes on which a hook goes."""

TOLD = ("post-rollout", "event")
"""Hooks that ask nothing."""

type Ask = Callable[[str | None], Awaitable[Answer]]


class Hooks:
    """Answers other controllers.

    Args:
        ask: what the gate says of a stage, or of the present one.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    @property
    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            web.get(GATE, self._gate),
            *(web.post(f"{GATE}/{hook}", self._hook) for hook in HOOKS),
            *(web.post(f"{GATE}/{hook}", self._told) for hook in TOLD),
        ]

    async def _gate(self, request: web.Request) -> web.StreamResponse:
        answer = await self._ask(request.query.get("stage"))
        return web.json_response(answer.as_json())

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        hook, who = _hook_of(request), _sender(await fields(request))
        answer = await self._ask(request.query.get("stage"))
        go = answer.outcome in HOOKS[hook]
        log.info("%s asked %s: %s, %s", who, hook, "go" if go else "halt", answer.sentence)
        # Flagger repeats the body in the canary's events
        said = {"go": go, "outcome": answer.outcome, "sentence": answer.sentence}
        return web.json_response(said, status=200 if go else 403)

    async def _told(self, request: web.Request) -> web.StreamResponse:
        said = await fields(request)
        who, metadata = _sender(said), said.get("metadata") or {}
        message = text_field(metadata, "eventMessage", MAX_MESSAGE) if isinstance(metadata, dict) else ""
        log.info("%s told %s: %s", who, _hook_of(request), message or "nothing more")
        return web.json_response({"go": True})


def _hook_of(request: web.Request) -> str:
    return request.path.rpartition("/")[2]


def _sender(said: Mapping[str, Any]) -> str:
    """The canary of a payload in one word, with its phase."""
    name, namespace, phase = (text_field(said, key, MAX_WORD) for key in ("name", "namespace", "phase"))
    if not name:
        raise BadRequest('the body names no canary; expected {"name": ..., "namespace": ..., "phase": ...}')
    return f"{namespace}/{name}" + (f" ({phase})" if phase else "")
