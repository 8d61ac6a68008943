"""The table of faults: what it says is shown by tests that exist."""

import re

import pytest

from tests.docs.commands import ROOT

PAGE = ROOT / "docs" / "faults.md"
ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_row_is_whole_and_names_its_test(row: str) -> None:
    """All five columns are filled, and the last names a test function that there is."""
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 5
    assert all(cells)
    found = re.fullmatch(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)`", cells[-1])
    assert found, cells[-1]
    assert re.search(rf"def {found['name']}\(", (ROOT / found["file"]).read_text(encoding="utf-8"))
