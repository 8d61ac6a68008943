"""Other controllers at the gate: what they are answered, and that the examples in deploy/kubernetes are understood."""

import logging
import operator
import re
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from canary.store.store import Store
from canary.web.hooks import HOOKS, TOLD
from tests.factories import FakeClock
from tests.web.serving import GATE_TOKEN, NAME, TOKEN, Client, broken, serving

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"

PAYLOAD: dict[str, Any] = {
    "name": "sms-client",
    "namespace": "shop",
    "phase": "Progressing",
    "checksum": "85d557f47b",
    "metadata": {"test": "all"},
}
"""What Flagger posts; an event has these in its metadata: eventMessage, eventType, timestamp."""

JUDGED = {"acquire": {"verdict": "undecided", "enforced": True, "old": {"n": 9, "value": 1.0}}}

SEEN: dict[str, tuple[str, dict[str, Any]]] = {
    "cleared": ("advance", JUDGED),
    "harm": ("rollback", JUDGED),
    "undecided": ("hold", JUDGED),
    "no_data": ("hold", {}),
}


def look(store: Store, clock: FakeClock, outcome: str) -> None:
    """A controller's look after which the gate says this."""
    kind, metrics = SEEN[outcome]
    store.beat(NAME, clock(), {"kind": kind, "reasons": ["because"], "metrics": metrics})


# --- Flagger ------------------------------------------------------------------------------------------------------

GOES: dict[str, set[str]] = {
    "confirm-rollout": {"cleared", "undecided"},
    "pre-rollout": {"cleared", "undecided"},
    "rollout": {"cleared", "undecided"},
    "confirm-traffic-increase": {"cleared"},
    "confirm-promotion": {"cleared"},
    "rollback": {"harm"},
}


@pytest.mark.parametrize("outcome", SEEN)
@pytest.mark.parametrize("hook", HOOKS)
async def test_a_hook_goes_or_halts(
    client: Client, store: Store, clock: FakeClock, hook: str, outcome: str
) -> None:
    """200 goes, 403 halts; harm halts all and rolls back, blindness halts all, undecided waits for a promotion."""
    look(store, clock, outcome)
    status, body = (await client.ask("POST", f"/api/v1/gate/{hook}", json=PAYLOAD))[:2]
    go = outcome in GOES[hook]
    assert (status, body["go"], body["outcome"]) == (200 if go else 403, go, outcome)
    assert body["sentence"].startswith(outcome.replace("_", " "))


async def test_a_hook_may_ask_for_a_stage(client: Client, store: Store, clock: FakeClock) -> None:
    """Not before it, and from then on."""
    look(store, clock, "cleared")
    path = "/api/v1/gate/confirm-promotion?stage=half"
    assert (await client.ask("POST", path, json=PAYLOAD))[0] == 403
    await client.act("promote")
    await client.act("promote")
    assert (await client.ask("POST", path, json=PAYLOAD))[0] == 200
    status, body, _ = await client.ask("POST", "/api/v1/gate/rollout?stage=hafl", json=PAYLOAD)
    assert (status, body["error"]) == (400, "there is no stage 'hafl'; the policy has canary, half, cutover")


@pytest.mark.parametrize("hook", TOLD)
async def test_what_flagger_tells_is_in_the_log(
    client: Client, store: Store, caplog: pytest.LogCaptureFixture, hook: str
) -> None:
    """Events are answered at once and kept readable; the rollout is as it was."""
    said = {"eventMessage": "Advance weight\n20", "eventType": "Normal", "timestamp": "1"}
    with caplog.at_level(logging.INFO):
        status, _, _ = await client.ask(
            "POST", f"/api/v1/gate/{hook}", json=PAYLOAD | {"metadata": said, "phase": "Progressing"}
        )
    assert status == 200
    assert f"shop/sms-client (Progressing) told {hook}: Advance weight 20" in caplog.text
    assert store.decisions(NAME) == []


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"no", b'{"name": 7}'])
@pytest.mark.parametrize("hook", ["rollout", "event"])
async def test_what_is_no_payload_halts(client: Client, hook: str, data: bytes) -> None:
    """Whoever is no Flagger gets a sentence, and no 2xx."""
    headers = {"content-type": "application/json"}
    status, body, _ = await client.ask("POST", f"/api/v1/gate/{hook}", data=data, headers=headers)
    assert status == 400
    assert "expected" in body["error"]


async def test_a_dead_store_halts(client: Client, state: Path) -> None:
    """No answer is no go, of a rollback neither."""
    broken(state)
    for hook in HOOKS:
        assert (await client.ask("POST", f"/api/v1/gate/{hook}", json=PAYLOAD))[0] == 503
    assert (await client.get("/api/v1/gate"))[0] == 503


# --- the examples -------------------------------------------------------------------------------------------------


def documents(name: str) -> list[dict[str, Any]]:
    """What an example holds."""
    return [*yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8"))]


async def test_every_hook_of_the_flagger_example_is_answered(store: Store, clock: FakeClock) -> None:
    """Each webhook posts to its own type, with the gate's token as the URL's password, and goes as documented."""
    (canary,) = documents("flagger.yaml")
    assert (canary["apiVersion"], canary["kind"]) == ("flagger.app/v1beta1", "Canary")
    hooks = canary["spec"]["analysis"]["webhooks"]
    async with serving(store, clock, host="0.0.0.0") as far, aiohttp.ClientSession() as session:
        for hook in hooks:
            assert set(hook) <= {"name", "type", "url", "timeout", "metadata", "muteAlert"}
            url = urlsplit(hook["url"].replace("GATE_TOKEN", GATE_TOKEN))
            assert url.path == f"/api/v1/gate/{hook['type']}"
            assert url.password == GATE_TOKEN
            login = b64encode(f"{url.username}:{url.password}".encode()).decode()
            headers = {"authorization": f"Basic {login}"}  # as Go makes it of a URL
            for outcome in SEEN:
                look(store, clock, outcome)
                where = f"{far.url}{url.path}?{url.query}"
                async with session.post(where, json=PAYLOAD, headers=headers) as answer:
                    go = hook["type"] in TOLD or outcome in GOES[hook["type"]]
                    assert answer.status == (200 if go else 403), hook
            async with session.post(f"{far.url}{url.path}", json=PAYLOAD) as answer:
                assert answer.status == 401
    assert {hook["type"] for hook in hooks} >= {"confirm-rollout", "rollout", "confirm-promotion", "rollback"}


def measured(metric: dict[str, Any], body: Any) -> str:
    """Argo's word for a measurement: its conditions on what its JSON path finds."""
    path = re.fullmatch(r"\{\$\.(\w+)\}", metric["provider"]["web"]["jsonPath"])
    assert path is not None
    holds = {
        name: condition(metric.get(f"{name}Condition"), body[path[1]]) for name in ("success", "failure")
    }
    if holds["failure"] or (holds["failure"] is None and not holds["success"]):
        return "Failed"
    if holds["success"] or (holds["success"] is None and not holds["failure"]):
        return "Successful"
    return "Inconclusive"


def condition(written: str | None, result: str) -> bool | None:
    """Whether a condition of the form ``result == "word"`` holds; ``None`` without one."""
    if written is None:
        return None
    found = re.fullmatch(r'result (==|!=) "(\w+)"', written)
    assert found is not None, written
    compare = {"==": operator.eq, "!=": operator.ne}[found[1]]
    return bool(compare(result, found[2]))


WORDS = {
    "harm-free": {
        "cleared": "Successful",
        "harm": "Failed",
        "undecided": "Successful",
        "no_data": "Successful",
    },
    "stage-cleared": {
        "cleared": "Successful",
        "harm": "Failed",
        "undecided": "Inconclusive",
        "no_data": "Inconclusive",
    },
}


@pytest.mark.parametrize("outcome", SEEN)
@pytest.mark.parametrize("template", documents("argo-rollouts.yaml"), ids=lambda one: one["metadata"]["name"])
async def test_a_measurement_of_the_argo_example(
    store: Store, clock: FakeClock, template: dict[str, Any], outcome: str
) -> None:
    """The template's own URL, header, path and conditions make of each outcome what the page promises."""
    assert (template["apiVersion"], template["kind"]) == ("argoproj.io/v1alpha1", "AnalysisTemplate")
    args = {arg["name"]: arg.get("value", GATE_TOKEN) for arg in template["spec"]["args"]}

    def filled(text: str) -> str:
        return re.sub(r"\{\{ args\.([\w-]+) \}\}", lambda found: args[found[1]], text)

    look(store, clock, outcome)
    (metric,) = template["spec"]["metrics"]
    asked = metric["provider"]["web"]
    url = urlsplit(filled(asked["url"]))
    headers = {header["key"]: filled(header["value"]) for header in asked["headers"]}
    async with serving(store, clock, host="0.0.0.0") as far:
        status, body = await far.get(f"{url.path}?{url.query}", headers=headers)
    assert (status, body["outcome"]) == (200, outcome)
    assert measured(metric, body) == WORDS[metric["name"]][outcome]


def test_the_examples_hold_no_admin_token() -> None:
    """What stands in a cluster's objects can do nothing."""
    for name in ("flagger.yaml", "argo-rollouts.yaml"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        assert "CANARY_GATE_TOKEN" in text
        assert "CANARY_ADMIN_TOKEN" not in text
        assert TOKEN not in text
