"""What the admin API takes and gives: bodies as fields, everything that goes wrong as a status and a sentence."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from canary.core.stage import IllegalEvent
from canary.store.errors import StoreError
from canary.web.gate import UnknownStage
from canary.web.throttle import TooMany

log = logging.getLogger(__name__)

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY = 16 * 1024
"""Bytes of a request's body."""

_EXPECTED = 'expected {"reason": "..."}, reason=... or nothing'


class BadRequest(ValueError):
    """The request does not say what it wants; nothing was changed."""


async def fields(request: web.Request) -> Mapping[str, Any]:
    """The body's fields: a JSON object, a form, or nothing.

    Raises:
        BadRequest: it is none of these.
    """
    body = await request.read()
    try:
        text = body.decode().strip()
        if request.content_type == "application/json" or text.startswith("{"):
            said = json.loads(text or "{}")
        else:
            said = dict(parse_qsl(text, strict_parsing=bool(text)))
    except (ValueError, RecursionError):
        raise BadRequest(f"the body cannot be read; {_EXPECTED}") from None
    if not isinstance(said, dict):
        raise BadRequest(f"the body is no object; {_EXPECTED}")
    return said


def text_field(said: Mapping[str, Any], name: str, longest: int) -> str:
    """A field that may be absent; then it is empty. What no reader could see is left out, a long text is cut:
    a rollback must not fail because of its reason.

    Raises:
        BadRequest: it is no text.
    """
    value = said.get(name) or ""
    if not isinstance(value, str):
        raise BadRequest(f"{name} is no text; {_EXPECTED}")
    shown = "".join(letter if letter.isprintable() else " " for letter in value).strip()
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def number_up_to(most: int, text: str | None) -> int:
    """A ``limit`` from 1 to ``most``, which is also the default.

    Raises:
        BadRequest: it is no such number.
    """
    if text is None:
        return most
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadRequest(f"limit is {text!r}; expected a number from 1 to {most}")
    return int(text)


def error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to what went wrong."""
    return web.json_response({"error": sentence}, status=status, headers=headers)


_STATUS_OF: Mapping[type[Exception], int] = {
    IllegalEvent: 409,
    StoreError: 503,
    BadRequest: 400,
    UnknownStage: 400,
}

_SENTENCES: Mapping[int, str] = {
    404: "there is nothing here; see /api/v1/status, /metrics and /readyz",
    413: f"the body is longer than {MAX_BODY} bytes; send a short reason",
}


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn exceptions into answers, and keep every answer out of caches that does not say otherwise."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        kept = {name: value for name, value in refusal.headers.items() if name == "Allow"}
        response = error(refusal.status, _SENTENCES.get(refusal.status, refusal.reason), kept)
    except TooMany as refusal:
        response = error(429, str(refusal), {"retry-after": str(refusal.wait)})
    except tuple(_STATUS_OF) as failure:
        status = next(status for kind, status in _STATUS_OF.items() if isinstance(failure, kind))
        response = error(status, str(failure))
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        response = error(500, "the admin server failed; its log says why")
    response.headers.setdefault("cache-control", "no-store")
    response.headers["x-content-type-options"] = "nosniff"
    return response
