"""Both arms' own tables of countries, asked of them with the policy's keys."""

import asyncio
import json
from collections.abc import Mapping
from time import time

from canary.core.model import Arm, Outcome, Request
from canary.core.policy.model import PASSTHROUGH
from canary.core.protocol.parse import parse
from canary.gateway.asking import Arms, ArmSide, Asked
from canary.gateway.config import Loaded, Secrets
from canary.gateway.upstream import Upstream
from canary.toolkit.countries import Listed, listed

ACTION = "getCountries"


class NoTableError(Exception):
    """An arm's table could not be had; the message says which arm's and why."""


async def tables(loaded: Loaded, secrets: Secrets) -> Mapping[Arm, tuple[Listed, ...]]:
    """What each arm answers to ``getCountries``; one read per arm, nothing is bought.

    Raises:
        NoTableError: an arm has no key in the policy, gave no answer, or one without countries.
    """
    for arm in Arm:
        if loaded.policy.arm(arm).api_key == PASSTHROUGH:
            raise NoTableError(f"{loaded.place('arms', arm)}: there is no api_key to ask {arm} with")
    upstreams = {arm: _upstream(loaded, secrets, arm) for arm in Arm}
    arms = Arms({arm: ArmSide(upstreams[arm], secrets.keys[arm]) for arm in Arm}, time)
    request = Request("GET", "/", f"action={ACTION}")
    call = parse(request)
    try:
        for upstream in upstreams.values():
            await upstream.start()
        answers = await asyncio.gather(*(arms.ask(arm, request, call) for arm in Arm))
    finally:
        for upstream in upstreams.values():
            await upstream.close()
    return {asked.arm: _table(loaded, asked) for asked in answers}


def _upstream(loaded: Loaded, secrets: Secrets, arm: Arm) -> Upstream:
    side = loaded.policy.arm(arm)
    return Upstream(side.url, secrets.headers[arm], side.timeout, 1, loaded.ca_file(arm))


def _table(loaded: Loaded, asked: Asked) -> tuple[Listed, ...]:
    reply, url = asked.exchange.reply, loaded.policy.arm(asked.arm).url
    if asked.response is None or reply.outcome is not Outcome.OK:
        raise NoTableError(f"{asked.arm} ({url}) answered {ACTION} with {reply.code}")
    try:
        rows = listed(json.loads(asked.content))
    except ValueError:
        rows = ()
    if not rows:
        raise NoTableError(f"{asked.arm} ({url}) answered {ACTION} with no table of countries")
    return rows
