"""The log is SARIF 2.1.0, to the letter of its schema."""

import json
from pathlib import Path

from jsonschema import Draft4Validator

from canary.gateway.config import shipped_profile
from canary.toolkit.inventory.hazards import RULES
from canary.toolkit.inventory.model import Inventory
from canary.toolkit.inventory.sarif import SITE, document
from canary.toolkit.inventory.scan import take
from tests.toolkit.inventory.labels import labelled
from tests.toolkit.inventory.small import URL, inventory

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text("utf-8"))


def errors(found: Inventory) -> list[str]:
    """What the schema says against a log."""
    log = json.loads(json.dumps(document(found)))
    return [f"{list(error.path)}: {error.message}" for error in Draft4Validator(SCHEMA).iter_errors(log)]


def test_the_schema_is_one() -> None:
    """And it refuses what is no log."""
    Draft4Validator.check_schema(SCHEMA)
    assert not Draft4Validator(SCHEMA).is_valid({"version": "2.1.0", "runs": [{"results": [{}]}]})


def test_every_finding_fits_the_schema() -> None:
    """All labelled client code, and nothing at all."""
    assert errors(take(labelled().texts.items(), shipped_profile("verifysms"))) == []
    assert errors(inventory()) == []


def test_rules_and_results_belong_together() -> None:
    """Each result names its rule, both by id and by number; all rules are described."""
    log = document(inventory(a_py=f"get('{URL}?action=getRentNumber&country=0')\n"))
    [run] = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [SITE, *(rule.id for rule in RULES)]
    assert {rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"]} == {True}
    assert {result["level"] for result in run["results"]} == {"error", "warning", "note", "none"}


def test_a_place_is_a_relative_address() -> None:
    """Spaces and other characters are escaped; line and column count from one."""
    found = take([("a b/ö.py", f"\n  u = '{URL}'\n")], shipped_profile("verifysms"))
    [result] = document(found)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/%C3%B6.py", "uriBaseId": "%SRCROOT%"}
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (2, 8 + len("https://"))


def test_a_finding_stays_the_same_when_lines_are_added_above() -> None:
    """Code scanning knows it again by its words."""
    first, second = (
        document(inventory(a_py=f"{above}u = '{URL}'\n"))["runs"][0]["results"][0]["partialFingerprints"]
        for above in ("", "\n\n")
    )
    assert first == second
