"""``canary differences``."""

import json
from pathlib import Path

import pytest

from canary.cli import main
from canary.core.model import Arm
from canary.store.rollouts import StoredPolicy
from canary.store.store import Store
from tests.core.compare.replies import learned
from tests.factories import tcall, trollout
from tests.store.test_differences import NAME, NEW, OLD, wrote

type Run = tuple[int, str, str]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> Run:
    """Exit code, output and error output of a command."""
    with pytest.raises(SystemExit) as left:
        main(["differences", *args])
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state with one rollout, of which nothing is known yet."""
    path = tmp_path / "canary.db"
    store = Store(path)
    store.create(trollout(), StoredPolicy("0123456789ab", "{}"))
    store.close()
    return path


def fill(state: Path) -> None:
    """One difference, two unmapped actions and some offers."""
    call = tcall("getOperators")
    well = '{"status":"success","countryOperators":{}}'
    known, denied = learned(call, [well] * 3, [well] * 3), learned(call, ["BAD_ACTION"] * 2, [well] * 2)
    market = {
        "market_pairs": 2,
        "market_both": 3,
        "market_priced": 3,
        "market_dearer": 3,
        "market_log_ratio": 2_079_442,
    }
    store = Store(state)
    wrote(
        store,
        "a",
        *((Arm.OLD, OLD), (Arm.NEW, NEW), (Arm.OLD, known), (Arm.NEW, denied)),
        unmapped_getRentList=1,
        **market,
    )
    store.close()


def test_nothing_found_is_said(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything differs there is one line, and it promises no more than what was seen."""
    code, out, _ = run(capsys, "--state", str(state))
    assert (code, out) == (
        0,
        "no differences: new's replies have shown nothing so far that old's do not show\n",
    )


def test_people_read_what_differs_and_what_it_breaks(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each difference with both sides, examples, count, times and what it would break; unmapped actions; offers."""
    fill(state)
    code, out, _ = run(capsys, "--state", str(state), "--name", NAME)
    assert code == 0
    assert out.splitlines() == [
        "1 difference between old's replies and new's",
        "",
        "getNumber: phone at phone",
        "  old     without +   e.g. 00000000000",
        "  new     with +   e.g. +00000000000",
        "  seen    5 times, 2023-11-14 22:13:20 UTC to 2023-11-14 22:13:24 UTC",
        "  breaks  Nobody crashes, but the number changes: the smsactivate Python SDK, the npm client and the Java "
        "SDK drop the plus because they read an integer, the others keep it, and look-ups by phone stop matching.",
        "",
        "2 actions in use that new cannot serve",
        "  getOperators: new answers that it does not know it (2 calls)",
        "  getRentList: the profile of new declares it (1 call)",
        "",
        "offers in 2 pairs of replies, for information only",
        "  in stock  3 at both, 0 at old alone, 0 at new alone",
        "  prices    new is at 200.0% of old (geometric mean over 3): 0 cheaper, 3 dearer",
    ]


def test_scripts_read_the_same(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object with all of it."""
    fill(state)
    _, out, _ = run(capsys, "--state", str(state), "--json")
    found = json.loads(out)
    assert found["name"] == NAME
    (one,) = found["differences"]
    assert (one["action"], one["path"], one["kind"], one["count"]) == ("getNumber", "phone", "phone", 5)
    assert "drop the plus" in one["breaks"]
    assert [row["action"] for row in found["unmapped"]] == ["getOperators", "getRentList"]
    assert found["market"]["price_ratio"] == pytest.approx(2, abs=1e-3)


def test_an_unknown_rollout_is_said_in_a_sentence(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name, where it was looked for, and what there is."""
    code, out, err = run(capsys, "--state", str(state), "--name", "other")
    assert (code, out) == (2, "")
    assert "holds no rollout named 'other'; it holds smsactivate-to-verifysms" in err
