"""The report for people."""

from dataclasses import replace
from pathlib import Path

import pytest

from canary.core.model import Arm
from canary.store.store import Store
from canary.toolkit.dossier import Code, Facts, Plot, Section, Table, odds, sections
from canary.toolkit.report_html import html
from canary.toolkit.report_md import markdown
from tests.story import HOUR, NAME, Story
from tests.toolkit.written import facts

MARKUP = "<script>document.title='owned'</script> | *bold* [link](x)"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Four hours of a rollout with a difference and a hazard."""
    story = Story(Store(tmp_path_factory.mktemp("dossier") / "canary.db"), rate=240, tick=900)
    story.goes_on(4 * HOUR)
    story.counts(shadow_sent=12, shadow_dropped=1, hazard_repeated_purchase=3)
    story.answers("getStatus", {Arm.OLD: "STATUS_WAIT_CODE", Arm.NEW: "STATUS_WAIT_CODE:0"})
    made = facts(story)
    story.store.close()
    return made


def part_of(found: list[Section], heading: str) -> Section:
    return next(section for section in found if section.heading == heading)


def test_it_has_everything_in_order(found: Facts) -> None:
    """From the verdict to how to make it again."""
    assert [section.heading for section in sections(found)] == [
        "Verdict",
        "Gates",
        "Fixed-horizon tests",
        "Leases and money",
        "Contract",
        "Hazards",
        "Decisions",
        "How to recompute it",
    ]


def test_every_gate_has_its_row_and_its_picture(found: Facts) -> None:
    """Both arms' numbers are those of the status, and the picture those of the looks."""
    parts = part_of(sections(found), "Gates").parts
    table = next(part for part in parts if isinstance(part, Table))
    success = found.status["metrics"]["lease_success"]
    row = next(row for row in table.rows if row[0] == "success rate of leases")
    assert row[2] == f"{success['old']['value']:.2%}"
    assert row[3] == str(success["old"]["n"])
    assert row[5] == str(success["new"]["n"])
    plot = next(part for part in parts if isinstance(part, Plot))
    assert plot.promote[-1] == success["evidence"]["promote"]
    assert len(plot.at) == len(plot.promote) == len(plot.rollback)


def test_decisions_say_whether_they_agree(found: Facts) -> None:
    """The log with what came out when each was made again."""
    [table] = [part for part in part_of(sections(found), "Decisions").parts if isinstance(part, Table)]
    assert [(row[1], row[-1]) for row in table.rows] == [("advance", "agrees")]


def test_a_rollout_that_has_just_begun_says_so(tmp_path: Path) -> None:
    """Every section has a sentence for having nothing."""
    story = Story(Store(tmp_path / "canary.db"))
    made = sections(facts(story))
    story.store.close()
    said = {section.heading: section.parts[0] for section in made}
    assert said["Gates"] == "Nothing has been judged yet."
    assert said["Fixed-horizon tests"] == "No lease has matured on both arms in this attempt."
    assert said["Hazards"] == "None was seen in live traffic."
    assert said["Decisions"] == "Nothing has been decided yet."
    assert "<script>" not in html(NAME, made)


def test_markdown_has_all_but_the_pictures(found: Facts) -> None:
    """Headings, tables of equal width, and the commands to type."""
    text = markdown(NAME, sections(found))
    assert text.startswith(f"# Report: {NAME}\n\n## Verdict\n")
    assert f"    canary report --state STATE --name {NAME}\n" in text
    widths = [line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| gate |")]
    assert widths == [12]


def test_html_needs_nothing_else(found: Facts) -> None:
    """One file: no address is loaded from it, and its policy forbids any."""
    page = html(NAME, sections(found))
    outside = page[: page.index("<script>")] + page[page.index("<main>") :]
    assert "src=" not in outside
    assert "href=" not in outside
    assert "default-src 'none'" in outside
    assert outside.count("<figure>") == sum(
        isinstance(part, Plot) for section in sections(found) for part in section.parts
    )


def test_what_came_over_the_wire_stays_text(found: Facts) -> None:
    """Markup in a reason, an actor or a name is shown as it is."""
    review = found.report.reviews[0]
    told = replace(review, decision=replace(review.decision, reason=MARKUP, actor=MARKUP))
    made = sections(replace(found, report=replace(found.report, reviews=(told,))))
    page, text = html(MARKUP, made), markdown(NAME, made)
    assert "<script>document" not in page
    assert "&lt;script&gt;document.title" in page
    assert "\\<script\\>document" in text
    assert "\\| \\*bold\\* \\[link\\]" in text


def test_code_is_kept_as_it_is() -> None:
    """Commands are not escaped where they are copied from."""
    made = [Section("Do", (Code(("canary report --state a_b",)),))]
    assert "    canary report --state a_b\n" in markdown("n", made)
    assert "<pre>canary report --state a_b</pre>" in html("n", made)


@pytest.mark.parametrize(
    ("evidence", "shown"),
    [
        (0.6251, "0.625"),
        (20.0, "20"),
        (285.7, "286"),
        (22_847.2, "22,847"),
        (5.4e7, "10^7"),
        (1e300, "10^300"),
    ],
)
def test_evidence_is_written_as_on_the_dashboard(evidence: float, shown: str) -> None:
    """No exponents of programmers, and no digits that nobody needs."""
    assert odds(evidence) == shown
