"""What an operator may do through the admin API; each is on the record with who and why.

    POST /api/v1/EVENT         pause, resume, promote, rollback, approve, restart; answers the status after the event
    POST /api/v1/ack           {"action": ..., "kind": ..., "path": ...}: differences, or that new cannot serve it
    POST /api/v1/shadow/stop   no further shadow lease, on any replica; those that are open are given back
    POST /api/v1/shadow/start  go on after a stop

Each takes {"reason": ..., "actor": ...} as JSON or form.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from canary.core.actions import lookup
from canary.core.compare.acks import UNMAPPED, Found, Which, place_of
from canary.core.compare.traits import Aspect
from canary.core.model import Rollout
from canary.core.stage import Event
from canary.store.errors import StoreError
from canary.store.shadow_leases import Switch
from canary.store.store import Store
from canary.web.answers import BadRequest, error, fields, text_field
from canary.web.board import EVENTS
from canary.web.shadow import shadow_of

log = logging.getLogger(__name__)

MAX_REASON = 2000
MAX_ACTOR = 100
MAX_PLACE = 200
"""Characters of an action, a kind or a path."""

KINDS = (*(aspect.value for aspect in Aspect), UNMAPPED)
"""Kinds of findings."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What carries an operator's wishes out. All of it may raise ``StoreError``, and is called in a thread.

    Attributes:
        act: applies an event for an actor with a reason, and returns the rollout after it; ``IllegalEvent`` when
            its state does not allow that.
        acknowledge: acknowledges the open findings that are meant, with ``reason`` and ``actor``; which they were.
    """

    act: Callable[[Event, str, str], Rollout]
    acknowledge: Callable[..., Sequence[Found]]


@dataclass(frozen=True, slots=True)
class Said:
    """What the body of an operation says."""

    actor: str
    reason: str
    fields: Mapping[str, Any]


class Operations:
    """The operator's routes.

    Args:
        run: calls in a thread that no reader holds up.
        changed: makes what watches the rollout look at once.
        status: the status now.
        clock: wall-clock seconds.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        hands: Hands,
        *,
        run: Callable[..., Awaitable[Any]],
        changed: Callable[[], Awaitable[None]],
        status: Callable[[], Awaitable[dict[str, Any]]],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name = name
        self._hands = hands
        self._run = run
        self._changed = changed
        self._status = status
        self._clock = clock

    @property
    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            *(web.post(f"/api/v1/{event}", self._event) for event in EVENTS),
            web.post("/api/v1/ack", self._ack),
            web.post("/api/v1/shadow/{turn:stop|start}", self._turn),
        ]

    async def _event(self, request: web.Request) -> web.StreamResponse:
        event, said = Event(request.path.rpartition("/")[2]), await _said(request)
        rollout = await self._run(self._hands.act, event, said.actor, said.reason)
        log.warning("%s by %r: now %s", event, said.actor, rollout.state)
        await self._changed()
        return await self._after(event)

    async def _after(self, event: Event) -> web.StreamResponse:
        try:
            return web.json_response(await self._status())
        except StoreError as failure:
            # said apart: an operator who repeats a promote that was carried out moves two stages on
            return error(
                503, f"{event} was carried out, do not repeat it; its status is not known yet: {failure}"
            )

    async def _ack(self, request: web.Request) -> web.StreamResponse:
        said = await _said(request)
        which = _which(said.fields)
        if not said.reason:
            raise BadRequest("reason is missing; say for the record why your clients can live with it")
        done = await self._run(self._acknowledge, which, said)
        if not done:
            findings = await self._run(self._store.findings, self._name)
            return error(409, which.missed(findings.open))
        log.warning("acknowledged by %r: %s", said.actor, which)
        await self._changed()
        found = [place_of(one)._asdict() for one in done]
        return web.json_response({"name": self._name, "acknowledged": found})

    def _acknowledge(self, which: Which, said: Said) -> Sequence[Found]:
        return self._hands.acknowledge(which, reason=said.reason, actor=said.actor)

    async def _turn(self, request: web.Request) -> web.StreamResponse:
        stopped, said = request.match_info["turn"] == "stop", await _said(request)
        now = self._clock()
        switch = Switch(stopped, said.reason, said.actor, now)
        await self._run(self._store.shadow_book(self._name).turn, switch)
        log.warning("shadow leases %s by %r", "stopped" if stopped else "started", said.actor)
        await self._changed()
        return web.json_response(await self._run(shadow_of, self._store, self._name, now))


async def _said(request: web.Request) -> Said:
    said = await fields(request)
    actor = text_field(said, "actor", MAX_ACTOR) or "admin API"
    return Said(f"{actor} from {request.remote}", text_field(said, "reason", MAX_REASON), said)


def _which(said: Mapping[str, Any]) -> Which:
    action, kind, path = (text_field(said, name, MAX_PLACE) for name in ("action", "kind", "path"))
    if not action:
        raise BadRequest("action is missing; name one of canary differences")
    if kind and kind not in KINDS:
        raise BadRequest(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    known = lookup(action)
    return Which(known.name if known else action, kind or None, path or None)
