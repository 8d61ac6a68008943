"""A policy out of the wizard, run as it is."""

from pathlib import Path

import pytest

from canary.sim.behaviour import Behaviour
from canary.sim.provider import Provider
from tests.end_to_end.client import Client
from tests.end_to_end.rig import Harness, canary

pytestmark = pytest.mark.end_to_end

CALL = 'get("{url}?api_key=" + key + "&action=getNumber&service=tg&country=6")\n'


async def test_what_the_wizard_wrote_answers_clients(tmp_path: Path) -> None:
    """From a repository that knows an address to a harness that sells numbers of it, with nothing typed but new's."""
    async with Provider(Behaviour(), seed="old") as old, Provider(Behaviour(), seed="new") as new:
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop" / "buy.py").write_text(CALL.format(url=old.url))
        done = await canary(tmp_path, "wizard", "shop", "--new", new.url, "--yes")
        assert done.code == 0, done.err
        async with Harness(tmp_path, (tmp_path / "canary.yaml").read_text()) as harness:
            async with Client(harness.url) as client:
                assert (await client.buy()).bought
            status = await harness.status()
        assert (status["name"], status["stage"], status["state"]) == (
            "generic-to-generic",
            "shadow",
            "running",
        )
        assert len(old.books.leases) == 1
