"""``canary plan``."""

import json
from pathlib import Path

import pytest

from canary.gateway.config import SHIPPED
from tests.cli.night import canary

POLICY = str(SHIPPED / "canary-5pct.yaml")


def lines(*words: str) -> list[str]:
    said = canary("plan", POLICY, *words)
    assert said.code == 0
    return [" ".join(line.split()) for line in said.out.splitlines()]


def test_each_stage_and_gate_has_its_numbers() -> None:
    """Bound, expectation and time for each harm and for equality; keys are not needed."""
    said = lines("--leases-per-hour", "4000")
    assert said[0].startswith("smsactivate-to-verifysms, policy ")
    assert said[0].endswith("4000 new leases an hour; of old's leases 85% get a code and 10% are refunded")
    assert "stage canary: 5% of new leases, 200 an hour on new, held 1d" in said
    assert "lease_success outage 2pp 3 5 21 min" in said
    assert "equal 5pp 371 485 2 h 45 min" in said
    assert "p95 x3 1.25x 5 8 4 min" in " ".join(said)
    assert said.count("gate to find or prove margin at least expected time") == 3
    assert "if the arms are equal it can be left after 24 h" in said
    assert "cost_per_success depends on prices and is not planned" in said


def test_what_old_is_like_may_be_told() -> None:
    """Another success rate gives other numbers; percentages and fractions are the same."""
    told = lines("--leases-per-hour", "4000", "--success", "60%", "--refund", "5%")
    assert "60% get a code and 5% are refunded" in told[0]
    assert told == lines("--leases-per-hour", "4000", "--success", "0.6", "--refund", "0.05")
    assert told[1:] != lines("--leases-per-hour", "4000")[1:]


def test_too_little_traffic_is_said_plainly() -> None:
    """A margin that cannot be decided in the stage's hold is named with what it would take."""
    said = " ".join(lines("--leases-per-hour", "60"))
    assert "lease_success cannot be decided within the hold of 24 h" in said


def test_json_holds_the_whole_plan() -> None:
    """A script gets every stage with every gate."""
    said = canary("plan", POLICY, "--leases-per-hour", "4000", "--json")
    plan = json.loads(said.out)
    assert [stage["stage"] for stage in plan["stages"]] == ["canary", "quarter", "half"]
    assert plan["stages"][0]["gates"][0]["equal"]["bound"] == pytest.approx(371, rel=0.01)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing option '--leases-per-hour'"),
        (["--leases-per-hour", "0"], "0.0 is not in the range x>0"),
        (["--leases-per-hour", "9", "--success", "most"], "'most': expected a share such as 5% or 0.05"),
        (["--leases-per-hour", "9", "--refund", "170%"], "'170%': expected a share"),
    ],
)
def test_mistakes_are_told(words: list[str], said: str) -> None:
    """Exit code 2 and what was expected."""
    found = canary("plan", POLICY, *words)
    assert found.code == 2
    assert said in found.err


def test_a_bad_policy_is_told(tmp_path: Path) -> None:
    """As everywhere: file, line and key."""
    path = tmp_path / "bad.yaml"
    path.write_text("mode: reverse\n")
    found = canary("plan", str(path), "--leases-per-hour", "9")
    assert found.code == 2
    assert f"{path}:1: arms: the key is missing" in found.err
