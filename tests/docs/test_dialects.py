"""docs/dialects.md says what the dialects do."""

import re
from pathlib import Path

import pytest

from canary.core.dialects import DIALECTS
from canary.core.dialects.speech import actions
from canary.core.dialects.verifysms import FIELDS
from canary.gateway.config import shipped_profile

TEXT = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|")
]
HEAD = next(row for row in ROWS if row[0] == "action")
TABLE = {
    action: dict(zip(HEAD[1:], row[1:], strict=True))
    for row in ROWS[ROWS.index(HEAD) + 2 :]
    if row[0][:3] in {"get", "set"}
    for action in row[0].split(", ")
}


@pytest.mark.parametrize("name", DIALECTS)
def test_the_table_is_the_code_s(name: str) -> None:
    """An action has a counterpart there exactly when it has one here."""
    assert {action for action, cells in TABLE.items() if cells[name] != "-"} == actions(DIALECTS[name])


def test_profiles_and_dialects_are_those_that_there_are() -> None:
    """With the title of each."""
    told = {row[1].strip("`") for row in ROWS if re.match(r"`https://", row[2] if len(row) == 4 else "")}
    assert told == set(DIALECTS)
    assert {name: shipped_profile(name).dialect for name in told} == {name: name for name in told}


def test_every_field_is_named() -> None:
    """So that a profile can rename it."""
    assert all(re.search(rf"[`\s]{name}[`\s]", TEXT) for name in FIELDS)
