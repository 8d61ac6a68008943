"""What breaks: every known variation is found and explained, and the page lists every kind."""

import re
from pathlib import Path

import pytest

from canary.core.compare.breaks import CATALOGUE, breaks
from canary.core.compare.judge import Difference
from canary.core.compare.traits import Aspect
from tests.core.compare.replies import Make, told_apart
from tests.core.compare.variations import QUIET, VARIATIONS, Variation

PAGE = Path(__file__).parents[3] / "docs" / "contract.md"


@pytest.mark.parametrize("kind", Aspect)
def test_every_kind_has_a_sentence(kind: Aspect) -> None:
    """Whatever is found, the operator is told what it would break."""
    assert breaks("getNumber", kind, "path", "this", "that").endswith(".")


def test_each_value_of_a_difference_says_what_it_breaks() -> None:
    """Two values that break different clients are two sentences, two that break the same are one."""
    both = breaks("setStatus", Aspect.STATUS, "", "200", "204, 409, 400")
    assert "204" in both
    assert both.count("GZIP") == 1


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.says[:40])
def test_every_row_can_be_reached(row: object) -> None:
    """No row stands behind one that fits everything it fits."""
    general = [one for one in CATALOGUE if not (one.actions or one.path or one.old or one.new)]
    before = CATALOGUE[: CATALOGUE.index(row)]  # type: ignore[arg-type]
    assert not [one for one in before if one in general and one.kind is row.kind]  # type: ignore[attr-defined]


def test_the_page_lists_every_kind() -> None:
    """docs/contract.md has a row for each kind of difference, and for nothing else."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [kind.value for kind in Aspect]


def of_kind(found: list[Difference], kind: Aspect, path: str) -> list[Difference]:
    return [one for one in found if (one.kind, one.path) == (kind, path)]


@pytest.mark.parametrize("what", VARIATIONS, ids=[row[0] for row in VARIATIONS])
def test_a_variation_is_found_and_explained(what: Variation) -> None:
    """Forty replies of each arm show it, with what it breaks."""
    _, action, old, new, kind, path, breaks = what
    params = {"id": "7", "status": "8"} if action == "setStatus" else {}
    (found,) = of_kind(told_apart(action, old, new, **params), kind, path)
    assert breaks in found.breaks
    assert found.action == action
    assert found.count >= 10
    assert found.old != found.new


@pytest.mark.parametrize("what", VARIATIONS, ids=[row[0] for row in VARIATIONS])
def test_two_arms_that_vary_alike_do_not_differ(what: Variation) -> None:
    """Neither old beside old nor new beside new shows a difference."""
    _, action, old, new, *_ = what
    params = {"id": "7", "status": "8"} if action == "setStatus" else {}
    assert told_apart(action, old, old, **params) == []
    assert told_apart(action, new, new, **params) == []


@pytest.mark.parametrize("what", QUIET, ids=[row[0] for row in QUIET])
def test_what_depends_on_the_moment_is_no_difference(what: tuple[str, str, Make, Make]) -> None:
    """Stock, funds, faults, throttling, amounts and everything that old's clients can take anyway."""
    _, action, old, new = what
    assert told_apart(action, old, new, cases=200) == []
