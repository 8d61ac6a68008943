"""A harness that cannot start leaves nothing open."""

from pathlib import Path

import pytest

from canary.cli.errors import UsageError
from canary.cli.harness import Address, Harness, Settings
from canary.gateway.config import load, resolve
from canary.store.errors import StoreUnavailable
from tests.rig import ENVIRON, policy, written
from tests.web.serving import TOKEN

URL = "http://127.0.0.1:9/stubs/handler_api.php"


def harness(folder: Path, admin: int = 0) -> Harness:
    """A harness that was not started yet."""
    loaded = load(written(folder, policy(URL, URL)))
    here = Address("127.0.0.1", 0)
    settings = Settings(here, Address("127.0.0.1", admin), folder / "state.db", TOKEN)
    return Harness(loaded, resolve(loaded, ENVIRON), settings)


async def test_a_store_that_is_lost_during_the_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is the store's own, and no pool, port or thread of what had begun is left."""

    async def gone() -> None:
        raise StoreUnavailable("gone")

    begun = harness(tmp_path)
    service = begun.front.service
    monkeypatch.setattr(service.accounts, "start", gone)
    with pytest.raises(StoreUnavailable, match="gone"):
        await begun.start()
    assert all(pool._pool._connector is None for pool in service.upstreams.values())
    assert not begun.admin._site._runner.addresses


async def test_a_taken_admin_address_is_told(tmp_path: Path) -> None:
    """In a sentence that names the address and the option."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = harness(tmp_path / "first")
    await first.start()
    port = first.admin.address[1]
    with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port}.*choose another with --admin"):
        await harness(tmp_path / "second", port).start()
    await first.stop()
