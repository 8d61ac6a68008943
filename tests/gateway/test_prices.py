"""Price tables: what an arm's getPrices teaches."""

from decimal import Decimal

import pytest

from canary.core.compare.traits import Seen
from canary.gateway import prices as module
from canary.gateway.prices import AGAIN, PriceTable
from tests.factories import NOW, tcall, treply

TABLE = b'{"6":{"tg":{"cost":0.20,"count":5},"wa":{"cost":"0.35"}},"222":{"tg":{"cost":0.5}},"7":{"x":{}}}'


def seen(content: bytes = TABLE) -> Seen:
    return Seen(treply(code="JSON"), 200, content=content)


async def test_prices_are_found_by_service_and_country() -> None:
    """As numbers or text; a country also by its ISO code where the profile knows it."""
    table = PriceTable({"RU": 222})
    await table.hear(tcall("getPrices"), seen(), NOW)
    assert table.of("tg", "6") == Decimal("0.20")
    assert table.of("wa", "6") == Decimal("0.35")
    assert table.of("tg", "ru") == Decimal("0.5")
    assert table.of("tg", "1") is None
    assert table.of("x", "7") is None


async def test_a_whole_table_is_read_once_a_minute() -> None:
    """A part of it always: it is small, and may be asked for because a price changed."""
    table = PriceTable()
    await table.hear(tcall("getPrices"), seen(), NOW)
    await table.hear(tcall("getPrices"), seen(b'{"6":{"tg":{"cost":9}}}'), NOW + AGAIN - 1)
    assert table.of("tg", "6") == Decimal("0.20")
    await table.hear(tcall("getPrices", service="tg"), seen(b'{"6":{"tg":{"cost":0.25}}}'), NOW + 2)
    assert table.of("tg", "6") == Decimal("0.25")
    await table.hear(tcall("getPrices"), seen(b'{"6":{"tg":{"cost":0.30}}}'), NOW + AGAIN)
    assert table.of("tg", "6") == Decimal("0.30")


@pytest.mark.parametrize("content", [b"", b"BAD_KEY", b"[]", b'{"6":7}', b'{"status":"false","msg":"x"}'])
async def test_what_is_no_table_teaches_nothing(content: bytes) -> None:
    """Errors, lists and empty answers."""
    table = PriceTable()
    await table.hear(tcall("getPrices"), seen(content), NOW)
    assert table.of("tg", "6") is None


async def test_other_answers_are_passed_over() -> None:
    """Another action's map may look like a table."""
    table = PriceTable()
    await table.hear(tcall("getPricesVerification"), seen(), NOW)
    assert (table.of("tg", "6"), table.revision) == (None, 0)


async def test_a_table_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known stays up to date, what is new beyond the limit is not remembered."""
    monkeypatch.setattr(module, "MOST", 1)
    table = PriceTable()
    await table.hear(tcall("getPrices"), seen(b'{"6":{"tg":{"cost":1}}}'), NOW)
    await table.hear(tcall("getPrices"), seen(), NOW + AGAIN)
    assert (table.of("tg", "6"), table.of("wa", "6")) == (Decimal("0.20"), None)
