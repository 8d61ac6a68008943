"""The addresses of a policy."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from canary.core.policy.load import PolicyError
from canary.gateway.config import load, notify_addresses
from canary.notify.addresses import couriers
from canary.notify.message import Message
from tests.rig import policy, written

SECRET = "s3cret-0f1e2d3c"


@pytest.fixture
async def hook() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A web hook: its apprise URL, and what was posted."""
    posted: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        posted.append({"path": request.path, **(await request.json())})
        return web.Response(status=500 if len(posted) == 1 else 200)

    application = web.Application()
    application.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"json://127.0.0.1:{runner.addresses[0][1]}/{SECRET}", posted
    await runner.cleanup()


async def test_a_message_reaches_a_web_hook(
    hook: tuple[str, list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    """Title, text and urgency arrive; a first refusal is tried again; the address is in no log line."""
    url, posted = hook
    [courier] = couriers([("policy.yaml:7: notify.0", url)])
    courier._pauses = (0.0,)
    courier.start()
    courier.take(Message("canary r: rolled back", "late codes", "failure"))
    await courier.stop()
    assert [(one["path"], one["title"], one["message"], one["type"]) for one in posted] == [
        (f"/{SECRET}", "canary r: rolled back", "late codes", "failure")
    ] * 2
    assert SECRET not in caplog.text


def test_addresses_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """Each with its place in the policy, for messages."""
    (tmp_path / "hook").write_text("json://hook.example/\n")
    notify = [{"env": "NIGHT_HOOK"}, {"file": str(tmp_path / "hook")}]
    path = written(tmp_path, policy("https://old.example/", "https://new.example/", notify=notify))
    found = notify_addresses(load(path), {"NIGHT_HOOK": "slack://a/b/c"})
    assert [url for _, url in found] == ["slack://a/b/c", "json://hook.example/"]
    assert found[0][0].startswith(f"{path}:")
    assert found[1][0].endswith(": notify.1")


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    """With the place in the policy and the remedy."""
    path = written(
        tmp_path, policy("https://old.example/", "https://new.example/", notify=[{"env": "NIGHT_HOOK"}])
    )
    with pytest.raises(
        PolicyError, match=r"notify\.0: the environment variable NIGHT_HOOK is not set; export"
    ):
        notify_addresses(load(path), {})


def test_an_address_in_the_policy_is_refused_unseen(tmp_path: Path) -> None:
    """It holds a secret, and is not repeated."""
    path = written(
        tmp_path, policy("https://old.example/", "https://new.example/", notify=[f"slack://{SECRET}"])
    )
    with pytest.raises(PolicyError, match=r"holds a secret; expected \{env: NAME\}") as refusal:
        load(path)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("url", [f"nonsense://{SECRET}", SECRET, "slack://"])
def test_what_cannot_be_notified_stops_the_start(url: str) -> None:
    """In a sentence that names the place and not the secret."""
    with pytest.raises(
        PolicyError, match=r"policy\.yaml:7: notify\.0: .* expected a URL that apprise knows"
    ) as refusal:
        couriers([("policy.yaml:7: notify.0", url)])
    assert SECRET not in str(refusal.value)
