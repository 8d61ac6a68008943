"""What a state file holds, read with plain SQL beside the product's own code."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(state: Path, statement: str) -> list[tuple[Any, ...]]:
    """What a statement finds."""
    with closing(sqlite3.connect(state)) as connection:
        return connection.execute(statement).fetchall()


def leases(state: Path) -> dict[str, str]:
    """The id that the client knows, to the arm that sold it."""
    return dict(rows(state, "SELECT visible_id, arm FROM leases"))


def calls(state: Path) -> Counter[tuple[str, str]]:
    """How many calls were tallied by arm and action."""
    counts: Counter[tuple[str, str]] = Counter()
    for arm, action, outcomes in rows(state, "SELECT arm, action, outcomes FROM tallies"):
        counts[arm, action] += sum(json.loads(outcomes).values())
    return counts
