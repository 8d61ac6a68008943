"""Leases kept as counts alone."""

from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine

from canary.core.money import Result
from canary.store import schema, settled
from canary.store.schema import metadata


def row(**changes: Any) -> dict[str, Any]:
    """A lease's row as far as it counts."""
    kind = {
        "arm": "new",
        "service": "tg",
        "country": "6",
        "key": "",
        "result": "success",
        "state": "succeeded",
    }
    return kind | {"price": Decimal("0.20"), "refunded_at": None, "purchase": "p"} | changes


def test_equal_ones_are_counted_together_and_added_to_what_was_there() -> None:
    """Prices keep their digits; what differs in anything that is asked for is counted apart."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    refund = {"result": "refund", "state": "refunded"}
    with engine.begin() as connection:
        settled.add(
            connection, "r", [row(), row(), row(**refund, refunded_at=5.0), row(price=None, purchase=None)]
        )
        settled.add(connection, "r", [row(), row(**refund)])
        settled.add(connection, "other", [row()])
        found = set(settled.grouped(connection, "r", "arm"))
        assert settled.amount(connection, "r") == Decimal("1.00")
        assert settled.amount(connection, "r", schema.settled.c.refunded) == Decimal("0.20")
    assert found == {
        (("new",), Result.SUCCESS, Decimal("0.20"), 3, 0, 3),
        (("new",), Result.REFUND, Decimal("0.20"), 2, 1, 2),
        (("new",), Result.SUCCESS, None, 1, 0, 0),
    }
