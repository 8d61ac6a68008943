"""An arm that knows a country by another id is sent its own, and is sent everything else as the client wrote it."""

from decimal import Decimal
from pathlib import Path

import pytest

from canary.core.compare.traits import Seen
from canary.core.model import Arm
from canary.gateway.prices import PriceTable
from tests.factories import NEW_KEY, treply, treq
from tests.rig import Rig, rig
from tests.upstreams import nobody, url_of
from tests.waiting import until

RUSSIA = {"countries": {0: 222, "us": 12, "NO": "norway"}}
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def heard(gateway: Rig, arm: Arm = Arm.NEW) -> str:
    """The query that the arm was sent last, without the word for its key."""
    return gateway.arm(arm).heard[-1].query.replace(NEW_KEY, "K")


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (
            "api_key=k&action=getNumber&service=tg&country=0",
            "api_key=K&action=getNumber&service=tg&country=222",
        ),
        (
            "country=0&x=%zz&&service=0&action=getNumber&api_key=k",
            "country=222&x=%zz&&service=0&action=getNumber&api_key=K",
        ),
        ("api_key=k&action=getNumber&country=US", "api_key=K&action=getNumber&country=12"),
        ("api_key=k&action=getNumber&country=Us", "api_key=K&action=getNumber&country=12"),
        ("api_key=k&action=getNumber&country=no", "api_key=K&action=getNumber&country=norway"),
        ("api_key=k&action=getNumber&country=%30", "api_key=K&action=getNumber&country=222"),
        (
            "api_key=k&action=getPrices&country=0&service=tg",
            "api_key=K&action=getPrices&country=222&service=tg",
        ),
        # nothing to translate, nothing touched
        (
            "api_key=k&action=getNumber&country=6&operator=0",
            "api_key=K&action=getNumber&country=6&operator=0",
        ),
        ("api_key=k&action=getNumber&country=", "api_key=K&action=getNumber&country="),
        ("api_key=k&action=getNumber&id=0&Country=0", "api_key=K&action=getNumber&id=0&Country=0"),
        ("api_key=k&action=getBalance", "api_key=K&action=getBalance"),
    ],
)
async def test_only_the_country_changes(tmp_path: Path, sent: str, arrives: str) -> None:
    """Every other parameter, their order and their writing stay as the client has them."""
    async with rig(tmp_path, new=RUSSIA, rollout={"weight": 1.0, "safe_arm": Arm.NEW}) as gateway:
        await gateway.handle(treq(query=sent))
        assert heard(gateway) == arrives


async def test_a_form_is_translated_as_well(tmp_path: Path) -> None:
    """Where the client puts its parameters does not matter."""
    body = b"api_key=k&action=getNumber&country=0&service=tg"
    async with rig(tmp_path, new=RUSSIA, rollout={"weight": 1.0}) as gateway:
        await gateway.handle(treq(method="POST", query="", headers=FORM, body=body))
        assert gateway.new.heard[-1].body == body.replace(b"=k", f"={NEW_KEY}".encode()).replace(
            b"=0", b"=222"
        )


async def test_the_other_arm_is_sent_what_the_client_says(tmp_path: Path) -> None:
    """A translation belongs to one arm; the lease and its purchase keep the client's country."""
    async with rig(tmp_path, new=RUSSIA) as gateway:
        await gateway.ask("getNumber", service="tg", country="0")
        assert gateway.old.heard[-1].params["country"] == "0"
        await gateway.split(weight=1.0)
        gateway.new.answers(getNumber="ACCESS_NUMBER:7:79584123456")
        await gateway.ask("getNumber", service="tg", country="0")
        assert gateway.new.heard[-1].params["country"] == "222"
        lease = gateway.lease("7")
        assert lease is not None
        assert lease.country == "0"


async def test_a_spilled_purchase_goes_out_in_the_old_arms_country(tmp_path: Path) -> None:
    """When new cannot be reached, old is asked as the client asked."""
    closed = nobody()
    async with rig(tmp_path, new=RUSSIA, urls=(None, url_of(closed)), rollout={"weight": 1.0}) as gateway:
        await gateway.ask("getNumber", service="tg", country="0")
        assert gateway.old.heard[-1].params["country"] == "0"
    closed.close()


async def test_a_shadow_copy_is_translated(tmp_path: Path) -> None:
    """Both arms are asked for the same country, each by its own id."""
    async with rig(tmp_path, new=RUSSIA, rollout={"shadow": 1.0}) as gateway:
        await gateway.ask("getNumbersStatus", country="0")
        await until(lambda: gateway.new.heard)
        assert gateway.new.heard[0].params["country"] == "222"
        assert gateway.old.heard[0].params["country"] == "0"


async def test_a_call_that_cannot_be_trusted_is_untouched(tmp_path: Path) -> None:
    """Two different actions in one call: it is passed on as it came."""
    query = "api_key=k&action=getNumber&action=getBalance&country=0"
    async with rig(tmp_path, new=RUSSIA, rollout={"weight": 1.0, "safe_arm": Arm.NEW}) as gateway:
        await gateway.handle(treq(query=query))
        assert heard(gateway) == query.replace("=k", "=K")


def test_a_price_is_looked_up_under_the_arms_own_id() -> None:
    """Where two arms use an id for different countries, the price is that of the country meant."""
    table = PriceTable({"18": "150", "150": "18", "US": 187})
    table.learn(
        Seen(
            treply(), 200, content=b'{"18":{"tg":{"cost":1}},"187":{"tg":{"cost":3}},"DE":{"tg":{"cost":4}}}'
        )
    )
    assert table.of("tg", "150") == Decimal(1)
    assert table.of("tg", "18") is None
    assert table.of("tg", "us") == Decimal(3)
    assert table.of("tg", "DE") == Decimal(4)
